//! Expansion of `${name}` and `${api(args)}`, and the splitting of argument lists.
//!
//! The rules are FreeSWITCH's, warts included, because existing dialplans are tested against them:
//!
//! * a text without `${` and without one of `\\ \n \s \t \'` is returned untouched;
//! * `\$` is a literal `$`, `\\` one backslash, `\'` vanishes, `$$` is one `$`, `$${` is `${`;
//! * the character right after a closing brace is copied as it is (a backslash there protects nothing);
//! * values of variables are expanded again, output of API calls is not;
//! * `${name[2]}` selects an array item, `${name:offset:length}` cuts bytes.
//!
//! This module knows neither channels nor API functions: both come through [`Lookup`]. An API call that has to be
//! awaited answers [`Api::Pending`]; the caller obtains the value, adds it to its [`Answers`] and expands again. As
//! expansion is deterministic, the remembered answers are met in the same order.
//!
//! ```
//! use switch::words::expand::{Api, Lookup, Template};
//! struct Fixture;
//! impl Lookup for Fixture {
//!     fn variable(&self, name: &str, _index: Option<usize>) -> Option<std::borrow::Cow<'_, str>> {
//!         name.eq_ignore_ascii_case("x").then(|| "abcdef".into())
//!     }
//!     fn api(&mut self, _name: &str, _args: &str) -> Api {
//!         Api::Unknown
//!     }
//! }
//! let template = Template::parse("<${x:2:2}>");
//! assert_eq!(template.expand(&mut Fixture).unwrap(), "<cd>");
//! ```

mod engine;
mod split;
mod template;

use std::borrow::Cow;

pub use engine::{expand, expand_with, holds_reference, needs_expansion};
pub use split::{Scoped, scope_variables, split, split_unlimited};
pub use template::Template;

/// Where the values of an expansion come from.
pub trait Lookup {
    /// Value of a variable: scope variables, then channel variables, then fields of the caller profile, then globals.
    /// Names ignore case.
    ///
    /// With an `index` the item of an array is asked for: a scalar, or an index out of range, is undefined among the
    /// variables, and the search goes on with the bare name in the profile and the globals.
    fn variable(&self, name: &str, index: Option<usize>) -> Option<Cow<'_, str>>;

    /// Output of an API call; name and arguments are expanded and trimmed. Names ignore case.
    fn api(&mut self, name: &str, args: &str) -> Api;
}

/// Answer to an API call inside `${}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Api {
    /// Its output, inserted verbatim.
    Value(String),
    /// No such function: inserts nothing.
    Unknown,
    /// The call must be awaited; see [`Pending`].
    Pending,
}

/// An API call whose value is needed before an expansion can finish.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value of {name}({args}) must be awaited")]
pub struct Pending {
    /// Name of the function as written, expanded and trimmed.
    pub name: String,
    /// Its arguments, expanded and trimmed.
    pub args: String,
}

/// Values of the API calls made so far, in the order the expansion meets them. `None` stands for "no such function".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers(Vec<Option<String>>);

impl Answers {
    /// No answers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the value of the call that was last reported as [`Pending`].
    pub fn push(&mut self, value: Option<String>) {
        self.0.push(value);
    }

    /// Forgets all answers: the next expansion is another one.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Number of answers held.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when no answer is held.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn at(&self, index: usize) -> Option<&Option<String>> {
        self.0.get(index)
    }
}
