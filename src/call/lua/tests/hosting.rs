//! The host: limits, many runs, cancellation, reloading.

use std::time::Duration;

use super::super::{Limits, LuaConfig, LuaHost, Policy};
use super::fixture::*;
use crate::call::control::{ScriptEntry, ScriptHost as _, ScriptOutcome, ScriptStatus};

fn detached(text: &str) -> crate::call::control::ScriptRun {
    start_text(text, ScriptEntry::Detached, None)
}

async fn timed_out(host: &LuaHost, text: &str) -> String {
    let ScriptOutcome { status, error, .. } = outcome(host, detached(text)).await;
    assert_eq!(status, ScriptStatus::Timeout, "{text}: {error:?}");
    error.unwrap()
}

#[tokio::test]
async fn endless_loops_are_stopped() {
    let host = host_with(Limits { instructions: 5_000_000, ..Limits::default() });
    for text in [
        "~while true do end",
        "~while true do pcall(function() while true do end end) end",
        "~while true do pcall(pcall, error) end",
        "~coroutine.wrap(function() while true do end end)()",
        "~while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "~pcall(table.sort, {1,2,3}, function() while true do pcall(function() while true do end end) end end) while true do end",
        "~setmetatable({}, {__index = function() while true do end end}).x()",
        "~('x'):gsub('x', function() while true do end end)",
        "~xpcall(function() while true do end end, function() while true do end end)",
    ] {
        assert!(timed_out(&host, text).await.contains("more than 5000000 instructions"), "{text}");
    }
    assert_eq!(host.running(), 0);
    let fine = outcome(&host, detached("~for i = 1, 3 do for j = 1, 900000 do end freeswitch.msleep(0) end")).await;
    assert_eq!(fine.status, ScriptStatus::Ok, "the count begins anew at each wait");
}

#[tokio::test]
async fn processor_time_and_the_clock() {
    let host = host_with(Limits { instructions: 0, cpu_seconds: 1, ..Limits::default() });
    assert!(
        timed_out(&host, "~while true do freeswitch.msleep(0) for i = 1, 1e6 do end end")
            .await
            .contains("1 s of processor time")
    );
    let mut run = detached("~freeswitch.msleep(60000)");
    run.limits = vec![("lua_max_seconds".to_owned(), "1".to_owned())];
    let outcome = outcome(&host, run).await;
    assert_eq!(outcome.status, ScriptStatus::Timeout);
    assert!(outcome.error.unwrap().contains("ran longer than 1 s"));
}

#[tokio::test]
async fn memory_is_limited() {
    let host = host_with(Limits { memory_mb: 4, ..Limits::default() });
    for text in ["~local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end", "~return ('x'):rep(1 << 30)"] {
        assert!(timed_out(&host, text).await.contains("not enough memory: the limit is 4 MB"), "{text}");
    }
    let caught = "~local ok, e = pcall(string.rep, 'x', 1 << 30) stream:write(tostring(ok) .. tostring(e))";
    let outcome = outcome(&host, start_text(caught, ScriptEntry::Api, None)).await;
    assert_eq!((outcome.status, &*outcome.output), (ScriptStatus::Ok, "falsenot enough memory"));
}

#[tokio::test]
async fn a_script_may_outlive_its_call_for_a_while_only() {
    let host = host_with(Limits { grace_ms: 50, ..Limits::default() });
    for text in ["~session:hangup() while true do end", "~session:hangup() while true do freeswitch.msleep(1) end"] {
        let (outcome, _) = run_app(&host, text, Call::default()).await;
        assert_eq!(outcome.status, ScriptStatus::Timeout);
        assert!(outcome.error.unwrap().contains("session ended"));
    }
    let (outcome, _) = run_app(&host, "~session:hangup() freeswitch.msleep(1)", Call::default()).await;
    assert_eq!(outcome.status, ScriptStatus::Ok);
}

/// Waits until no run is left.
async fn idle(host: &LuaHost) {
    let waited = async {
        while host.running() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited).await.expect("runs are left");
}

