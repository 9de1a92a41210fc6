//! `scripts/prompts.lua`: which prompt is chosen, what happens without one, how the call ends.

use std::path::{Path, PathBuf};

use super::super::{LuaConfig, LuaHost, Policy};
use super::fixture::{Call, Shared, config, host_in, run_app};

/// A folder of scripts with the library and this configuration, and a folder of sounds with these files.
struct Rig {
    folder: tempfile::TempDir,
    host: LuaHost,
}

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");

fn rig(config: Option<&str>, sounds: &[&str]) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let scripts = folder.path().join("scripts");
    std::fs::create_dir(&scripts).unwrap();
    for name in ["prompts.lua", "playerror.lua", "prompts_config.lua"] {
        let text = std::fs::read_to_string(Path::new(SCRIPTS).join(name)).unwrap();
        let own = config.filter(|_| name == "prompts_config.lua");
        std::fs::write(scripts.join(name), own.unwrap_or(&text)).unwrap();
    }
    for sound in sounds {
        let path = folder.path().join("sounds").join(sound);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let host = host_in(&scripts);
    Rig { folder, host }
}

impl Rig {
    fn sounds(&self) -> PathBuf {
        self.folder.path().join("sounds")
    }

    /// Runs a start in a call with these variables; what the call was asked, the folder of sounds cut off.
    async fn run(&self, text: &str, variables: &[(&str, &str)], answered: bool) -> (String, Shared) {
        let sounds = self.sounds().to_str().unwrap().to_owned();
        let pairs = variables.iter().map(|(name, value)| (name.to_string(), value.replace("SOUNDS", &sounds)));
        let call = Call {
            variables: pairs.chain([("sounds_dir".to_owned(), sounds.clone())]).collect(),
            answered,
            ..Call::default()
        };
        let (outcome, call) = run_app(&self.host, text, call).await;
        assert_eq!(outcome.error, None, "{text}");
        let log = call.lock().unwrap().log.join(", ");
        let log = log.replace(&format!("{sounds}/"), "").replace("state, ", "").replace(" 0,", ",");
        (log, call)
    }
}

const CONFIG: &str = r#"return {
  language = "en",
  tone = "tone_stream://x",
  quiet = {"NORMAL_CLEARING"},
  classes = {busy = {"USER_BUSY", "BUSY_EVERYWHERE"}},
  languages = {
    en = {
      ["sip:486"] = "exact.wav", USER_BUSY = "busy.wav", ["class:busy"] = "class.wav", ["sip:5xx"] = "server.wav",
      NO_ANSWER = {"nosuch_first.wav", "second.wav"}, default = "other.wav",
    },
    de = {NO_ANSWER = "weg.wav"},
  },
}"#;

const BUSY: (&str, &str) = ("originate_disposition", "USER_BUSY");

