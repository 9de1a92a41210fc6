//! The check as a whole: places, folders, and configurations in which nothing is found.

use super::*;

/// Checks a folder with these files.
fn check_files(files: &[(&str, &str)]) -> (Report, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let report = check(&Subject::below(folder.path()), &[]).unwrap();
    let shown = output::text(&report);
    let shown = shown.replace(&format!("{}/", folder.path().display()), "");
    (report, shown)
}

fn plan(action: &str) -> String {
    format!(
        "<include>\n<context name=\"public\">\n<extension name=\"a\">\n<condition>\n{action}\n</condition>\n</extension>\n\
         </context>\n</include>\n"
    )
}

#[test]
fn mistakes_are_found_in_their_place() {
    for (action, expected) in [
        ("<action application=\"lua\" data=\"none.lua a b\"/>", "dialplan/a.xml:5:33: error[L101 missing-script]"),
        ("<action application=\"playback\" data=\"ivr/none.wav\"/>", "dialplan/a.xml:5:38: error[P101 missing-prompt]"),
        (
            "<action application=\"playback\" data=\"file_string://ivr/a.wav!ivr/none.wav@@80\"/>",
            "dialplan/a.xml:5:62: error[P101 missing-prompt]: there is no prompt ivr/none.wav ",
        ),
        (
            "<action application=\"export\" data=\"nolocal:ringback=ivr/none.wav\"/>",
            "dialplan/a.xml:5:53: error[P101 missing-prompt]",
        ),
        (
            "<action application=\"log\" data=\"INFO ${a} ${cond(${b} == 1 ? 2 : 3)\"/>",
            "dialplan/a.xml:5:43: warning[D413 unclosed-reference]",
        ),
        (
            "<action application=\"set\" data=\"execute_on_answer_1='plyback x'\"/>",
            "dialplan/a.xml:5:53: error[D414 hooked-application]",
        ),
        (
            "<action application=\"phrase\" data=\" greeting ,a b\"/>",
            "dialplan/a.xml:5:37: error[D611 unknown-phrase]: no language has a phrase macro \"greeting\"",
        ),
        (
            "<action application=\"eval\"/><Action application=\"lua\"/>",
            "dialplan/a.xml:5:29: warning[D101 unknown-element]",
        ),
        ("<action application=\"set\" data=\"a=$${nosuch}\"/>", "dialplan/a.xml:5:35: warning[X106 undefined-global]"),
        ("<action application=\"plyback\" data=\"x\"/>", "dialplan/a.xml:5:22: error[D401 unknown-application]"),
        ("</action>", "dialplan/a.xml:5:1: error[X101 malformed-xml]"),
    ] {
        let (report, shown) = check_files(&[("dialplan/a.xml", &plan(action)), ("sounds/ivr/a.wav", "")]);
        assert!(shown.starts_with(expected), "{action}: {shown}");
        assert_eq!(report.diagnostics.len(), 1, "{shown}");
    }
    for action in [
        "<action application=\"lua\" data=\"x.lua a\"/>",
        "<action application=\"lua\" data=\"${script}\"/>",
        "<action application=\"lua\" data=\"~return 1\"/>",
        "<action application=\"playback\" data=\"ivr/a.wav\"/>",
        "<action application=\"playback\" data=\"ivr/b.wav\"/>",
        "<action application=\"playback\" data=\"tone_stream://%(1,0,1)\"/>",
        "<action application=\"playback\" data=\"file_string://ivr/a.wav!ivr/b.wav@@80\"/>",
        "<action application=\"set\" data=\"ringback=%(2000,4000,440,480);v=-7;%(1,2,3)\"/>",
        "<action application=\"set\" data=\"transfer_ringback=local_stream://moh\"/>",
        "<action application=\"log\" data=\"INFO \\${a ${a:${b}}\"/>",
        "<action application=\"set\" data=\"execute_on_answer=${a} b\"/>",
        "<action application=\"set\" data=\"execute_on_answer=log::INFO x\"/>",
        "<action application=\"playback\" data=\"/usr/share/freeswitch/sounds/ivr/a.wav\"/>",
    ] {
        let sound = [("sounds/ivr/a.wav", ""), ("sounds/ivr/8000/b.wav", ""), ("scripts/x.lua", "return 1")];
        let plan = plan(action);
        let files: Vec<_> = sound.into_iter().chain([("dialplan/a.xml", plan.as_str())]).collect();
        let (report, shown) = check_files(&files);
        assert_eq!((shown.as_str(), report.scripts), ("", 1), "{action}");
        assert_eq!(report.contexts, [("public".to_owned(), 1)]);
    }
}

