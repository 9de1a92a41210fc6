//! A variable that nobody reads.

use crate::program::check::known::variables;
use crate::program::check::reference::references;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::nearest;
use crate::program::check::view::View;
use crate::words::text::Severity;
use std::collections::{HashMap, HashSet};

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D410",
    name: "unread-variable",
    severity: Severity::Warning,
    summary: "A variable is read by nobody, and its name is nearly a known one",
    why: "Neither the dialplan nor a script reads it, and a variable that the switch reads has nearly the same name.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="hangup_on_bridge=true"/>
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="hangup_after_bridge=true"/>
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

/// Shortest name that is looked at.
const SHORTEST: usize = 8;

/// Words that begin names which users choose freely, or which are hooks by their beginning.
const PREFIXES: &[&str] = &["execute_on_", "api_on_", "sip_h_", "sip_rh_", "sip_ph_", "sip_bye_h_"];

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    let read: HashSet<String> =
        view.texts().flat_map(|text| references(&text.text)).map(|found| found.name.to_ascii_lowercase()).collect();
    // A name stands in many places, and is compared once.
    let mut meanings: HashMap<String, Option<&'static str>> = HashMap::new();
    for action in view.actions().filter(|action| !action.is(&["set_global"])) {
        for (name, _, value) in action.assignments() {
            let written = name;
            let name = name.to_ascii_lowercase();
            let known =
                variables().any(|known| known == name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            if known || name.len() < SHORTEST || read.contains(&name) || name.contains('$') {
                continue;
            }
            let near = || nearest(&name, variables()).or_else(|| one_word_off(&name));
            let Some(meant) = *meanings.entry(name.clone()).or_insert_with(near) else { continue };
            if view.scripts.iter().any(|script| script.text.contains(written)) {
                continue;
            }
            let Some(data) = action.data() else { continue };
            let end = value.start.saturating_sub(1);
            let message = format!("nobody reads the variable \"{written}\"");
            findings.add(
                view.part(data, end.saturating_sub(written.len())..end),
                message,
                format!("write \"{meant}\""),
            );
        }
    }
}

/// A known name of the same words but one.
fn one_word_off(name: &str) -> Option<&'static str> {
    let words: Vec<&str> = name.split('_').collect();
    variables().find(|known| {
        let other: Vec<&str> = known.split('_').collect();
        let different = words.iter().zip(&other).filter(|(a, b)| a != b).count();
        words.len() >= 3
            && other.len() == words.len()
            && different == 1
            && words.first() == other.first()
            && words.last() == other.last()
    })
}