#[tokio::test]
async fn the_best_prompt_that_is_there_is_played() {
    let all = ["exact.wav", "busy.wav", "class.wav", "server.wav", "second.wav", "other.wav"];
    let status = [("last_bridge_hangup_cause", "USER_BUSY"), ("last_bridge_proto_specific_hangup_cause", "sip:486")];
    let sip = [&[BUSY][..], &status].concat();
    for (sounds, variables, argument, expected) in [
        (&all[..], &sip[..], "", "preAnswer, stream exact.wav, hangup USER_BUSY"),
        (&all[1..], &sip[..], "", "preAnswer, stream busy.wav, hangup USER_BUSY"),
        (&all[2..], &sip[..], "", "preAnswer, stream class.wav, hangup USER_BUSY"),
        (&all[3..], &sip[..], "", "preAnswer, stream other.wav, hangup USER_BUSY"),
        (&[][..], &sip[..], "", "preAnswer, stream tone_stream://x, hangup USER_BUSY"),
        // The status of an earlier leg says nothing about this failure.
        (
            &all[..],
            &[("originate_disposition", "NO_ANSWER"), status[0], status[1]][..],
            "",
            "preAnswer, stream second.wav, hangup NO_ANSWER",
        ),
        (&all[..], &[][..], "busy_everywhere", "preAnswer, stream class.wav, hangup BUSY_EVERYWHERE"),
        (&all[..], &[][..], "sip:503", "preAnswer, stream server.wav, execute respond 503"),
        (&all[..], &[][..], "", "preAnswer, stream other.wav, hangup NO_ROUTE_DESTINATION"),
        (&all[..], &[BUSY][..], "answer", "answer, stream busy.wav, hangup USER_BUSY"),
        (&all[..], &[("originate_disposition", "NORMAL_CLEARING")][..], "", "hangup NORMAL_CLEARING"),
        // Early media and then a refusal.
        (
            &all[..],
            &[("originate_disposition", "SUCCESS"), ("bridge_hangup_cause", "USER_BUSY")][..],
            "",
            "preAnswer, stream busy.wav, hangup USER_BUSY",
        ),
        // A file of one sample rate.
        (&["8000/busy.wav"][..], &[BUSY][..], "", "preAnswer, stream busy.wav, hangup USER_BUSY"),
    ] {
        let (log, _) = rig(Some(CONFIG), sounds).run(&format!("playerror.lua {argument}"), variables, false).await;
        assert_eq!(log, expected, "{argument} {variables:?}");
    }
}

#[tokio::test]
async fn the_language_of_the_call_comes_first() {
    let all = [
        "busy.wav",
        "other.wav",
        "second.wav",
        "de/de/anna/busy.wav",
        "de/busy.wav",
        "de/other.wav",
        "weg.wav",
        "fr/busy.wav",
    ];
    let rig = rig(Some(CONFIG), &all);
    for (variables, expected) in [
        (&[BUSY][..], "busy.wav"),
        (
            &[BUSY, ("default_language", "de"), ("default_dialect", "de"), ("default_voice", "anna")][..],
            "de/de/anna/busy.wav",
        ),
        (&[BUSY, ("default_language", "de"), ("default_dialect", "at")][..], "de/busy.wav"),
        (&[BUSY, ("default_language", "it")][..], "busy.wav"),
        (&[BUSY, ("sound_prefix", "SOUNDS/fr")][..], "fr/busy.wav"),
        (&[BUSY, ("sound_prefix", "SOUNDS/de/de/anna"), ("default_language", "fr")][..], "de/de/anna/busy.wav"),
        // German has a table of its own; what it lacks is looked for in its folder.
        (&[("originate_disposition", "NO_ANSWER"), ("default_language", "de")][..], "weg.wav"),
        (&[("originate_disposition", "CALL_REJECTED"), ("default_language", "de")][..], "de/other.wav"),
    ] {
        let (log, _) = rig.run("playerror.lua", variables, false).await;
        assert!(log.starts_with(&format!("preAnswer, stream {expected}, hangup")), "{variables:?}: {log}");
    }
}

#[tokio::test]
async fn a_method_of_the_session_with_prompts_of_its_own() {
    let rig = rig(Some(CONFIG), &["busy.wav", "other.wav", "own.wav"]);
    for (code, expected) in [
        ("session:playError('USER_BUSY')", "preAnswer, stream busy.wav, hangup USER_BUSY"),
        ("session:playError()", "preAnswer, stream busy.wav, hangup USER_BUSY"),
        ("session:playError('USER_BUSY', {USER_BUSY = 'own.wav'})", "preAnswer, stream own.wav, hangup USER_BUSY"),
        (
            "session:playError('USER_BUSY', {default = 'own.wav', early = false})",
            "answer, stream own.wav, hangup USER_BUSY",
        ),
        (
            "session:playError('USER_BUSY', {USER_BUSY = 'missing.wav', early = true})",
            "preAnswer, stream busy.wav, hangup USER_BUSY",
        ),
        (
            "session:playError('USER_BUSY', {USER_BUSY = 'tone_stream://y'})",
            "preAnswer, stream tone_stream://y, hangup USER_BUSY",
        ),
        ("assert(require('prompts').play(session) == 1)", "preAnswer, stream busy.wav"),
        ("assert(session:playError('USER_BUSY') == 1)", "preAnswer, stream busy.wav, hangup USER_BUSY"),
        ("assert(session:playError('NORMAL_CLEARING') == 0)", "hangup NORMAL_CLEARING"),
    ] {
        let (log, _) = rig.run(&format!("~{code}"), &[BUSY], false).await;
        assert_eq!(log.trim_end_matches(" 0"), expected, "{code}");
    }
    let (log, _) = rig.run("~assert(not pcall(session.playError, session, true))", &[BUSY], false).await;
    assert_eq!(log, "", "a wrong type");
}

