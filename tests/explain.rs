//! `switch explain` and `switch diff` as their user meets them.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// Exit status and output of the binary.
fn switch(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_switch")).args(args).output().expect("the binary starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

/// A folder with this dialplan.
fn folder(dialplan: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("dialplan")).expect("a folder");
    std::fs::write(folder.path().join("dialplan/a.xml"), dialplan).expect("a file");
    folder
}

fn path(folder: &tempfile::TempDir) -> &str {
    folder.path().to_str().expect("a path in UTF-8")
}

fn explained(folder: &tempfile::TempDir, args: &[&str]) -> Value {
    let (_, text) = switch(&[&["explain"], args, &["--json", path(folder)]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

const PLAN: &str = r#"<context name="public">
<extension name="night">
<condition hour="0-5"/>
<condition field="destination_number" expression="^9$">
<action application="respond" data="480"/>
</condition>
</extension>
<extension name="mark" continue="true">
<condition field="${caller_id_number}" expression="^(\d)(\d*)$">
<action application="set" data="first=$1" inline="true"/>
</condition>
</extension>
<extension name="door">
<condition field="destination_number" expression="^9$" break="on-false">
<action application="set" data="continue_on_fail=true"/>
<action application="bridge" data="sofia/internal/sip:${first}@192.0.2.1"/>
<action application="playback" data="a.wav"/>
<action application="transfer" data="${cond(${originate_disposition} == USER_BUSY ? busy : other)} XML error"/>
</condition>
</extension>
<extension name="circle">
<condition field="destination_number" expression="^circle$">
<action application="transfer" data="circle"/>
</condition>
</extension>
</context>
<context name="error">
<extension name="busy">
<condition field="destination_number" expression="^busy$">
<action application="hangup" data="USER_BUSY"/>
</condition>
</extension>
</context>
"#;

#[test]
fn the_way_of_a_call_is_told() {
    let folder = folder(PLAN);
    let (code, text) =
        switch(&["explain", "9", "--far-end", "486", "--caller", "42", "--at", "2026-11-27T12:00", path(&folder)]);
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "looking for 9 in context public",
        "no   night                  date or time does not match",
        "$1 = \"4\", $2 = \"2\"",
        "1. set first=4   (during the search)",
        "yes  mark                   matches, and the search goes on",
        "ok   door                   destination_number is \"9\" and matches ^9$",
        "3. bridge sofia/internal/sip:4@192.0.2.1",
        "from sofia/internal/sip:${first}@192.0.2.1",
        "4. playback a.wav   (noted only)",
        "looking for busy in context error",
        "ends with USER_BUSY; the caller gets 486 Busy Here",
        "dialplan/a.xml:9",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn the_json_holds_what_was_promised() {
    let folder = folder(PLAN);
    let value = explained(&folder, &["9", "--at", "2026-11-27T12:00", "--caller", "42"]);
    assert_eq!((&value["matched"], &value["extension"]), (&json!(true), &json!("mark")));
    let actions = json!([
        ["set", "first=4"],
        ["set", "continue_on_fail=true"],
        ["bridge", "sofia/internal/sip:4@192.0.2.1"],
        ["playback", "a.wav"],
        ["transfer", "other XML error"],
    ]);
    assert_eq!(value["actions"], actions);
    assert_eq!(value["hangup_cause"], "NO_ROUTE_DESTINATION");
    assert!(value["trace"].as_array().is_some_and(|trace| trace.iter().any(|entry| entry["kind"] == "condition")));

    let night = explained(&folder, &["9", "--at", "2026-11-27T03:00"]);
    assert_eq!((&night["extension"], &night["sip_status"]), (&json!("night"), &json!(480)));
    let nothing = explained(&folder, &["8", "--context", "error"]);
    assert_eq!((&nothing["matched"], &nothing["actions"]), (&json!(false), &json!([])));
    let inline = explained(&folder, &["hangup:USER_BUSY", "--dialplan", "inline"]);
    assert_eq!(inline["actions"], json!([["hangup", "USER_BUSY"]]));
    let circle = explained(&folder, &["circle"]);
    assert_eq!(circle["hangup_cause"], "EXCHANGE_ROUTING_ERROR");
}

#[test]
fn exit_status_and_mistakes() {
    let folder = folder(PLAN);
    assert_eq!(switch(&["explain", "nosuch", "--context", "error", path(&folder)]).0, Some(1));
    assert_eq!(switch(&["explain", "9", "--far-end", "nonsense", path(&folder)]).0, Some(2));
    assert_eq!(switch(&["explain", "9", "--at", "noon", path(&folder)]).0, Some(2));
    assert_eq!(switch(&["explain", "9", "/nosuch"]).0, Some(2));
    std::fs::write(folder.path().join("dialplan/a.xml"), "<context name=\"a\">\n<x>\n</context>\n").expect("a file");
    let (code, text) = switch(&["explain", "9", path(&folder)]);
    assert_eq!(code, Some(1));
    assert!(text.contains("a.xml:2:1"), "{text}");
}

#[test]
fn two_configurations_are_compared() {
    let old = folder(PLAN);
    let new = folder(&PLAN.replace("192.0.2.1", "192.0.2.2").replace("^circle$", "^round$"));
    assert_eq!(switch(&["diff", path(&old), path(&old)]).0, Some(0));
    let (code, text) = switch(&["diff", path(&old), path(&new), "--at", "12:00"]);
    assert_eq!(code, Some(1), "{text}");
    for line in [
        "public 9\n  -   bridge sofia/internal/sip:1@192.0.2.1\n  +   bridge sofia/internal/sip:1@192.0.2.2\n",
        "public circle\n",
        "public round\n",
        "4 numbers tried, 3 take another way",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let sample = old.path().join("sample.txt");
    std::fs::write(&sample, "# numbers of the office\n9\nbusy error # the error context\n\n").expect("a file");
    let (code, text) =
        switch(&["diff", path(&old), path(&new), "--at", "12:00", "--sample", sample.to_str().expect("UTF-8")]);
    assert_eq!(code, Some(1));
    assert!(text.ends_with("2 numbers tried, 1 take another way\n"), "{text}");
    assert_eq!(switch(&["diff", path(&old), "/nosuch"]).0, Some(2));
    assert!(!Path::new("/nosuch").exists());
}
