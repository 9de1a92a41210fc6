//! A script that is not there.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::suggest::nearest;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "L101",
    name: "missing-script",
    severity: Severity::Error,
    summary: "A Lua script is not there",
    why: "Names are taken below the scripts folder, without adding an extension. The script fails when the action is \
          reached.",
    bad: Example::Files(&[
        (
            "dialplan/default.xml",
            r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="lua" data="helo.lua"/>
  </condition>
</extension>
</context>
"#,
        ),
        (
            "scripts/hello.lua",
            "session:answer()
",
        ),
    ]),
    good: Example::Files(&[
        (
            "dialplan/default.xml",
            r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="lua" data="hello.lua"/>
  </condition>
</extension>
</context>
"#,
        ),
        (
            "scripts/hello.lua",
            "session:answer()
",
        ),
    ]),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    let folder = &view.subject.scripts;
    for action in view.actions().filter(|action| action.is(&["lua"])) {
        let Some(data) = action.data() else { continue };
        let Some(word) = data.text.split_whitespace().next() else { continue };
        let name = word.trim_matches('\'');
        let other = name.is_empty() || name.contains('$') || name.starts_with('~') || name.contains("://");
        if other || folder.join(name).is_file() {
            continue;
        }
        let message = format!("there is no script {}", folder.join(name).display());
        let names: Vec<String> = view.scripts.iter().filter_map(|script| script.below(folder)).collect();
        let remedy = match nearest(name, names.iter().map(String::as_str)) {
            Some(meant) => format!("write \"{meant}\""),
            None if folder.join(format!("{name}.lua")).is_file() => format!("write \"{name}.lua\""),
            None => "correct the name; no extension is added".to_owned(),
        };
        findings.add(data.span, message, remedy);
    }
}
