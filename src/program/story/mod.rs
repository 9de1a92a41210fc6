//! What happened in a call, in order: told by an observer, shown as text or JSON.

mod json;
mod text;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::observe::Observer;
use crate::engine::dialplan::{Decision, Recorder};
use crate::words::model::{Cause, phrase};
use crate::words::text::{Sources, Span};

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
#[derive(Debug)]
struct Shown {
    application: String,
    written: String,
    span: Option<Span>,
    inline: bool,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Name of the cause.
    pub cause: &'static str,
    /// It was answered.
    pub answered: bool,
    /// What a caller who was not answered was told, if anything.
    pub refusal: Option<(u16, String)>,
}

/// Who called whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Number dialled.
    pub destination: String,
    /// Caller's number.
    pub caller: String,
    /// Context.
    pub context: String,
}

/// A call from its beginning to its end, or as far as it has come.
#[derive(Debug, Default)]
pub struct Story {
    /// What happened.
    pub entries: Vec<Entry>,
    shown: Option<Shown>,
    /// There was more than is kept.
    pub overflowed: bool,
    /// How it ended.
    pub end: Option<End>,
}

impl Story {
    /// For the terminal. `note` goes before the end.
    pub fn text(&self, sources: &Sources, heading: &Heading, note: &str) -> String {
        text::render(sources, heading, self, note)
    }

    /// As one JSON object.
    pub fn json(&self, sources: &Sources, heading: &Heading) -> String {
        json::render(sources, heading, self)
    }

    /// The entries of the first hunt and of what it led to, up to the next one.
    fn first_hunt(&self) -> &[Entry] {
        let next = self.entries.iter().skip(1).position(|entry| matches!(entry, Entry::Hunt { .. }));
        self.entries.get(..next.map_or(self.entries.len(), |next| next + 1)).unwrap_or_default()
    }

    /// The first extension that matched.
    pub fn extension(&self) -> Option<&str> {
        let mut present = None;
        for entry in self.first_hunt() {
            match entry {
                Entry::Extension { name, .. } => present = Some(name.as_str()),
                Entry::Ended { matched: true, .. } => return present,
                _ => {}
            }
        }
        None
    }

    /// Whether the number reaches anything.
    pub fn matched(&self) -> bool {
        let ran = |entry: &Entry| matches!(entry, Entry::Executed(_) | Entry::Unknown { .. });
        self.extension().is_some() || self.first_hunt().iter().any(ran)
    }
}

/// Writes a story down.
pub struct Narrator {
    story: Arc<Mutex<Story>>,
    most: usize,
    acts: fn(&str) -> bool,
}

impl Narrator {
    /// Into this story, at most so many entries. `acts` says which applications act.
    pub fn new(story: Arc<Mutex<Story>>, most: usize, acts: fn(&str) -> bool) -> Self {
        Self { story, most: most.min(MOST_ENTRIES), acts }
    }

    fn told(&self) -> Telling<'_> {
        Telling { story: self.story.lock().unwrap_or_else(PoisonError::into_inner), most: self.most }
    }
}

/// A story that is being written, with its bound.
struct Telling<'s> {
    story: MutexGuard<'s, Story>,
    most: usize,
}

impl Telling<'_> {
    fn push(&mut self, entry: Entry) {
        if self.story.entries.len() < self.most {
            self.story.entries.push(entry);
        } else {
            self.story.overflowed = true;
        }
    }

    /// What was shown and did not run names no application.
    fn settle(&mut self) {
        if let Some(Shown { application, span, .. }) = self.story.shown.take() {
            self.push(Entry::Unknown { application, span });
        }
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
        told.story.shown = Some(Shown { application, written, span, inline });
    }

    fn execute(&mut self, application: &'static str, data: &str) -> bool {
        let acts = (self.acts)(application);
        let mut told = self.told();
        // A hook may run between an action and its application.
        let shown = told.story.shown.take_if(|shown| shown.application.eq_ignore_ascii_case(application));
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
        acts && !told.story.overflowed
    }

    fn api(&mut self, name: &str, args: &str, value: Option<&str>) {
        let entry = Entry::Api { name: name.to_owned(), args: args.to_owned(), value: value.map(str::to_owned) };
        self.told().push(entry);
    }

    fn ended(&mut self, cause: Cause, answered: bool, refusal: Option<(u16, Option<&str>)>) {
        let mut told = self.told();
        told.settle();
        let refusal = refusal.map(|(status, own)| (status, own.unwrap_or_else(|| phrase(status)).to_owned()));
        told.story.end = Some(End { cause: cause.name(), answered, refusal });
    }
}
