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
            listed(&data.text)
        } else if action.is(&["play_and_get_digits"]) {
            words(&data.text).into_iter().skip(5).take(2).collect()
        } else {
            // A parenthesis makes it a tone script.
            let is_file = |name: &str, value: &str| RINGING.contains(&name) && !value.contains('(');
            let assigned = action.assignments().into_iter().filter(|(name, value, _)| is_file(name, value));
            assigned.flat_map(|(_, value, at)| shifted(listed(value), at.start)).collect()
        };
        for (file, at) in files {
            if !find(file, &view.subject.sounds) {
                let message = format!("there is no prompt {file} (sounds folder: {})", view.subject.sounds.display());
                findings.add(view.part(data, at..at + file.len()), message, "record it, or correct the name");
            }
        }
    }
}

/// Variables that name what a caller hears while the other side rings, or is away.
const RINGING: &[&str] = &["ringback", "transfer_ringback", "instant_ringback_file", "hold_music"];

/// The file, those of `file_string://one!two`, without the place to begin at (`file@@8000`).
fn listed(text: &str) -> Vec<(&str, usize)> {
    const LIST: &str = "file_string://";
    let files = match text.strip_prefix(LIST) {
        Some(list) => shifted(pieces(list, '!'), LIST.len()),
        None => vec![(text, 0)],
    };
    files.into_iter().map(|(file, at)| (file.split("@@").next().unwrap_or(file), at)).collect()
}

fn shifted(files: Vec<(&str, usize)>, by: usize) -> Vec<(&str, usize)> {
    files.into_iter().map(|(file, at)| (file, at + by)).collect()
}

/// Words between blanks, with their places.
fn words(text: &str) -> Vec<(&str, usize)> {
    pieces(text, ' ')
}

/// Pieces that are not empty, with their places.
fn pieces(text: &str, delimiter: char) -> Vec<(&str, usize)> {
    let mut at = 0;
    let all = text.split(delimiter).map(|word| {
        let place = at;
        at += word.len() + 1;
        (word, place)
    });
    all.filter(|(word, _)| !word.is_empty()).collect()
}
