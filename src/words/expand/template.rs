//! A text looked at once, at load.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::{Answers, Lookup, Pending, expand_with, needs_expansion};

/// A text that may hold `${}`. Whether it does is found out once; a literal one is handed out as it is. Clones share the
/// text.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    text: Arc<str>,
    literal: bool,
}

impl Template {
    /// Takes a text as it was written.
    pub fn parse(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let literal = !needs_expansion(&text);
        Self { text, literal }
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when expansion leaves the text as it is, whatever the variables.
    pub fn is_literal(&self) -> bool {
        self.literal
    }

    /// Expands; see [`super::expand`].
    pub fn expand(&self, lookup: &mut dyn Lookup) -> Result<Cow<'_, str>, Pending> {
        self.expand_with(lookup, &mut Answers::default())
    }

    /// Expands with the values of calls awaited so far; see [`super::expand_with`].
    pub fn expand_with(&self, lookup: &mut dyn Lookup, answers: &mut Answers) -> Result<Cow<'_, str>, Pending> {
        if self.literal { Ok(Cow::Borrowed(&self.text)) } else { expand_with(&self.text, lookup, answers) }
    }
}

impl Default for Template {
    fn default() -> Self {
        Self::parse("")
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(if self.literal { "Literal" } else { "Template" }).field(&self.text).finish()
    }
}

impl From<&str> for Template {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}
