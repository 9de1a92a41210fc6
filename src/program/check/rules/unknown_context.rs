//! A context that does not exist.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::remedy;
use crate::program::check::target::targets;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D601",
    name: "unknown-context",
    severity: Severity::Error,
    summary: "A transfer goes to a context that does not exist",
    why: "The call ends with NO_ROUTE_DESTINATION; `execute_extension` finds nothing and goes on.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="transfer" data="2 XML featurs"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Files(&[(
        "dialplan/default.xml",
        r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="transfer" data="2 XML features"/>
  </condition>
</extension>
</context>
<context name="features">
<extension name="two">
  <condition field="destination_number" expression="^2$">
    <action application="answer"/>
  </condition>
</extension>
</context>
"#,
    )]),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    // A context that is missing is looked for under this name.
    if view.dialplan.has_context("global") {
        return;
    }
    for target in targets(view).iter().filter(|target| target.is_xml()) {
        let Some(context) = target.context.as_ref().filter(|context| !view.dialplan.has_context(context)) else {
            continue;
        };
        let message = format!("there is no context \"{context}\"");
        let known = view.dialplan.contexts().map(|(name, _)| name);
        let at = target.data.text.rfind(context.as_str()).map(|at| at..at + context.len());
        let at = at.map_or(target.data.span, |at| view.part(target.data, at));
        findings.add(at, message, remedy(context, known, "correct the name"));
    }
}
