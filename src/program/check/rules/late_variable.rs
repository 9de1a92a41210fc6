//! A variable that is set too late.

use crate::engine::dialplan::ast::{Condition, Span};
use crate::program::check::reference::references;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::{Action, Extension, View, conditions, own_actions, tests};
use crate::words::text::Severity;
use std::collections::{HashMap, HashSet};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D306",
    name: "late-variable",
    severity: Severity::Warning,
    summary: "A variable is tested in the same hunt that sets it",
    why: "The hunt walks all conditions first; actions run when it is over. A variable that a later condition of the \
          same hunt tests must be set with `inline=\"true\"`, or the call hunted again with `transfer` or \
          `execute_extension`.",
    bad: Example::Plan(
        r#"<extension name="hello" continue="true">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="vip=yes"/>
  </condition>
</extension>
<extension name="vip">
  <condition field="${vip}" expression="^yes$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello" continue="true">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="vip=yes" inline="true"/>
  </condition>
</extension>
<extension name="vip">
  <condition field="${vip}" expression="^yes$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    // What is set inline somewhere, or hunted again, has its value in time.
    let inline: HashSet<String> = view
        .actions()
        .filter(Action::inline)
        .flat_map(|action| action.assignments())
        .map(|(name, ..)| name.to_ascii_lowercase())
        .collect();
    for context in view.contexts {
        let mut set: HashMap<String, Span> = HashMap::new();
        for extension in view.extensions.iter().filter(|extension| std::ptr::eq(extension.context, context)) {
            one(view, extension, &mut set, &inline, findings);
        }
    }
}

fn one(
    view: &View<'_>,
    extension: &Extension<'_>,
    set: &mut HashMap<String, Span>,
    inline: &HashSet<String>,
    findings: &mut Findings<'_>,
) {
    let hunts_again = extension.actions.iter().any(|action| action.is(&["transfer", "execute_extension"]));
    let mut here: HashMap<String, Span> = HashMap::new();
    for condition in conditions(&extension.written.conditions) {
        for (name, at) in read(condition) {
            let known = here.get(&name).or_else(|| set.get(&name));
            if let (Some(assigned), false) = (known, inline.contains(&name)) {
                let line = view.sources.locate(*assigned).map_or(0, |place| place.line);
                let message = format!("\"{name}\" is tested here, but set (line {line}) only when the hunt is over");
                findings.add(at, message, "set it with inline=\"true\"");
            }
        }
        if hunts_again {
            continue;
        }
        for action in own_actions(condition).filter(|action| !action.inline()) {
            for (name, ..) in action.assignments() {
                here.entry(name.to_ascii_lowercase()).or_insert(action.written.span);
            }
        }
    }
    if extension.continues() {
        for (name, at) in here {
            set.entry(name).or_insert(at);
        }
    }
}

/// Variables that a condition tests.
fn read(condition: &Condition) -> Vec<(String, Span)> {
    let texts = tests(condition).flat_map(|test| [&test.field, &test.expression]).flatten();
    texts
        .flat_map(|text| {
            let variables = references(&text.text).into_iter().filter(|found| found.arguments.is_none());
            variables.map(|found| (found.name.to_ascii_lowercase(), text.span)).collect::<Vec<_>>()
        })
        .collect()
}