#[tokio::test]
async fn a_run_nobody_waits_for_ends() {
    let host = host();
    let (_call, handle) = call(Call { silent_in: "stream", ..Call::default() });
    drop(host.start(start_text("~session:streamFile('x')", ScriptEntry::App, Some(handle.clone()))));
    drop(host.start(start_text("~while true do end", ScriptEntry::App, Some(handle))));
    drop(host.start(start_text("~freeswitch.msleep(100000)", ScriptEntry::Api, None)));
    idle(&host).await;
    let answer = host.start(detached("~freeswitch.msleep(100000)"));
    host.stop();
    assert_eq!(answer.await.unwrap().status, ScriptStatus::Timeout);
    assert_eq!(outcome(&host, detached("~return")).await.error.as_deref(), Some("the switch stops"));
    idle(&host).await;
}

#[tokio::test]
async fn thousands_of_scripts_wait_on_two_threads() {
    let host = host();
    let (call, handle) = call(Call::default());
    let text = "~session:getVariable('x') freeswitch.msleep(200) session:setVariable('y', 1) stream:write('done')";
    let answers: Vec<_> =
        (0..3000).map(|_| host.start(start_text(text, ScriptEntry::Api, Some(handle.clone())))).collect();
    for answer in answers {
        let outcome = tokio::time::timeout(Duration::from_mins(1), answer).await.unwrap().unwrap();
        assert_eq!((outcome.error, &*outcome.output), (None, "done"));
    }
    assert_eq!(host.running(), 0);
    assert_eq!(call.lock().unwrap().variables.get("y").map(String::as_str), Some("1"));
}

#[tokio::test]
async fn a_full_pool_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let host =
        LuaHost::new(LuaConfig { policy: Policy { max_scripts: 1, ..Policy::default() }, ..config(folder.path()) })
            .unwrap();
    let first = host.start(detached("~freeswitch.msleep(100000)"));
    let refused = outcome(&host, start_text("~return", ScriptEntry::Api, None)).await;
    assert_eq!(refused.status, ScriptStatus::Error);
    assert_eq!(refused.output, "-ERR Cannot execute script\n");
    host.stop();
    assert!(first.await.is_ok());
    idle(&host).await;
}

#[tokio::test]
async fn a_changed_file_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.lua");
    let host = host_in(folder.path());
    let run = || start_text("a.lua", ScriptEntry::Api, None);
    for text in ["stream:write('one')", "stream:write('two!')", "stream:write('three')"] {
        std::fs::write(&file, text).unwrap();
        let expected = text.split('\'').nth(1).unwrap();
        for _ in 0..2 {
            assert_eq!(outcome(&host, run()).await.output, expected);
        }
    }
    // The same size, another time.
    std::fs::write(&file, "stream:write('seven')").unwrap();
    let later = std::fs::metadata(&file).unwrap().modified().unwrap() + Duration::from_secs(5);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
    assert_eq!(outcome(&host, run()).await.output, "seven");
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("a.lua"), "stream:write('other')").unwrap();
    host.set_scripts(other.path().to_owned());
    assert_eq!(outcome(&host, run()).await.output, "other");
}

#[tokio::test]
async fn auto_hangup_is_reported() {
    for (text, expected) in [("~return", false), ("~session:setAutoHangup(true)", true)] {
        assert_eq!(run_app(&host(), text, Call::default()).await.0.auto_hangup, expected, "{text}");
    }
}

