//! Why a pattern cannot be used.

use std::ops::Range;

/// Why a pattern never matches, or did not match this time. Positions are bytes of the expression as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// `/expr` without a second slash.
    #[error("a pattern that begins with / needs a closing /")]
    Unterminated,
    /// Not a valid expression.
    #[error("{reason}")]
    Syntax {
        /// What is wrong.
        reason: String,
        /// Where, in bytes of the expression.
        at: Range<usize>,
    },
    /// Valid in PCRE, but no engine here has it.
    #[error("{feature} is not supported")]
    Unsupported {
        /// What is not supported.
        feature: &'static str,
        /// Where, in bytes of the expression.
        at: Range<usize>,
    },
    /// Larger than the limits allow once compiled.
    #[error("the pattern is too large")]
    TooLarge,
    /// Gave up searching after the step limit.
    #[error("the pattern needs too many steps for this text")]
    TooManySteps,
}

impl PatternError {
    /// Where in the expression the mistake stands, when it has a place.
    pub fn span(&self) -> Option<Range<usize>> {
        match self {
            Self::Syntax { at, .. } | Self::Unsupported { at, .. } => Some(at.clone()),
            _ => None,
        }
    }
}
