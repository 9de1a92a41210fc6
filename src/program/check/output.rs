//! A report as text, JSON and SARIF.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Report, rules};
use crate::words::text::{Diagnostic, Severity, Sources, Span, render_as};

/// For the terminal.
pub fn text(report: &Report) -> String {
    render_as(&report.sources, &report.diagnostics, |name| match rules::find(name) {
        Some(rule) => Cow::Owned(format!("{} {name}", rule.code)),
        None => Cow::Borrowed(name),
    })
}

/// Line and column of both ends.
struct Place<'s> {
    file: &'s str,
    start: (usize, usize),
    end: (usize, usize),
    line: &'s str,
}

fn place(sources: &Sources, span: Span) -> Option<Place<'_>> {
    let start = sources.locate(span)?;
    let end = sources.locate(Span { start: span.end, ..span })?;
    Some(Place { file: start.file, start: (start.line, start.column), end: (end.line, end.column), line: start.text })
}

fn code(found: &Diagnostic) -> &'static str {
    rules::find(found.code).map_or(found.code, |rule| rule.code)
}

/// One object: `errors`, `warnings`, and `diagnostics` with code, name, place, message and remedy.
pub fn json(report: &Report) -> Value {
    let one = |found: &Diagnostic| {
        let place = found.span.and_then(|span| place(&report.sources, span));
        let at = |pick: fn(&Place<'_>) -> usize| place.as_ref().map(pick);
        json!({
            "code": code(found),
            "name": found.code,
            "severity": found.severity.to_string(),
            "file": place.as_ref().map(|place| place.file),
            "line": at(|place| place.start.0),
            "column": at(|place| place.start.1),
            "end_line": at(|place| place.end.0),
            "end_column": at(|place| place.end.1),
            "source": place.as_ref().map(|place| place.line),
            "message": found.message,
            "remedy": found.remedy,
        })
    };
    json!({
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "diagnostics": report.diagnostics.iter().map(one).collect::<Vec<_>>(),
    })
}

/// Static Analysis Results Interchange Format 2.1.0 (OASIS), which code hosts and editors read.
pub fn sarif(report: &Report) -> Value {
    let rule = |rule: &&'static super::Rule| {
        json!({
            "id": rule.code,
            "name": rule.name,
            "shortDescription": { "text": rule.summary },
            "fullDescription": { "text": rule.why },
            "defaultConfiguration": { "level": rule.severity.to_string() },
        })
    };
    let result = |found: &Diagnostic| {
        let message = match &found.remedy {
            Some(remedy) => format!("{}; {remedy}", found.message),
            None => found.message.clone(),
        };
        let mut result = json!({
            "ruleId": code(found),
            "level": found.severity.to_string(),
            "message": { "text": message },
        });
        if let (Some(place), Some(fields)) =
            (found.span.and_then(|span| place(&report.sources, span)), result.as_object_mut())
        {
            let region = json!({
                "startLine": place.start.0, "startColumn": place.start.1,
                "endLine": place.end.0, "endColumn": place.end.1,
            });
            let location =
                json!({ "physicalLocation": { "artifactLocation": { "uri": place.file }, "region": region } });
            fields.insert("locations".to_owned(), json!([location]));
        }
        result
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "switch check",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules::all().iter().map(rule).collect::<Vec<_>>(),
            }},
            "results": report.diagnostics.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}
