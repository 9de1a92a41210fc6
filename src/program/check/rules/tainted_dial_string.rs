//! Text of the caller in a dial string.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::taint::flows;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "T101",
    name: "tainted-dial-string",
    severity: Severity::Warning,
    summary: "Text that the caller chooses flows into a dial string",
    why: "A caller who chooses the text can add commas, braces and slashes to it, and so dial other numbers, \
          endpoints and gateways at your expense. SIP headers, display names, and numbers that no digit pattern has \
          checked are such texts.",
    bad: Example::Plan(
        r#"<extension name="out">
  <condition field="destination_number" expression="^9(.*)$">
    <action application="bridge" data="sofia/internal/$1@192.0.2.1"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="out">
  <condition field="destination_number" expression="^9(\d+)$">
    <action application="bridge" data="sofia/internal/$1@192.0.2.1"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for extension in &view.extensions {
        for flow in flows(extension, &["bridge", "originate"]) {
            let message = format!("\"{}\" comes from the network and flows into a dial string", flow.source);
            findings.add(
                view.part(flow.data, flow.at),
                message,
                "test it first with an anchored expression that admits only the letters it may have",
            );
        }
    }
}