#[test]
fn folders_take_the_place_of_sections_of_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let context = |name: &str| {
        format!(
            "<context name=\"{name}\"><extension name=\"$${{x}}\"><condition><action application=\"answer\"/></condition></extension></context>"
        )
    };
    for (name, text) in [
        ("conf/freeswitch.xml", "<document>\n<X-PRE-PROCESS cmd=\"set\" data=\"x=set\"/>\n\
          <section name=\"dialplan\">\n<X-PRE-PROCESS cmd=\"include\" data=\"dialplan/*.xml\"/>\n</section>\n</document>".to_owned()),
        ("conf/dialplan/a.xml", context("own")),
        ("other/a.xml", context("other")),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let conf = folder.path().join("conf");
    let mut subject = Subject { conf: Some(conf.clone()), ..Subject::below(&conf) };
    let contexts = |subject: &Subject| {
        let report = check(subject, &[]).unwrap();
        assert_eq!(output::text(&report), "");
        report.contexts.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(contexts(&subject), ["own"]);
    subject.dialplan = Some(folder.path().join("other").to_string_lossy().into_owned());
    assert_eq!(contexts(&subject), ["other"]);
    subject.dialplan = Some("nosuch".to_owned());
    assert_eq!(check(&subject, &[]).unwrap_err(), "there is no folder nosuch");
}

#[test]
fn scripts_are_compiled() {
    let (report, shown) = check_files(&[("dialplan/a.xml", ""), ("scripts/deep/x.lua", "if x then\n  y = = 1\nend\n")]);
    assert!(shown.starts_with("scripts/deep/x.lua:2:3: error[L102 lua-syntax]: unexpected symbol near '='"), "{shown}");
    assert_eq!(report.count(Severity::Error), 1);
}

/// A configuration with the structure of FreeSWITCH's own: nothing but what is not implemented is found in it.
#[test]
fn no_false_alarm_on_a_vanilla_configuration() {
    let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/vanilla");
    let subject = Subject { conf: Some(conf.clone()), ..Subject::below(&conf) };
    let allow = ["unimplemented-application".to_owned(), "unimplemented-function".to_owned()];
    let report = check(&subject, &allow).unwrap();
    assert_eq!(output::text(&report), "");
    assert!(report.contexts.iter().any(|(name, count)| name == "default" && *count > 40));
    assert_eq!((report.users, report.scripts), (3, 1));
}

/// Scripts of the usual kinds: digits, databases, events, legs, hooks, the idioms of FusionPBX.
#[test]
fn no_false_alarm_on_usual_scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let report = check_scripts(&[folder.join("tests/fixtures"), folder.join("scripts")], None, &[]).unwrap();
    assert_eq!(output::text(&report), "");
    assert!(report.scripts >= 8, "{}", report.scripts);
}

#[test]
fn mistakes_in_scripts_are_found_in_their_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sounds")).unwrap();
    std::fs::write(folder.path().join("sounds/a.wav"), "").unwrap();
    let path = folder.path().join("x.lua");
    for (text, expected) in [
        ("session:sleep('1s')", "1:16: error[L106 lua-type]: argument 1 of session:sleep is a number, not a string"),
        (
            "local e = freeswitch.Event('a')\ne:addHeader('b')",
            "2:3: error[L104 lua-arguments]: e:addHeader takes 2 arguments",
        ),
        (
            "freeswitch.API():run('a')",
            "1:18: error[L105 lua-method]: an object of freeswitch.API has no method \"run\"",
        ),
        ("session:execute('nosuch', 'x')", "1:18: error[L107 lua-application]"),
        ("freeswitch.API():executeString('nosuch ' .. x)", "1:33: error[L109 lua-command]"),
        ("session:read(1, 2, 'b.wav', 100, '#')", "1:21: error[L111 lua-prompt]"),
        ("session:execute('playback', 'b.wav')", "1:30: error[L111 lua-prompt]"),
        ("session:playAndGetDigits(1, 1, 1, 100, '#', 'a.wav', 'b.wav', '')", "1:55: error[L111 lua-prompt]"),
        ("freeswitch.consoleLog('info', x:gsub('a', 'b'))", "1:31: error[L112 lua-two-values]"),
        ("session:hangup(", "1:1: error[L102 lua-syntax]"),
        // What cannot be known, and what is allowed.
        ("function freeswitch.own() end freeswitch.own(1)", ""),
        ("session:setVariable('a')  -- switch-check: allow lua-arguments", ""),
        ("session:streamFile('a.wav') session:streamFile('b' .. x) session:streamFile(x)", ""),
        ("\u{feff}session:answer()", ""),
        ("session:execute(app, x:gsub('a', 'b') .. '')", ""),
        ("freeswitch.API():executeString('nosuch' .. x)", ""),
    ] {
        std::fs::write(&path, text).unwrap();
        let report = check_scripts(std::slice::from_ref(&path), Some(&folder.path().join("sounds")), &[]).unwrap();
        let shown = output::text(&report).replace(&format!("{}:", path.display()), "");
        if expected.is_empty() {
            assert_eq!(shown, "", "{text}");
        } else {
            assert!(shown.starts_with(expected) && report.diagnostics.len() == 1, "{text}: {shown}");
        }
    }
    assert!(check_scripts(&[folder.path().join("sounds")], None, &[]).is_err(), "no script");
    assert!(check_scripts(&[folder.path().join("nosuch")], None, &[]).is_err());
}

#[test]
fn the_shipped_example_is_without_fault() {
    let report = check(&Subject::below(Path::new(env!("CARGO_MANIFEST_DIR"))), &[]).unwrap();
    assert_eq!(output::text(&report), "");
    assert!(
        report.scripts > 0
            && report.users > 0
            && report.contexts.iter().any(|(name, count)| name == "public" && *count > 10)
    );
}
