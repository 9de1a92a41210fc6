//! A prompt that is not there.

use crate::program::check::rule::{Example, Findings, Rule};
use crate::program::check::sounds::find;
use crate::program::check::view::View;
use crate::words::text::Severity;

/// The rule.
pub(super) static RULE: Rule = Rule {
    code: "P101",
    name: "missing-prompt",
    severity: Severity::Error,
    summary: "A prompt is not there at any sample rate",
    why: "It is looked for as written below the sounds folder, and in the folders `8000`, `16000`, `32000` and \
          `48000` beside it. The caller hears nothing.",
    bad: Example::Files(&[
        (
            "dialplan/default.xml",
            r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="playback" data="ivr/helo.wav"/>
  </condition>
</extension>
</context>
"#,
        ),
        ("sounds/ivr/8000/hello.wav", ""),
    ]),
    good: Example::Files(&[
        (
            "dialplan/default.xml",
            r#"<context name="default">
<extension name="hello">
  <condition field="destination_number" expression="^1$">
    <action application="playback" data="ivr/hello.wav"/>
  </condition>
</extension>
</context>
"#,
        ),
        ("sounds/ivr/8000/hello.wav", ""),
    ]),
    check: Some(check),
};

fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for action in view.actions() {
        let Some(data) = action.constant() else { continue };
        let files: Vec<(&str, usize)> = if action.is(&["playback", "endless_playback", "loop_playback"]) {
            vec![(data.text.as_str(), 0)]
        } else if action.is(&["play_and_get_digits"]) {
            words(&data.text).into_iter().skip(5).take(2).collect()
        } else {
            continue;
        };
        for (file, at) in files {
            if !find(file, &view.subject.sounds) {
                let message = format!("there is no prompt {file} (sounds folder: {})", view.subject.sounds.display());
                findings.add(view.part(data, at..at + file.len()), message, "record it, or correct the name");
            }
        }
    }
}

/// Words between blanks, with their places.
fn words(text: &str) -> Vec<(&str, usize)> {
    let mut at = 0;
    let all = text.split(' ').map(|word| {
        let place = at;
        at += word.len() + 1;
        (word, place)
    });
    all.filter(|(word, _)| !word.is_empty()).collect()
}
