//! An element that means nothing.

use crate::engine::xml::Element;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::nearest;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D101",
    name: "unknown-element",
    severity: Severity::Warning,
    summary: "An element means nothing where it stands",
    why: "Names are case-sensitive, and an unknown element is ignored with everything in it. An action must stand \
          inside a condition.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <Action application="answer"/>
    <action application="echo"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="answer"/>
    <action application="echo"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

/// Elements and what may stand in them.
const INSIDE: &[(&str, &[&str])] = &[
    ("section", &["context"]),
    ("context", &["extension"]),
    ("extension", &["condition"]),
    ("condition", &["action", "anti-action", "condition", "regex", "expression"]),
    ("regex", &["expression"]),
];

/// Nested conditions below this depth are another rule's.
const MAX_DEPTH: usize = 110;

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    if let Some(section) = view.section("dialplan") {
        walk(section, 0, findings);
    }
}

fn walk(element: &Element, depth: usize, findings: &mut Findings<'_>) {
    let Some((_, inside)) = INSIDE.iter().find(|(name, _)| *name == element.name) else { return };
    for child in &element.children {
        if inside.contains(&child.name.as_str()) {
            if depth < MAX_DEPTH {
                walk(child, depth + 1, findings);
            }
            continue;
        }
        // The directive's own way to be switched off.
        if child.name.eq_ignore_ascii_case("X-NO-PRE-PROCESS") {
            continue;
        }
        let message =
            format!("<{}> means nothing inside <{}> and is ignored with its content", child.name, element.name);
        let remedy = match nearest(&child.name, inside.iter().copied()) {
            Some(name) => format!("write <{name}>"),
            None if child.name.ends_with("action") => {
                "put it into a <condition>; without attributes it always matches".to_owned()
            }
            None => "take it out, or put it where it belongs".to_owned(),
        };
        findings.add(child.span, message, remedy);
    }
}
