//! An application of a hook that does not exist.

use crate::program::check::known::{all_applications, has_application};
use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::remedy;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D414",
    name: "hooked-application",
    severity: Severity::Error,
    summary: "A variable names an application that does not exist",
    why: "Variables like `execute_on_answer` hold an application and its data. When the time comes, the leg that should run it is hung up.",
    bad: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="execute_on_answer=plyback tone_stream://%(100,0,440)"/>
  </condition>
</extension>
"#,
    ),
    good: Example::Plan(
        r#"<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="set" data="execute_on_answer=playback tone_stream://%(100,0,440)"/>
  </condition>
</extension>
"#,
    ),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for action in view.actions() {
        let Some(data) = action.data() else { continue };
        for (variable, value, at) in action.assignments() {
            let application = if variable.starts_with("execute_on_") {
                // `app data`, `app::data`
                value.split([' ', ':']).next().unwrap_or_default()
            } else if variable.starts_with("bridge_pre_execute_") && variable.ends_with("_app") {
                value
            } else {
                continue;
            };
            let name = application.trim_start_matches('\'');
            if name.is_empty() || name.contains('$') || has_application(name) {
                continue;
            }
            let span = view.part(data, at.start..at.start + application.len());
            let how = remedy(name, all_applications(), "correct the name");
            findings.add(span, format!("there is no application \"{name}\""), how);
        }
    }
}
