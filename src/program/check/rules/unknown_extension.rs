//! A number that no extension takes.

use crate::program::check::routes::may_take;
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::target::targets;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D602",
    name: "unknown-extension",
    severity: Severity::Warning,
    summary: "A transfer goes to a number that no extension takes",
    why: "No extension of the context can match this number. The call ends with NO_ROUTE_DESTINATION; \
          `execute_extension` finds nothing and goes on.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="transfer" data="2 XML default"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="transfer" data="2 XML default"/>
  </condition>
</extension>
<extension name="two">
  <condition field="destination_number" expression="^2$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for target in targets(view).iter().filter(|target| target.is_xml()) {
        let (Some(number), Some(context)) = (&target.number, &target.context) else { continue };
        if !view.dialplan.has_context(context) {
            continue;
        }
        let mut there =
            view.extensions.iter().filter(|extension| extension.context.name.text.eq_ignore_ascii_case(context));
        if !there.any(|extension| (target.executes || !extension.continues()) && may_take(extension, number)) {
            let message = format!("no extension of context \"{context}\" takes \"{number}\"");
            let at = target.data.text.find(number.as_str()).map(|at| at..at + number.len());
            let at = at.map_or(target.data.span, |at| view.part(target.data, at));
            findings.add(at, message, "correct the number, or add an extension for it");
        }
    }
}
