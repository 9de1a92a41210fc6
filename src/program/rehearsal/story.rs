//! What happened in a rehearsed call, in order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::observe::Observer;
use crate::engine::dialplan::{Decision, Recorder};
use crate::words::text::Span;

/// Most entries of a story; a call that does more than this goes in circles.
const MOST_ENTRIES: usize = 200_000;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A hunt begins.
    Hunt {
        /// Number hunted for.
        destination: String,
        /// Context asked for.
        context: String,
    },
    /// The walk of an extension begins.
    Extension {
        /// Context.
        context: String,
        /// Its name.
        name: String,
        /// Its place.
        span: Span,
    },
    /// A condition was evaluated.
    Condition {
        /// Nesting.
        level: usize,
        /// Whether it holds.
        passed: bool,
        /// What was compared.
        test: Test,
        /// Its place.
        span: Span,
    },
    /// The walk of an extension ended.
    Ended {
        /// Its result.
        matched: bool,
        /// The hunt ends with it.
        stops: bool,
    },
    /// Something the hunt says about the dialplan: an unknown context, a refused action …
    Remark(String),
    /// An API command was called in an expansion.
    Api {
        /// Its name.
        name: String,
        /// Its arguments.
        args: String,
        /// What it gave; none: there is no such command.
        value: Option<String>,
    },
    /// An application ran, or would have.
    Executed(Execution),
    /// An action that names no application.
    Unknown {
        /// What it names.
        application: String,
        /// Its place.
        span: Option<Span>,
    },
}

/// What a condition compares.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// A field with an expression.
    Regex {
        /// The field as written.
        field: String,
        /// Its value.
        value: String,
        /// The expression, expanded.
        expression: String,
        /// Groups of the match.
        groups: Vec<Option<String>>,
    },
    /// Nothing: it always holds.
    Absolute,
    /// The clock.
    Clock,
    /// Several `<regex>` elements, by this rule.
    Group(&'static str),
}

/// An application of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// The application.
    pub application: &'static str,
    /// Data before expansion; none: a hook or a script asked for it.
    pub written: Option<String>,
    /// Data after it.
    pub data: String,
    /// It ran during the hunt.
    pub inline: bool,
    /// It acted; false: it was only noted.
    pub acted: bool,
    /// Where it was written.
    pub span: Option<Span>,
}

/// An action that was shown and did not run yet.
struct Shown {
    application: String,
    written: String,
    span: Option<Span>,
    inline: bool,
}

/// What has been told so far.
#[derive(Default)]
pub(super) struct Told {
    pub(super) entries: Vec<Entry>,
    shown: Option<Shown>,
    /// There was more.
    pub(super) overflowed: bool,
}

impl Told {
    fn push(&mut self, entry: Entry) {
        if self.entries.len() < MOST_ENTRIES {
            self.entries.push(entry);
        } else {
            self.overflowed = true;
        }
    }

    /// What was shown and did not run names no application.
    fn settle(&mut self) {
        if let Some(Shown { application, span, .. }) = self.shown.take() {
            self.push(Entry::Unknown { application, span });
        }
    }

    /// All of it.
    pub(super) fn finish(&mut self) -> Vec<Entry> {
        self.settle();
        std::mem::take(&mut self.entries)
    }
}

/// Writes the story down.
pub(super) struct Narrator {
    pub(super) told: Arc<Mutex<Told>>,
    /// Whether an application acts.
    pub(super) acts: fn(&str) -> bool,
}

impl Narrator {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder for Narrator {
    fn record(&mut self, decision: &Decision<'_>) {
        let condition = |level, passed, test, span| Entry::Condition { level, passed, test, span };
        let entry = match *decision {
            Decision::Processing { destination, context, .. } => {
                Entry::Hunt { destination: destination.to_owned(), context: context.to_owned() }
            }
            Decision::Extension { context, extension, span, .. } => {
                Entry::Extension { context: context.to_owned(), name: extension.to_owned(), span }
            }
            Decision::Ended { matched, stops, .. } => Entry::Ended { matched, stops },
            Decision::Regex { field, value, expression, groups, passed, level, span, .. } => {
                let (field, value, expression) = (field.to_owned(), value.to_owned(), expression.to_owned());
                condition(level, passed, Test::Regex { field, value, expression, groups: groups.to_vec() }, span)
            }
            Decision::Absolute { level, span, .. } => condition(level, true, Test::Absolute, span),
            Decision::DateTime { passed, level, span, .. } => condition(level, passed, Test::Clock, span),
            Decision::Group { rule, passed, level, span, .. } => condition(level, passed, Test::Group(rule), span),
            Decision::Nested { .. } | Decision::Action { .. } => return,
            ref other => match other.log_line("") {
                Some((_, line)) => Entry::Remark(line),
                None => return,
            },
        };
        self.told().push(entry);
    }
}

impl Observer for Narrator {
    fn action(&mut self, application: &str, data: &str, span: Option<Span>, inline: bool) {
        let mut told = self.told();
        told.settle();
        let (application, written) = (application.to_owned(), data.to_owned());
        told.shown = Some(Shown { application, written, span, inline });
    }

    fn execute(&mut self, application: &'static str, data: &str) -> bool {
        let acts = (self.acts)(application);
        let mut told = self.told();
        // A hook may run between an action and its application.
        let shown = told.shown.take_if(|shown| shown.application.eq_ignore_ascii_case(application));
        let (written, span, inline) =
            shown.map_or((None, None, false), |shown| (Some(shown.written), shown.span, shown.inline));
        told.push(Entry::Executed(Execution {
            application,
            written,
            data: data.to_owned(),
            inline,
            acted: acts,
            span,
        }));
        // A call in circles is not worth more room.
        acts && !told.overflowed
    }

    fn api(&mut self, name: &str, args: &str, value: Option<&str>) {
        let entry = Entry::Api { name: name.to_owned(), args: args.to_owned(), value: value.map(str::to_owned) };
        self.told().push(entry);
    }
}
