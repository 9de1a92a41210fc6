//! A phrase macro that does not exist.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::view::View;
use crate::words::text::Severity;

/// Has a macro `greeting`.
const LANGUAGE: &str = r#"<include>
<language name="en" say-module="en">
<phrases>
<macros>
<macro name="greeting">
<input pattern="(.*)">
<match>
<action function="play-file" data="tone_stream://%(100,0,440)"/>
</match>
</input>
</macro>
</macros>
</phrases>
</language>
</include>
"#;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "D611",
    name: "unknown-phrase",
    severity: Severity::Error,
    summary: "There is no such phrase macro",
    why: "Nothing is played. Macros stand in the languages of `lang/`.",
    bad: Example::Files(&[
        (
            "dialplan/default.xml",
            r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="playback" data="phrase:greting"/>
  </condition>
</extension>
</context>
"#,
        ),
        ("lang/en.xml", LANGUAGE),
    ]),
    good: Example::Files(&[
        (
            "dialplan/default.xml",
            r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="playback" data="phrase:greeting:hello"/>
  </condition>
</extension>
</context>
"#,
        ),
        ("lang/en.xml", LANGUAGE),
    ]),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for action in view.actions() {
        let Some(data) = action.constant() else { continue };
        let text = data.text.trim_start();
        let name = if action.is(&["phrase"]) {
            text.split(',').next().map(str::trim)
        } else if action.is(&["playback", "endless_playback"]) {
            text.strip_prefix("phrase:").and_then(|rest| rest.split(':').next())
        } else {
            None
        };
        let Some(name) = name.filter(|name| !name.is_empty()) else { continue };
        if !view.voice.phrases.has_macro(name) {
            let at = data.text.find(name).unwrap_or(0);
            let message = format!("no language has a phrase macro \"{name}\"");
            findings.add(view.part(data, at..at + name.len()), message, "write the macro, or correct the name");
        }
    }
}
