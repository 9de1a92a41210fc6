//! One call's walk as a resumable machine.

use std::sync::Arc;

use super::program::Dialplan;
use super::{HuntFacts, HuntRequest, InlineAction, Outcome};

/// What a hunt needs next, or its end.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Run this action now, with expansion, then step again.
    Inline(InlineAction),
    /// The value of this API call is needed: [`Hunt::resume`].
    Api {
        /// Name of the function.
        name: String,
        /// Its arguments.
        args: String,
    },
    /// The dialplan of this file is needed (`XML:/path`): [`Hunt::provide`].
    Document {
        /// Path as written.
        path: String,
    },
    /// The end.
    Done(Outcome),
}

/// One call's walk.
#[derive(Debug)]
pub struct Hunt {
    program: Arc<Dialplan>,
    request: HuntRequest,
}

impl Hunt {
    /// A hunt that has not begun.
    pub fn new(program: Arc<Dialplan>, request: HuntRequest) -> Self {
        Self { program, request }
    }

    /// Walks on until something outside has to happen.
    pub fn step(&mut self, _facts: &mut dyn HuntFacts) -> Step {
        let _ = (&self.program, &self.request);
        Step::Done(Outcome::NoDialplan)
    }

    /// The value of the API call that was asked for; `None`: no such function.
    pub fn resume(&mut self, value: Option<String>) {
        drop(value);
    }

    /// The dialplan of the file that was asked for; `None`: it cannot be read.
    pub fn provide(&mut self, dialplan: Option<Arc<Dialplan>>) {
        drop(dialplan);
    }
}
