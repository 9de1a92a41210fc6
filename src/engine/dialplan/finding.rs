//! Mistakes found while a dialplan is compiled. None of them stops the compilation: what is wrong behaves as it would in
//! FreeSWITCH, and is reported.

use super::ast::Span;
use crate::words::pattern::PatternError;
use crate::words::text::{Diagnostic, Severity};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// A second `<section name="dialplan">`.
    #[error("only the first dialplan section is used; this one is dead")]
    DuplicateSection {
        /// Its place.
        at: Span,
    },
    /// A second context of the same name.
    #[error("context \"{name}\" is defined above; this one can never be reached")]
    DuplicateContext {
        /// Its name.
        name: String,
        /// Its place.
        at: Span,
    },
    /// `<context>` without a name.
    #[error("a context without a name can never be reached")]
    NamelessContext {
        /// Its place.
        at: Span,
    },
    /// An element that means nothing here.
    #[error("<{name}> means nothing inside <{within}> and is ignored with its content")]
    UnknownElement {
        /// Its name.
        name: String,
        /// The element around it.
        within: &'static str,
        /// Its place.
        at: Span,
    },
    /// An extension without condition.
    #[error("an extension without condition never matches")]
    NoCondition {
        /// Its place.
        at: Span,
    },
    /// Conditions nested too deeply.
    #[error("conditions are nested too deeply; this one is never reached")]
    TooDeep {
        /// Its place.
        at: Span,
    },
    /// A pattern that cannot be used.
    #[error("this pattern never matches: {error}")]
    BadPattern {
        /// Why, with the position in the pattern.
        error: PatternError,
        /// Place of the expression.
        at: Span,
    },
    /// An application that does not exist.
    #[error("there is no application \"{name}\"; the call would be hung up with DESTINATION_OUT_OF_ORDER")]
    UnknownApplication {
        /// Its name.
        name: String,
        /// Place of the name.
        at: Span,
    },
    /// An application that may not run inline.
    #[error("application \"{name}\" cannot run inline and is skipped")]
    NotInline {
        /// Its name.
        name: String,
        /// Place of the action.
        at: Span,
    },
    /// A value of `break` that is none.
    #[error("\"{value}\" is no value of break; it means on-false")]
    UnknownBreak {
        /// The value.
        value: String,
        /// Its place.
        at: Span,
    },
    /// `field="name"` that names no field of the caller profile.
    #[error(
        "\"{name}\" is no field of the caller profile and always reads as empty; a variable is written ${{{name}}}"
    )]
    UnknownField {
        /// The name.
        name: String,
        /// Its place.
        at: Span,
    },
    /// Data that holds `\'`.
    #[error("an action whose data holds \\' is dropped when it is hunted")]
    RefusedData {
        /// Place of the data.
        at: Span,
    },
}

impl Finding {
    /// Stable code of the rule.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DuplicateSection { .. } => "duplicate-section",
            Self::DuplicateContext { .. } => "duplicate-context",
            Self::NamelessContext { .. } => "nameless-context",
            Self::UnknownElement { .. } => "unknown-element",
            Self::NoCondition { .. } => "no-condition",
            Self::TooDeep { .. } => "too-deep",
            Self::BadPattern { .. } => "bad-pattern",
            Self::UnknownApplication { .. } => "unknown-application",
            Self::NotInline { .. } => "not-inline",
            Self::UnknownBreak { .. } => "unknown-break",
            Self::UnknownField { .. } => "unknown-field",
            Self::RefusedData { .. } => "refused-data",
        }
    }

    /// Where it is.
    pub fn span(&self) -> Span {
        match self {
            Self::DuplicateSection { at }
            | Self::DuplicateContext { at, .. }
            | Self::NamelessContext { at }
            | Self::UnknownElement { at, .. }
            | Self::NoCondition { at }
            | Self::TooDeep { at }
            | Self::BadPattern { at, .. }
            | Self::UnknownApplication { at, .. }
            | Self::NotInline { at, .. }
            | Self::UnknownBreak { at, .. }
            | Self::UnknownField { at, .. }
            | Self::RefusedData { at } => *at,
        }
    }

    /// True for what makes a call fail; the rest is only suspicious.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::BadPattern { .. } | Self::UnknownApplication { .. } | Self::DuplicateContext { .. })
    }

    /// What to do about it; none when the message says it all.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::DuplicateSection { .. } => "move its contexts into the first section",
            Self::DuplicateContext { .. } => "move its extensions into the first context of this name",
            Self::NamelessContext { .. } => "give it a name",
            Self::UnknownElement { .. } => "names are case-sensitive; correct it or take it out",
            Self::NoCondition { .. } => "write <condition> around the actions; without attributes it always matches",
            Self::TooDeep { .. } => "move the inner conditions into an extension of their own",
            Self::BadPattern { .. } => "correct the expression",
            Self::UnknownApplication { .. } => "correct the name",
            Self::NotInline { .. } => "take inline=\"true\" off",
            Self::UnknownBreak { .. } => "write on-false, on-true, always or never",
            Self::UnknownField { .. } => "write a field of the caller profile, or ${…} around a variable",
            Self::RefusedData { .. } => "write the quote without a backslash",
        })
    }
}

impl From<&Finding> for Diagnostic {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: if finding.is_error() { Severity::Error } else { Severity::Warning },
            code: finding.code(),
            message: finding.to_string(),
            remedy: finding.remedy().map(str::to_owned),
            span: Some(finding.span()),
        }
    }
}
