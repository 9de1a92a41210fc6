//! The explanation for the terminal.

use std::fmt::Write as _;

use super::{Entry, Execution, Heading, Story, Test};
use crate::words::text::{Sources, Span};

/// Longest value that is shown whole.
const LONGEST: usize = 160;

/// The whole explanation.
pub(super) fn render(sources: &Sources, heading: &Heading, story: &Story, note: &str) -> String {
    let mut page = Page { sources, text: String::new(), failed: None, at: None, steps: 0, in_list: false };
    let Heading { destination, caller, .. } = heading;
    let _ = writeln!(page.text, "{destination} called by {caller}");
    for entry in &story.entries {
        page.entry(entry);
    }
    page.end(story, note);
    page.text
}

struct Page<'s> {
    sources: &'s Sources,
    text: String,
    /// First condition of the present extension that failed.
    failed: Option<String>,
    /// The present extension: name and place.
    at: Option<(String, String)>,
    /// Applications so far.
    steps: usize,
    /// The heading of a list of applications is written.
    in_list: bool,
}

impl Page<'_> {
    fn place(&self, span: Span) -> String {
        let place = self.sources.locate(span);
        place.map_or_else(String::new, |place| format!("{}:{}", place.file.trim_start_matches("./"), place.line))
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}");
    }

    fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Hunt { destination, context } => {
                self.in_list = false;
                self.line(&format!("\nlooking for {destination} in context {context}"));
            }
            Entry::Extension { name, span, .. } => {
                self.at = Some((name.clone(), self.place(*span)));
                self.failed = None;
            }
            Entry::Condition { level, passed, test, span } => self.condition(*level, *passed, test, *span),
            Entry::Ended { matched, stops } => self.extension_ended(*matched, *stops),
            Entry::Remark(text) => self.line(&format!("  !    {text}")),
            Entry::Api { name, args, value } => {
                let value =
                    value.as_ref().map_or("there is no such command".to_owned(), |value| quoted(value.trim_end()));
                self.line(&format!("  api  {name}({}) = {value}", short(args)));
            }
            Entry::Executed(execution) => self.executed(execution),
            Entry::Unknown { application, span } => {
                let place = span.map(|span| self.place(span)).unwrap_or_default();
                self.list();
                self.line(&format!("  !    there is no application {application}: the call ends here   {place}"));
            }
        }
    }

    fn condition(&mut self, level: usize, passed: bool, test: &Test, span: Span) {
        let text = format!("{}{}", told(test, passed), nesting(level));
        if passed {
            let (name, _) = self.at.clone().unwrap_or_default();
            let place = self.place(span);
            self.line(&format!("  ok   {name:<22} {text}   {place}"));
        } else if self.failed.is_none() {
            self.failed = Some(text);
        }
    }

    fn extension_ended(&mut self, matched: bool, stops: bool) {
        let (name, place) = self.at.take().unwrap_or_default();
        match (matched, self.failed.take()) {
            (true, _) if stops => self.line(&format!("  yes  {name:<22} matches   {place}")),
            (true, _) => self.line(&format!("  yes  {name:<22} matches, and the search goes on   {place}")),
            (false, why) => {
                let why = why.unwrap_or_else(|| "has no condition that holds".to_owned());
                self.line(&format!("  no   {name:<22} {why}   {place}"));
            }
        }
    }

    /// The heading of what runs.
    fn list(&mut self) {
        if !std::mem::replace(&mut self.in_list, true) {
            self.line("runs");
        }
    }

    fn executed(&mut self, execution: &Execution) {
        let Execution { application, written, data, inline, acted, span } = execution;
        if !inline {
            self.list();
        }
        self.steps += 1;
        let place = span.map(|span| self.place(span)).unwrap_or_default();
        let mut notes = Vec::new();
        notes.extend(inline.then_some("during the search"));
        notes.extend(written.is_none().then_some("by a hook or another application"));
        notes.extend((!acted).then_some("noted only"));
        let notes = if notes.is_empty() { String::new() } else { format!("   ({})", notes.join(", ")) };
        let step = self.steps;
        self.line(&format!("  {step:>3}. {application} {}{notes}   {place}", short(data)));
        if let Some(written) = written.as_ref().filter(|written| *written != data) {
            self.line(&format!("         from {}", short(written)));
        }
    }

    fn end(&mut self, story: &Story, note: &str) {
        if !note.is_empty() {
            self.line(&format!("\n{note}"));
        }
        if story.overflowed {
            self.line("\nThe call does not come to an end: it was cut off here.");
        }
        let Some(end) = &story.end else { return self.line("\nthe call is not over") };
        let status = match (end.answered, &end.refusal) {
            (true, _) => "the caller was answered".to_owned(),
            (false, None) => "the caller was told nothing".to_owned(),
            (false, Some((status, phrase))) => format!("the caller gets {status} {phrase}"),
        };
        self.line(&format!("\nends with {}; {status}", end.cause));
    }
}

fn nesting(level: usize) -> String {
    if level == 0 { String::new() } else { format!(" (nested {level} deep)") }
}

fn told(test: &Test, passed: bool) -> String {
    match test {
        Test::Regex { field, value, expression, groups, .. } => {
            let verb = if passed { "matches" } else { "does not match" };
            let captures = groups.iter().enumerate().skip(1);
            let captures = captures.map(|(number, group)| match group {
                Some(text) => format!(", ${number} = {}", quoted(text)),
                None => format!(", ${number} unset"),
            });
            let captures: String = captures.collect();
            format!("{field} is {} and {verb} {}{captures}", quoted(value), short(expression))
        }
        Test::Absolute => "holds always".to_owned(),
        Test::Clock if passed => "date and time match".to_owned(),
        Test::Clock => "date or time does not match".to_owned(),
        Test::Group(rule) if passed => format!("the group regex=\"{rule}\" holds"),
        Test::Group(rule) => format!("the group regex=\"{rule}\" does not hold"),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", short(text))
}

/// A value on one line, cut when it is long.
fn short(text: &str) -> String {
    let mut out: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > LONGEST {
        out.push('…');
    }
    out
}
