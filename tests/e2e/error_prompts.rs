//! The files of `docs/error-prompts.md` make up one switch; every form of failure handler on the page is called over real SIP,
//! and what the caller hears is recognized.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use switch::program::check::{Subject, check, output};
use switch::program::phone::{CallPlan, CallReport, FarEnd, FarScript, Prompts, Sound, tone_share};

use super::support::{LOOPBACK, Switch, until};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const TONE_HZ: f64 = 440.0;

/// Blocks of the page in one language.
fn blocks(language: &str) -> Vec<String> {
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/error-prompts.md")).expect("the page");
    let all = page.split("```").skip(1).step_by(2);
    all.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).map(str::to_owned).collect()
}

/// Names and texts of the page's files and of the shipped scripts that they use.
fn files(carrier: &str) -> Vec<(String, String)> {
    let (contexts, extensions): (Vec<_>, Vec<_>) =
        blocks("xml").into_iter().partition(|block| block.starts_with("<context"));
    assert_eq!((contexts.len(), extensions.len()), (1, 11));
    let dialplan = format!(
        "<include>\n<context name=\"public\">\n{}</context>\n{}</include>\n",
        extensions.concat(),
        contexts.concat()
    );
    let mut files = vec![("dialplan/a.xml".to_owned(), dialplan)];
    for name in ["prompts.lua", "prompts_config.lua", "playerror.lua"] {
        let text = std::fs::read_to_string(Path::new(ROOT).join("scripts").join(name)).expect("a script");
        files.push((format!("scripts/{name}"), text));
    }
    for block in blocks("lua") {
        let name = block.lines().next().and_then(|line| line.strip_prefix("-- ")).expect("a name").to_owned();
        // The page's table stands for what a user may write; the calls use the shipped one.
        if name != "scripts/prompts_config.lua" {
            files.push((name, block));
        }
    }
    assert_eq!(files.len(), 4 + 9);
    files.into_iter().map(|(name, text)| (name, text.replace("carrier.example", carrier))).collect()
}

#[test]
fn the_files_are_without_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files("carrier.example") {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let sounds = Path::new(ROOT).join("sounds");
    let report = check(&Subject { sounds, ..Subject::below(folder.path()) }, &[]).expect("a configuration");
    assert_eq!(output::text(&report), "");
}

/// The page's switch and its carrier: users are named by what they answer.
async fn start() -> (Switch, FarEnd) {
    let refused = [403, 404, 480, 486, 503];
    let mut scripts: HashMap<String, FarScript> =
        refused.into_iter().map(|code: u16| (code.to_string(), FarScript::refuse(code))).collect();
    let talk = Duration::from_millis(1500);
    scripts.insert("200".to_owned(), FarScript::answer_then_bye(Duration::ZERO, Sound::tone(TONE_HZ), talk));
    scripts.insert("180".to_owned(), FarScript::ring());
    scripts.insert("183".to_owned(), FarScript::early_then_refuse(Sound::Silence, Duration::from_millis(300), 486));
    let far = FarEnd::bind(LOOPBACK, scripts).await.expect("the far end listens");
    let files = files(&far.local().to_string());
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    (Switch::start(&files), far)
}

const BUSY: &str = "ivr/ivr-user_busy.wav";

