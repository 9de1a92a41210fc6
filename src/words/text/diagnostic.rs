//! What is wrong with a source, and how it is shown.

use std::borrow::Cow;
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
    /// Name of the rule, stable, in small letters with hyphens.
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

/// Text for a terminal: `file:line:column: severity[code]: message`, the line with its bad piece underlined, the remedy.
pub fn render(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    render_as(sources, diagnostics, Cow::Borrowed)
}

/// As [`render`], with words of the caller's in place of the code.
pub fn render_as<'c>(
    sources: &Sources,
    diagnostics: &[Diagnostic],
    label: impl Fn(&'static str) -> Cow<'c, str>,
) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let place = diagnostic.span.and_then(|span| sources.locate(span));
        if let Some(place) = &place {
            let _ = write!(out, "{}:{}:{}: ", place.file, place.line, place.column);
        }
        let _ = writeln!(out, "{}[{}]: {}", diagnostic.severity, label(diagnostic.code), diagnostic.message);
        if let Some(place) = place.filter(|place| !place.text.trim().is_empty()) {
            // A tab stays a tab in the line of the caret, so that both lines are cut up alike.
            let shown: String =
                place.text.chars().take(SHOWN).filter(|letter| *letter == '\t' || !letter.is_control()).collect();
            let indent = shown.chars().take(place.column - 1).map(|letter| if letter == '\t' { '\t' } else { ' ' });
            let _ = writeln!(out, "    {shown}");
            if place.column <= SHOWN {
                let wide =
                    underlined(sources, diagnostic.span).min(shown.chars().count().saturating_sub(place.column - 1));
                let _ = writeln!(out, "    {}{}", indent.collect::<String>(), "^".repeat(wide.max(1)));
            }
        }
        if let Some(remedy) = &diagnostic.remedy {
            let _ = writeln!(out, "    = {remedy}");
        }
    }
    out
}

/// Characters of a span, those on its first line.
fn underlined(sources: &Sources, span: Option<Span>) -> usize {
    let text = span.and_then(|span| sources.text(span)).unwrap_or_default();
    text.lines().next().map_or(0, |line| line.trim_end().chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_shown_with_its_line() {
        let mut sources = Sources::new();
        let file = sources.add("dialplan/a.xml", "<a>\n\t<b c=\"(\"/>\n</a>\n");
        let span = Span { file, start: 8, end: 13 };
        let found = Diagnostic::error("bad-pattern", span, "unclosed group").remedy("close it with ')'");
        assert_eq!(
            render(&sources, &[found, Diagnostic::warning("no-files", None, "nothing to load")]),
            "dialplan/a.xml:2:5: error[bad-pattern]: unclosed group\n    \t<b c=\"(\"/>\n    \t   ^^^^^\n    = close it with ')'\n\
             warning[no-files]: nothing to load\n"
        );
    }
}