/// A restricted script cannot look whether a prompt is there: it tries.
#[tokio::test]
async fn a_restricted_script_plays_prompts() {
    let mut rig = rig(Some(CONFIG), &["busy.wav"]);
    let scripts = rig.folder.path().join("scripts");
    let policy = Policy { roots: Some(vec![scripts.clone()]), ..Policy::default() };
    rig.host = LuaHost::new(LuaConfig { policy, ..config(&scripts) }).unwrap();
    let (log, _) = rig.run("playerror.lua", &[BUSY], false).await;
    assert_eq!(log, "preAnswer, stream busy.wav, hangup USER_BUSY");
}

#[tokio::test]
async fn a_broken_table_is_a_tone_and_not_silence() {
    for config in ["return {", "return 5", "error('x')", "return {}"] {
        let (log, _) = rig(Some(config), &["busy.wav"]).run("playerror.lua", &[BUSY], false).await;
        assert!(
            log.contains("preAnswer, stream tone_stream://%(250") && log.ends_with("hangup USER_BUSY"),
            "{config}: {log}"
        );
    }
    // Whatever can be played is missing: the call still ends with its cause.
    let config = "return {tone = 'nosuch', languages = {en = {default = '/nosuch.wav'}}}";
    let (log, call) = rig(Some(config), &[]).run("playerror.lua", &[BUSY], false).await;
    assert!(log.ends_with("hangup USER_BUSY"), "{log}");
    assert_eq!(call.lock().unwrap().variables.get("playerror_prompt").map(String::as_str), Some("none"));
}

/// Every prompt of the shipped table is there, and every class names causes that there are.
#[test]
fn the_shipped_table_is_sound() {
    use crate::words::model::Cause;

    let text = std::fs::read_to_string(Path::new(SCRIPTS).join("prompts_config.lua")).unwrap();
    let lua = mlua::Lua::new();
    let table: mlua::Table = lua.load(text).eval().unwrap();
    let (mut prompts, mut causes) = (0, 0);
    let classes: mlua::Table = table.get("classes").unwrap();
    let mut names: Vec<String> = table.get("quiet").unwrap();
    for pair in classes.pairs::<String, Vec<String>>() {
        names.extend(pair.unwrap().1);
    }
    for name in names {
        assert!(Cause::all().any(|cause| cause.name() == name), "{name}");
        causes += 1;
    }
    let languages: mlua::Table = table.get("languages").unwrap();
    for pair in languages.pairs::<String, mlua::Table>() {
        for pair in pair.unwrap().1.pairs::<String, String>() {
            let (key, prompt) = pair.unwrap();
            let (folder, file) = prompt.rsplit_once('/').unwrap();
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sounds").join(folder).join("8000").join(file);
            assert!(path.is_file(), "{key}: {prompt}");
            let class = key.strip_prefix("class:").map(|class| classes.contains_key(class).unwrap());
            assert!(
                class.unwrap_or_else(|| key == "default" || Cause::all().any(|cause| cause.name() == key)),
                "{key}"
            );
            prompts += 1;
        }
    }
    assert!(prompts > 15 && causes > 40, "{prompts} {causes}");
}
