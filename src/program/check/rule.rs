//! What a rule is, and what it is given.

use crate::words::text::{Diagnostic, Severity, Span};

use super::view::View;

/// Mistakes of one check; later ones are left out.
const MAX_FOUND: usize = 10_000;

/// One rule. Its page in `docs/lints` is written from it, and its examples are its tests.
#[derive(Debug)]
pub struct Rule {
    /// Short code, never given to another rule.
    pub code: &'static str,
    /// The name by which it is switched off.
    pub name: &'static str,
    /// How bad what it finds is.
    pub severity: Severity,
    /// What it finds, in a few words.
    pub summary: &'static str,
    /// Why that is a mistake.
    pub why: &'static str,
    /// Files in which it finds something.
    pub bad: Example,
    /// The same, corrected.
    pub good: Example,
    /// Looks for it; none: loading finds it.
    pub(super) check: Option<Check>,
}

/// The code of a rule.
pub(super) type Check = fn(&View<'_>, &mut Findings<'_>);

impl Rule {
    /// Whether it is about what stands in scripts.
    pub(super) fn is_about_scripts(&self) -> bool {
        self.code.starts_with('L') && self.name != "missing-script"
    }
}

/// What an example is made of.
#[derive(Debug, Clone, Copy)]
pub enum Example {
    /// Extensions of the context `default`.
    Plan(&'static str),
    /// A script.
    Script(&'static str),
    /// Names and texts of files.
    Files(&'static [(&'static str, &'static str)]),
}

/// Takes what a rule finds.
pub(super) struct Findings<'f> {
    rule: &'static Rule,
    found: &'f mut Vec<Diagnostic>,
}

impl<'f> Findings<'f> {
    pub(super) fn new(rule: &'static Rule, found: &'f mut Vec<Diagnostic>) -> Self {
        Self { rule, found }
    }

    /// A mistake, what is wrong in one sentence, and what to do about it.
    pub(super) fn add(&mut self, at: Span, message: impl Into<String>, remedy: impl Into<String>) {
        if self.found.len() < MAX_FOUND {
            let Rule { severity, name, .. } = *self.rule;
            self.found.push(Diagnostic {
                severity,
                code: name,
                message: message.into(),
                remedy: Some(remedy.into()),
                span: Some(at),
            });
        }
    }
}
