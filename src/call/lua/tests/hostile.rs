//! Scripts that are wrong in every way: each comes to an end, says why, and leaves the host and other scripts as they were.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::table;
use super::super::{Limits, LuaHost};
use super::fixture::*;
use crate::call::control::{ScriptEntry, ScriptStatus};
use crate::words::model::Cause;

fn host_limited() -> LuaHost {
    host_with(Limits { instructions: 20_000_000, cpu_seconds: 2, memory_mb: 64, ..Limits::default() })
}

/// Things that a script may hand over where something else is wanted.
const ODD: &str = "local odd = {n = 12, nil, true, -1, 1e308, 0/0, 'x\\0y', ('z'):rep(100000), {}, setmetatable({}, {__index = function() error('lie') end, \
    __tostring = function() return {} end, __len = function() return -1 end, __eq = function() return true end, __call = function() return 1 end}), \
    function() error('called') end, coroutine.create(function() end), freeswitch.Stream()}";

#[tokio::test]
async fn every_method_bears_every_argument() {
    let host = host_limited();
    for method in table::all() {
        // What the prelude alone calls is not within reach of scripts.
        if method.class() == "@" {
            continue;
        }
        let mut body = String::from(ODD);
        let call = if method.is_method() {
            // The object itself is odd, too.
            format!("freeswitch.{0} and (({1}) or {{}}).{2}", method.class(), object_of(method.class()), method.name)
        } else {
            format!("freeswitch.{}", method.name)
        };
        let object = if method.is_method() { object_of(method.class()) } else { "nil" };
        let _ = write!(
            body,
            " local object = {object} local f = {call} local calls = 0 \
             for at = 1, odd.n do for count = 0, {} do \
             local arguments = table.pack() for n = 1, count do arguments[n] = odd[(at + n) % odd.n + 1] end \
             pcall(f, object, table.unpack(arguments, 1, count)) pcall(f, table.unpack(arguments, 1, count)) calls = calls + 1 end end \
             return calls > 0",
            method.parameters.len().min(4)
        );
        // A wait of a second argument's making would take its time.
        if ["msleep", "sleep", "pop", "collectDigits", "wait"].contains(&method.name) {
            continue;
        }
        let (text, _) = values_of(&host, &body, Call { cause: None, ..Call::default() }).await;
        assert!(text == "true" || text.starts_with("error"), "{}: {text}", method.full_name("::"));
    }
    assert_eq!(host.running(), 0);
    assert_eq!(values_of(&host, "return 1", Call::default()).await.0, "1", "the host is as it was");
}

fn object_of(class: &str) -> &'static str {
    match class {
        "Session" => "session",
        "API" => "freeswitch.API()",
        "Stream" => "freeswitch.Stream()",
        "JSON" => "freeswitch.JSON()",
        "Event" => "freeswitch.Event('CUSTOM','a::b')",
        "EventConsumer" => "freeswitch.EventConsumer()",
        "DTMF" => "freeswitch.DTMF('1')",
        "Dbh" => "freeswitch.Dbh('x')",
        "IVRMenu" => "freeswitch.IVRMenu(nil,'m','','','','','','','','','',1,1,1,1,1,1)",
        _ => "nil",
    }
}

#[tokio::test]
async fn scripts_that_are_wrong_end_and_say_why() {
    let host = host_limited();
    for (text, told) in [
        ("~local function f() return f() + 1 end f()", "memory"),
        ("~local t = setmetatable({}, {}) getmetatable(t).__index = t local x = t.y", "loop"),
        ("~local function f(...) return f(1, ...) end f()", ""),
        ("~error({code = 5})", "5"),
        ("~error(nil)", ""),
        ("~error(setmetatable({}, {__tostring = function() error('again') end}))", ""),
        ("~session.uuid = 1", "Assignment not possible"),
        ("~session:nosuch()", "nil value"),
        ("~string.rep('x', 1 << 40)", ""),
        ("~local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e5) .. i end", "memory"),
        ("~while true do end", "instructions"),
        ("~while true do pcall(function() while true do end end) end", "instructions"),
        ("~load('return ' .. ('('):rep(1e5))() ", ""),
        ("~load(string.dump(function() end))()", ""),
        ("~coroutine.wrap(function() error('inside') end)()", "inside"),
        ("~require('no.such.module')", "not found"),
        ("~\0", ""),
        ("~return return", "unexpected symbol"),
        ("~debug.sethook(function() end)", "not available"),
        ("~setmetatable(_G, {__index = function() error('lie') end}) print(nothing)", "lie"),
        ("~string.format = nil freeswitch = nil error('still')", "still"),
        ("~goto nowhere", "nowhere"),
    ] {
        let (outcome, _) = run_app(&host, text, Call::default()).await;
        assert_ne!(outcome.status, ScriptStatus::Ok, "{text}");
        let error = outcome.error.unwrap_or_default();
        assert!(error.contains(told), "{text}: {error}");
    }
    assert_eq!(host.running(), 0);
}