/// What a script can reach and change, and how the next one looks at it.
const TRESPASSES: &[(&str, &str)] = &[
    ("X = 1", "tostring(X)"),
    ("string.upper = nil", "type(string.upper)"),
    ("string.format = function() return 'evil' end", "('%d'):format(7)"),
    ("getmetatable('').__index = {rep = function() return 'evil' end}", "('a'):rep(2)"),
    ("getmetatable('').__add = function() return 'evil' end", "tostring(pcall(function() return 'a' + 'b' end))"),
    ("freeswitch.getGlobalVariable = function() return 'evil' end", "tostring(freeswitch.getGlobalVariable('none'))"),
    ("freeswitch.mine = 1", "tostring(freeswitch.mine)"),
    ("setmetatable(_G, {__index = function() return 'evil' end})", "tostring(nothing)"),
    ("setmetatable(freeswitch.Event, nil)", "tostring(pcall(freeswitch.Event, 'CUSTOM', 'a::b'))"),
    ("package.loaded.mine = 'evil' package.preload.mine = error", "tostring(pcall(require, 'mine'))"),
    ("package.path = '/evil'", "tostring(package.path:find('evil'))"),
    ("getmetatable(io.stdout).__index.write = nil", "type(io.stdout.write)"),
    ("io.output(io.tmpfile())", "tostring(io.output() == io.stdout)"),
    ("pcall, error, print = nil", "type(pcall) .. type(error) .. type(print)"),
    ("coroutine.wrap = nil debug.traceback = nil", "type(coroutine.wrap) .. type(debug.traceback)"),
    (
        "session:setHangupHook('x') session:setInputCallback('x') session:setPrivate('p', session)",
        "tostring(session:getPrivate('p'))",
    ),
    ("setmetatable({}, {__gc = function() X = 'evil' end}) collectgarbage('stop')", "tostring(X)"),
    ("LEFT = coroutine.wrap(function() coroutine.yield() end) LEFT()", "tostring(LEFT)"),
];

#[tokio::test]
async fn nothing_that_a_script_changes_outlives_its_run() {
    let fresh = host();
    let host = host();
    let (_call, handle) = call(Call::default());
    for (change, look) in TRESPASSES {
        let look = format!("~stream:write({look})");
        let look = || start_text(&look, ScriptEntry::Api, Some(handle.clone()));
        let expected = outcome(&fresh, look()).await;
        // Several: a state that was made ahead must be as untouched as one that was made for its run.
        for _ in 0..3 {
            let changed =
                outcome(&host, start_text(&format!("~{change}"), ScriptEntry::Api, Some(handle.clone()))).await;
            assert_eq!(changed.error, None, "{change}");
            let seen = outcome(&host, look()).await;
            assert_eq!((seen.error, &*seen.output), (None, &*expected.output), "{change}");
        }
        assert!(!expected.output.contains("evil"), "{change}: {}", expected.output);
    }
}

#[tokio::test]
async fn two_runs_at_a_time_do_not_see_each_other() {
    let host = host();
    let one = host.start(start_text("~X = 1 string.upper = nil freeswitch.msleep(300)", ScriptEntry::Api, None));
    let two =
        start_text("~freeswitch.msleep(50) stream:write(tostring(X) .. type(string.upper))", ScriptEntry::Api, None);
    assert_eq!(outcome(&host, two).await.output, "nilfunction");
    assert_eq!(one.await.unwrap().error, None);
}

#[tokio::test]
async fn a_state_made_ahead_has_the_settings_of_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let host = host_in(folder.path());
    let path = || start_text("~stream:write(package.path .. type(unpack))", ScriptEntry::Api, None);
    for _ in 0..3 {
        assert!(outcome(&host, path()).await.output.ends_with("function"));
    }
    host.set_policy(Policy { path: vec!["/other/?.lua".to_owned()], modern: true, ..Policy::default() });
    for _ in 0..3 {
        assert!(outcome(&host, path()).await.output.ends_with(";/other/?.luanil"));
    }
    host.set_scripts("/moved".into());
    for _ in 0..3 {
        assert!(outcome(&host, path()).await.output.starts_with("/moved/?.lua;"));
    }
}

#[tokio::test]
async fn a_call_goes_on_without_a_script_that_is_stuck() {
    let folder = tempfile::tempdir().unwrap();
    let stuck_after = Duration::from_millis(50);
    let host = LuaHost::new(LuaConfig { stuck_after, ..config(folder.path()) }).unwrap();
    let text = "~string.find(('a'):rep(40), '^' .. ('a-'):rep(7) .. 'b')";
    let found = timed_out(&host, text).await;
    assert!(found.contains("stuck inside one library call"), "{found}");
    idle(&host).await;
}
