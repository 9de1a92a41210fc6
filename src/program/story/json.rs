//! The explanation as JSON.

use serde_json::{Value, json};

use super::{Entry, Execution, Heading, Story, Test};
use crate::words::text::{Sources, Span};

/// One object: `matched`, `extension`, `actions`, `trace` and how the call ends.
pub(super) fn render(sources: &Sources, heading: &Heading, story: &Story) -> String {
    let executed = |entry: &Entry| match entry {
        Entry::Executed(execution) => Some(json!([execution.application, execution.data])),
        _ => None,
    };
    let actions: Vec<Value> = story.entries.iter().filter_map(executed).collect();
    let trace: Vec<Value> = story.entries.iter().map(|entry| traced(sources, entry)).collect();
    let end = story.end.as_ref();
    let refusal = end.and_then(|end| end.refusal.as_ref());
    let value = json!({
        "destination": heading.destination,
        "context": heading.context,
        "caller": heading.caller,
        "matched": story.matched(),
        "extension": story.extension(),
        "actions": actions,
        "ended": end.is_some(),
        "hangup_cause": end.map(|end| end.cause),
        "answered": end.map(|end| end.answered),
        "sip_status": refusal.map(|(status, _)| status),
        "sip_phrase": refusal.map(|(_, phrase)| phrase),
        "cut": story.overflowed,
        "trace": trace,
    });
    format!("{value:#}\n")
}

fn traced(sources: &Sources, entry: &Entry) -> Value {
    let place = |span: Option<Span>| {
        let place = sources.locate(span?)?;
        Some(json!({"file": place.file, "line": place.line, "column": place.column}))
    };
    match entry {
        Entry::Hunt { destination, context } => {
            json!({"kind": "hunt", "destination": destination, "context": context})
        }
        Entry::Extension { context, name, span } => {
            json!({"kind": "extension", "context": context, "name": name, "at": place(Some(*span))})
        }
        Entry::Condition { level, passed, test, span } => {
            let mut value = tested(test);
            if let Some(object) = value.as_object_mut() {
                object.insert("kind".to_owned(), json!("condition"));
                object.insert("level".to_owned(), json!(level));
                object.insert("passed".to_owned(), json!(passed));
                object.insert("at".to_owned(), json!(place(Some(*span))));
            }
            value
        }
        Entry::Ended { matched, stops } => json!({"kind": "extension_end", "matched": matched, "stops": stops}),
        Entry::Remark(text) => json!({"kind": "remark", "text": text}),
        Entry::Api { name, args, value } => json!({"kind": "api", "name": name, "args": args, "value": value}),
        Entry::Executed(Execution { application, written, data, inline, acted, span }) => json!({
            "kind": "execute", "application": application, "written": written, "data": data, "inline": inline,
            "acted": acted, "at": place(*span),
        }),
        Entry::Unknown { application, span } => {
            json!({"kind": "unknown_application", "application": application, "at": place(*span)})
        }
    }
}

fn tested(test: &Test) -> Value {
    match test {
        Test::Regex { field, value, expression, groups } => {
            json!({"test": "regex", "field": field, "value": value, "expression": expression, "groups": groups})
        }
        Test::Absolute => json!({"test": "absolute"}),
        Test::Clock => json!({"test": "date_time"}),
        Test::Group(rule) => json!({"test": "group", "rule": rule}),
    }
}