#[tokio::test]
async fn scripts_that_are_odd_come_to_their_end() {
    let host = host_limited();
    for (text, expected) in [
        ("os.exit(1) return 'goes on'", "\"goes on\""),
        ("return #('a\\0b'), session:setVariable('x', 'a\\0b'), session:getVariable('x')", "3,nil,\"a\""),
        (
            "session:setVariable(('n'):rep(100000), ('v'):rep(1000000)) return #session:getVariable(('n'):rep(100000))",
            "1000000",
        ),
        ("local ok, e = pcall(table.sort, {3, 1, 2}, function() session:sleep(1) end) return ok, e", "false,\""),
        ("return pcall(string.gsub, 'x', 'x', function() session:sleep(1) end)", "false,\""),
        ("local ok = pcall(error) return ok", "false"),
        (
            "local t = setmetatable({}, {__gc = function() error('late') end}) t = nil collectgarbage() return 'fine'",
            "\"fine\"",
        ),
        (
            "local c = coroutine.create(function() session:sleep(1) end) for i = 1, 100 do coroutine.resume(c) end return coroutine.status(c)",
            "\"dead\"",
        ),
        ("_G.session = nil _G.freeswitch = 5 collectgarbage() return type(freeswitch)", "\"number\""),
        (
            "function cb() error('in the callback') end session:setInputCallback('cb') return session:streamFile('x.wav')",
            "1",
        ),
        ("for i = 1, 1000 do freeswitch.consoleLog('info', ('x'):rep(1000)) end return 'logged'", "\"logged\""),
    ] {
        let (answer, _) = values_of(&host, text, Call::default()).await;
        assert!(answer.contains(expected), "{text}: {answer}");
    }
    assert_eq!(host.running(), 0);
}

#[tokio::test]
async fn a_hung_up_call_is_no_place_to_stay() {
    let host = host_with(Limits { grace_ms: 200, ..Limits::default() });
    let hung = || Call { cause: Some(Cause::parse("USER_BUSY")), ..Call::default() };
    let (outcome, _) = run_app(&host, "~while true do session:sleep(10) end", hung()).await;
    assert_eq!(outcome.status, ScriptStatus::Timeout, "{:?}", outcome.error);
    let (outcome, _) = run_app(&host, "~while session:ready() do session:sleep(10) end", hung()).await;
    assert_eq!(outcome.status, ScriptStatus::Ok);
    let (outcome, _) = run_app(&host, "~session:destroy() session:streamFile('x.wav') session:sleep(10)", hung()).await;
    assert_eq!(outcome.status, ScriptStatus::Ok, "{:?}", outcome.error);
}

#[tokio::test]
async fn a_script_that_is_deleted_while_it_runs_ends_as_it_would() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gone.lua");
    std::fs::write(&path, "os.remove(argv[1]) freeswitch.msleep(20) stream:write('ran')").unwrap();
    let host = host_in(folder.path());
    let start = |text: &str| start_text(text, ScriptEntry::Api, None);
    assert_eq!(outcome(&host, start(&format!("gone.lua {}", path.display()))).await.output, "ran");
    let outcome = outcome(&host, start("gone.lua x")).await;
    assert!(outcome.error.unwrap().contains("cannot open"));
}

#[tokio::test]
async fn a_broken_edit_leaves_the_last_good_version_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let (path, module) = (folder.path().join("a.lua"), folder.path().join("m.lua"));
    let host = host_in(folder.path());
    let said = || async { outcome(&host, start_text("a.lua", ScriptEntry::Api, None)).await };
    std::fs::write(&module, "return 'm1'").unwrap();
    std::fs::write(&path, "local m = require('m') stream:write('one ' .. m)").unwrap();
    assert_eq!(said().await.output, "one m1");
    std::fs::write(&path, "stream:write('two' this is no Lua").unwrap();
    std::fs::write(&module, "return 'm2' nor this").unwrap();
    for _ in 0..2 {
        assert_eq!(said().await.output, "one m1", "the edit does not compile");
    }
    std::fs::write(&path, "local m = require('m') stream:write('three ' .. m)").unwrap();
    std::fs::write(&module, "return 'm3!'").unwrap();
    assert_eq!(said().await.output, "three m3!");
    std::fs::write(folder.path().join("b.lua"), "no Lua at all").unwrap();
    let never = outcome(&host, start_text("b.lua", ScriptEntry::Api, None)).await;
    assert!(never.error.unwrap().contains("b.lua:1:"), "a script that never was good is an error");
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_scripts_do_not_keep_others_waiting() {
    let host = host_with(Limits { instructions: 0, cpu_seconds: 0, seconds: 4, ..Limits::default() });
    let endless: Vec<_> = (0..50)
        .map(|_| {
            use crate::call::control::ScriptHost as _;
            host.start(start_text("~while true do end", ScriptEntry::Detached, None))
        })
        .collect();
    for _ in 0..5 {
        let quick = run_app(&host, "~session:streamFile('x.wav')", Call::default());
        let (outcome, _) = tokio::time::timeout(Duration::from_secs(20), quick).await.expect("in time");
        assert_eq!(outcome.status, ScriptStatus::Ok);
    }
    assert_eq!(host.running(), 50, "they run on");
    for one in endless {
        assert_eq!(one.await.unwrap().status, ScriptStatus::Timeout);
    }
}
