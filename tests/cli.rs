//! The binary as its user meets it: arguments, output, exit status; and calls over real SIP and RTP on 127.0.0.1.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Output, Stdio};
use std::time::Duration;

use switch::program::phone::{FarEnd, FarScript, Sound, read_wav, tone_share};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Longest life of one command.
const PATIENCE: Duration = Duration::from_mins(1);

async fn switch(args: &[&str]) -> Output {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let run = tokio::task::spawn_blocking(move || {
        std::process::Command::new(env!("CARGO_BIN_EXE_switch"))
            .args(&args)
            .stdin(Stdio::null())
            .output()
            .expect("the binary starts")
    });
    tokio::time::timeout(PATIENCE, run).await.expect("the command ends").expect("the command does not panic")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn causes_are_explained() {
    let busy = switch(&["causes", "486"]).await;
    assert_eq!(busy.status.code(), Some(0));
    assert!(stdout(&busy).contains("USER_BUSY"), "{}", stdout(&busy));

    let unknown = switch(&["causes", "USER_BUSYY"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("neither a SIP code nor a cause"), "{}", stderr(&unknown));
}

#[tokio::test]
async fn a_folder_is_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a path in UTF-8");
    let nothing = switch(&["check", path]).await;
    assert_eq!(nothing.status.code(), Some(2), "{}", stdout(&nothing));

    let dialplan = folder.path().join("dialplan");
    std::fs::create_dir(&dialplan).expect("a folder");
    std::fs::write(dialplan.join("a.xml"), "<context name=\"public\">\n  <extension>\n</context>\n").expect("a file");
    let broken = switch(&["check", path]).await;
    assert_eq!(broken.status.code(), Some(1));
    assert!(stdout(&broken).contains("a.xml:2:3: error[X101 malformed-xml]"), "{}", stdout(&broken));

    std::fs::write(dialplan.join("a.xml"), "<context name=\"public\">\n</context>\n").expect("a file");
    let sound = switch(&["check", path]).await;
    assert_eq!(sound.status.code(), Some(0));
    assert!(
        stdout(&sound).contains("1 contexts, 0 extensions, 0 users, 0 scripts: 0 errors, 0 warnings"),
        "{}",
        stdout(&sound)
    );
}

#[tokio::test]
async fn a_check_speaks_to_machines_and_explains_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a path in UTF-8");
    let dialplan = folder.path().join("dialplan");
    std::fs::create_dir(&dialplan).expect("a folder");
    let text = "<context name=\"public\">\n<extension name=\"a\">\n<condition field=\"nosuch\" expression=\"^(1$\">\n\
                <action application=\"answer\"/>\n</condition>\n</extension>\n</context>\n";
    std::fs::write(dialplan.join("a.xml"), text).expect("a file");

    let json = switch(&["check", path, "--format", "json"]).await;
    assert_eq!(json.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_str(&stdout(&json)).expect("JSON");
    assert_eq!((&report["errors"], &report["warnings"]), (&1.into(), &1.into()));
    let place =
        |found: &serde_json::Value| (found["line"].as_u64(), found["column"].as_u64(), found["end_column"].as_u64());
    let named = |name: &str| {
        let all = report["diagnostics"].as_array().expect("a list");
        all.iter().find(|found| found["name"] == name).expect("a finding").clone()
    };
    assert_eq!(place(&named("unknown-field")), (Some(3), Some(19), Some(25)));
    assert_eq!(place(&named("bad-pattern")), (Some(3), Some(40), Some(41)), "the parenthesis");
    assert_eq!(named("bad-pattern")["code"], "D201");

    let sarif = switch(&["check", path, "--format", "sarif"]).await;
    let report: serde_json::Value = serde_json::from_str(&stdout(&sarif)).expect("JSON");
    assert_eq!(report["version"], "2.1.0");
    let results = report["runs"][0]["results"].as_array().expect("a list");
    let rules = report["runs"][0]["tool"]["driver"]["rules"].as_array().expect("a list");
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|result| rules.iter().any(|rule| rule["id"] == result["ruleId"])));
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["region"]["startLine"], 3);

    let warned = ["check", path, "--allow", "bad-pattern"];
    assert_eq!(switch(&warned).await.status.code(), Some(0));
    assert_eq!(switch(&[&warned[..], &["--deny", "warnings"]].concat()).await.status.code(), Some(1));
    let silent = switch(&["check", path, "--allow", "bad-pattern,D202", "--deny", "warnings"]).await;
    assert_eq!(silent.status.code(), Some(0), "{}", stdout(&silent));

    let page = switch(&["check", "--explain", "d201"]).await;
    assert!(stdout(&page).starts_with("# D201 bad-pattern"), "{}", stdout(&page));
    let unknown = switch(&["check", path, "--allow", "bad-patern"]).await;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("\"bad-pattern\" is meant"), "{}", stderr(&unknown));
}

