//! What is wrong with a source, and how it is shown.

use std::fmt::{self, Write as _};

use super::source::{Sources, Span};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Suspicious, works as in FreeSWITCH.
    Warning,
    /// Calls fail, or nothing is loaded.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable code of the rule, in small letters with hyphens.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// Where; none: nowhere in particular.
    pub span: Option<Span>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: &'static str, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), remedy: None, span: span.into() }
    }

    /// A warning.
    pub fn warning(code: &'static str, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// The same with advice.
    #[must_use]
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

/// Longest piece of a source line that is shown, in characters.
const SHOWN: usize = 160;

/// Text for a terminal: `file:line:column: severity[code]: message`, the line with a caret, the remedy.
pub fn render(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let place = diagnostic.span.and_then(|span| sources.locate(span));
        if let Some(place) = &place {
            let _ = write!(out, "{}:{}:{}: ", place.file, place.line, place.column);
        }
        let _ = writeln!(out, "{}[{}]: {}", diagnostic.severity, diagnostic.code, diagnostic.message);
        if let Some(place) = place.filter(|place| !place.text.trim().is_empty()) {
            // A tab stays a tab in the line of the caret, so that both lines are cut up alike.
            let shown: String =
                place.text.chars().take(SHOWN).filter(|letter| *letter == '\t' || !letter.is_control()).collect();
            let indent = shown.chars().take(place.column - 1).map(|letter| if letter == '\t' { '\t' } else { ' ' });
            let _ = writeln!(out, "    {shown}");
            if place.column <= SHOWN {
                let _ = writeln!(out, "    {}^", indent.collect::<String>());
            }
        }
        if let Some(remedy) = &diagnostic.remedy {
            let _ = writeln!(out, "    = {remedy}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_shown_with_its_line() {
        let mut sources = Sources::new();
        let file = sources.add("dialplan/a.xml", "<a>\n\t<b c=\"(\"/>\n</a>\n");
        let span = Span { file, start: 11, end: 12 };
        let found = Diagnostic::error("bad-pattern", span, "unclosed group").remedy("close it with ')'");
        assert_eq!(
            render(&sources, &[found, Diagnostic::warning("no-files", None, "nothing to load")]),
            "dialplan/a.xml:2:8: error[bad-pattern]: unclosed group\n    \t<b c=\"(\"/>\n    \t      ^\n    = close it with ')'\n\
             warning[no-files]: nothing to load\n"
        );
    }
}
