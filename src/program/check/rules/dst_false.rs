//! dst="false".

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::program::check::view::tests;
use crate::words::model::truthy;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D207",
    name: "dst-false",
    severity: Severity::Warning,
    summary: r#"dst="false" never holds"#,
    why: "Only a true word is understood; anything else makes a condition that always fails.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition dst="false">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition dst="true">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for (name, value) in view.conditions().flat_map(tests).flat_map(|test| &test.dates) {
        if *name == "dst" && !truthy(&value.text) {
            let message = format!("dst=\"{}\" never holds, whatever the season", value.text);
            findings.add(value.span, message, "write dst=\"true\" and use an anti-action");
        }
    }
}
