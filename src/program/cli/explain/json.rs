//! The explanation as JSON.

use serde_json::{Value, json};

use super::{extension, matched};
use crate::program::rehearsal::{Entry, Execution, Outcome, Request, Test};
use crate::words::text::{Sources, Span};

/// One object: `matched`, `extension`, `actions`, `trace` and how the call ends.
pub(super) fn render(sources: &Sources, request: &Request, outcome: &Outcome) -> String {
    let executed = |entry: &Entry| match entry {
        Entry::Executed(execution) => Some(json!([execution.application, execution.data])),
        _ => None,
    };
    let actions: Vec<Value> = outcome.entries.iter().filter_map(executed).collect();
    let trace: Vec<Value> = outcome.entries.iter().map(|entry| traced(sources, entry)).collect();
    let (status, phrase) = outcome.told.refused.clone().unzip();
    let value = json!({
        "destination": request.destination,
        "context": request.context,
        "caller": request.caller,
        "matched": matched(&outcome.entries),
        "extension": extension(&outcome.entries),
        "actions": actions,
        "hangup_cause": outcome.cause,
        "answered": outcome.told.answered,
        "sip_status": status,
        "sip_phrase": phrase,
        "cut": outcome.cut,
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