#[tokio::test(flavor = "multi_thread")]
async fn every_form_tells_the_caller_why() {
    let (switch, _far) = start().await;
    let prompts = Prompts::load(&Path::new(ROOT).join("sounds"));
    let (switch, prompts) = (std::sync::Arc::new(switch), std::sync::Arc::new(prompts));
    let cases: &[(&str, u16, &str)] = &[
        // The short ways.
        ("01486", 486, BUSY),
        ("01183", 486, BUSY),
        ("01403", 403, "ivr/ivr-call_rejected.wav"),
        ("02486", 486, "ivr/ivr-sorry.wav"),
        ("02404", 404, "ivr/ivr-unallocated_number.wav"),
        ("1486", 486, BUSY),
        ("1404", 404, "ivr/ivr-unallocated_number.wav"),
        ("1480", 480, "ivr/ivr-no_user_response.wav"),
        ("2486", 486, BUSY),
        ("2", 404, "ivr/ivr-please_check_number_try_again.wav"),
        ("3486", 486, BUSY),
        ("3503", 503, "ivr/ivr-sorry.wav"),
        ("4486", 486, BUSY),
        ("5486", 486, BUSY),
        ("5404", 404, "ivr/ivr-unallocated_number.wav"),
        ("5480", 480, "ivr/ivr-no_user_response.wav"),
        ("6486", 200, "ivr/ivr-thank_you.wav"),
        ("6480", 480, ""),
        ("6404", 404, ""),
        ("80486", 486, BUSY),
        // Whoever answers is heard.
        ("01200", 200, "tone"),
        ("1200", 200, "tone"),
        ("3200", 200, "tone"),
        ("4200", 200, "tone"),
        ("5200", 200, "tone"),
        ("86200", 200, "tone"),
    ];
    let mut calls = Vec::new();
    for (number, status, heard) in cases {
        let (switch, prompts) = (switch.clone(), prompts.clone());
        calls.push(tokio::spawn(async move {
            let report = switch.call(number, |_| ()).await;
            let found = recognized(&report, &prompts);
            ((*number, *status, (*heard).to_owned()), (*number, report.status.unwrap_or(0), found))
        }));
    }
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    for call in calls {
        let (wanted, came) = call.await.expect("a call");
        expected.push(wanted);
        found.push(came);
    }
    assert_eq!(found, expected, "{}", switch.log());
}

/// The prompt that was heard, `tone`, or nothing.
fn recognized(report: &CallReport, prompts: &Prompts) -> String {
    let samples = &report.heard.samples;
    if report.heard.loud_seconds() < 0.1 {
        return String::new();
    }
    if tone_share(samples, TONE_HZ) > 0.8 {
        return "tone".to_owned();
    }
    prompts.identify(samples).map_or_else(|| "something else".to_owned(), |(name, _)| name.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_gives_up_is_noted() {
    let (switch, _far) = start().await;
    let gives_up = |plan: &mut CallPlan| plan.cancel_after = Some(Duration::from_millis(300));
    let report = switch.call("7180", gives_up).await;
    assert_eq!(report.status, Some(487));
    let path = switch.folder().join("missed.txt");
    switch.record(&report.call_id).await;
    until("the hook runs", || std::fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'))).await;
    assert_eq!(std::fs::read_to_string(&path).expect("its line"), "phone gave up on 7180\n");
    // A refusal is no missed call.
    let report = switch.call("7486", |_| ()).await;
    assert_eq!(report.status, Some(486));
    switch.record(&report.call_id).await;
    assert_eq!(std::fs::read_to_string(&path).expect("its line").lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_after_the_announcement() {
    let (switch, _far) = start().await;
    let presses = |plan: &mut CallPlan| {
        plan.digits = "1".to_owned();
        plan.digits_after = Duration::from_secs(1);
    };
    let (chooses, waits) = tokio::join!(switch.call("9486", presses), switch.call("9486", |_| ()));
    let prompts = Prompts::load(&Path::new(ROOT).join("sounds"));
    let heard = |report: &CallReport, name: &str| {
        let reference = prompts.named(name).expect("a prompt");
        switch::program::phone::find(&report.heard.samples, reference).is_some_and(|found| found.score > 0.9)
    };
    for (report, thanked) in [(&chooses, true), (&waits, false)] {
        assert_eq!(report.status, Some(200));
        assert!(heard(report, BUSY), "{}", switch.log());
        assert_eq!(heard(report, "ivr/ivr-thank_you.wav"), thanked);
    }
    assert!(heard(&waits, "ivr/ivr-sorry.wav"));
}
