//! An extension that no call reaches.

use crate::program::check::routes::{hunts_by_name, takes_all};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D301",
    name: "unreachable-extension",
    severity: Severity::Warning,
    summary: "An extension stands behind one that takes every call",
    why: r#"The hunt ends with the first extension that matches, unless it has `continue="true"`."#,
    bad: Example::Plan(
        r#"<extension name="all">
  <condition>
    <action application="answer"/>
  </condition>
</extension>
<extension name="never">
  <condition field="destination_number" expression="^1$">
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="first">
  <condition field="destination_number" expression="^1$">
    <action application="answer"/>
  </condition>
</extension>
<extension name="all">
  <condition>
    <action application="answer"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    if hunts_by_name(view) {
        return;
    }
    for context in view.contexts {
        let mut extensions = view.extensions.iter().filter(|extension| std::ptr::eq(extension.context, context));
        let Some(last) = extensions.by_ref().find(|extension| takes_all(extension)) else { continue };
        let dead: Vec<_> = extensions.collect();
        if let Some(first) = dead.first() {
            let message = match dead.len() - 1 {
                0 => format!("no call gets here: extension {} takes every one", last.name()),
                more => {
                    format!("no call gets here nor to the {more} behind it: extension {} takes every one", last.name())
                }
            };
            findings.add(first.written.span, message, "put it in front of that one");
        }
    }
}