#[tokio::test]
async fn scripts_are_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("a.lua");
    let path = script.to_str().expect("a path in UTF-8");
    assert_eq!(switch(&["lua", "check", path]).await.status.code(), Some(2), "it is not there");

    std::fs::write(&script, "session:anwser()\nsession:execute(\"nosuch\")\n").expect("a file");
    let wrong = switch(&["lua", "check", path]).await;
    assert_eq!(wrong.status.code(), Some(1));
    assert!(stdout(&wrong).contains("a.lua:1:9: error[L105 lua-method]"), "{}", stdout(&wrong));
    assert!(
        stdout(&wrong).ends_with("1 scripts, prompts not looked for: 2 errors, 0 warnings\n"),
        "{}",
        stdout(&wrong)
    );
    let json = switch(&["lua", "check", path, "--format", "json", "--allow", "L107"]).await;
    let report: serde_json::Value = serde_json::from_str(&stdout(&json)).expect("JSON");
    assert_eq!((&report["errors"], &report["diagnostics"][0]["code"]), (&1.into(), &"L105".into()));

    std::fs::write(&script, "session:answer()\nsession:streamFile(\"a.wav\")\n").expect("a file");
    let fine = switch(&["lua", "check", path]).await;
    assert_eq!(fine.status.code(), Some(0), "{}", stdout(&fine));
    std::fs::create_dir(folder.path().join("sounds")).expect("a folder");
    let silent = switch(&["lua", "check", folder.path().to_str().expect("a path")]).await;
    assert!(stdout(&silent).contains("a.lua:2:21: error[L111 lua-prompt]"), "{}", stdout(&silent));
}

#[tokio::test]
async fn scripts_run_without_a_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("a.lua");
    let path = script.to_str().expect("a path in UTF-8");
    let text = "session:answer()\nlocal digits = session:getDigits(2, '#', 3000)\nsession:setVariable('got', argv[1] .. digits)\n\
                session:execute('bridge', 'user/' .. digits)\n";
    std::fs::write(&script, text).expect("a file");
    let run = switch(&["lua", "run", "--dtmf", "42", "--far-end", "486", "--var", "a=b", path, "it's"]).await;
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let lines: Vec<String> = stdout(&run).lines().map(|line| line.trim().to_owned()).collect();
    assert_eq!(
        lines,
        [
            "0.000  session:answer() → 1",
            "0.000  session:getDigits(2, \"#\", 3000) → \"42\"  [0.400 s]",
            "0.400  session:setVariable(\"got\", \"it's42\")",
            "1.400  (the far end refuses: 486 Busy Here, USER_BUSY)",
            "0.400  session:execute(\"bridge\", \"user/42\")  [1.000 s]",
            "1.400  script: ok; call: answered, hung up: USER_BUSY",
        ]
    );
    let json = switch(&["lua", "run", "--json", path]).await;
    let lines: Vec<serde_json::Value> =
        stdout(&json).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.last().map(|end| end["status"].clone()), Some("error".into()), "no argument: nil is joined");
    assert_eq!((lines[0]["call"].clone(), lines[0]["result"].clone()), ("session:answer()".into(), "1".into()));
    assert_eq!(json.status.code(), Some(1));
    assert_eq!(switch(&["lua", "run", "/nosuch.lua"]).await.status.code(), Some(2));
    assert_eq!(switch(&["lua", "run", "--dtmf", "x", path]).await.status.code(), Some(2));
}

#[tokio::test]
async fn bad_arguments_are_refused() {
    let unknown = switch(&["frobnicate"]).await;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("frobnicate"), "{}", stderr(&unknown));

    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("dialplan");
    let nothing = switch(&["--dialplan", empty.to_str().expect("a path in UTF-8"), "--data", "/nowhere"]).await;
    assert_eq!(nothing.status.code(), Some(2));
    assert!(stderr(&nothing).contains("there is no folder"), "{}", stderr(&nothing));

    std::fs::create_dir(&empty).expect("a folder");
    std::fs::write(empty.join("a.xml"), "<context name=\"public\">\n  <extension>\n</context>\n").expect("a file");
    let broken = switch(&["--dialplan", empty.to_str().expect("a path in UTF-8")]).await;
    assert_eq!(broken.status.code(), Some(2));
    assert!(stderr(&broken).contains("a.xml:2:3: error[malformed-xml]"), "{}", stderr(&broken));
}

#[tokio::test]
async fn a_call_is_answered_and_heard() {
    let tone = Sound::tone(440.0);
    let scripts = HashMap::from([
        ("1000".to_owned(), FarScript::answer_then_bye(Duration::ZERO, tone, Duration::from_secs(1))),
        ("busy".to_owned(), FarScript::refuse(486)),
    ]);
    let mut far = FarEnd::bind(LOOPBACK, scripts).await.expect("the far end listens");
    let folder = tempfile::tempdir().expect("a folder");
    let heard = folder.path().join("heard.wav");

    let uri = format!("sip:1000@{}", far.local());
    let answered = switch(&["call", &uri, "--record", heard.to_str().expect("a path in UTF-8")]).await;
    assert_eq!(answered.status.code(), Some(0), "{}{}", stdout(&answered), stderr(&answered));
    let report = far.report(PATIENCE).await.expect("the far end saw the call");
    assert!(report.got("ACK"), "{report:?}");
    let sound = read_wav(&heard).expect("what was heard");
    assert!(tone_share(&sound, 440.0) > 0.5, "the tone is not in the {} samples heard", sound.len());

    let uri = format!("sip:busy@{}", far.local());
    let busy = switch(&["call", &uri]).await;
    assert_eq!(busy.status.code(), Some(1), "{}", stdout(&busy));
    assert!(stdout(&busy).contains("486"), "{}", stdout(&busy));
    let expected = switch(&["call", &uri, "--expect", "486"]).await;
    assert_eq!(expected.status.code(), Some(0), "{}", stdout(&expected));
}

#[tokio::test]
async fn the_demo_shows_every_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("a path in UTF-8");
    let demo = switch(&["demo", env!("CARGO_MANIFEST_DIR"), "--out", out]).await;
    assert_eq!(demo.status.code(), Some(0), "{}{}", stdout(&demo), stderr(&demo));
    assert!(stdout(&demo).contains("14 of 14 calls went as they should"), "{}", stdout(&demo));
    assert!(folder.path().join("815550486.wav").exists());
}
