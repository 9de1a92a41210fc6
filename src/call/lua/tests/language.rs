//! The language itself: starts, libraries, coroutines, errors.

use std::path::Path;

use super::fixture::*;
use crate::call::control::{ScriptEntry, ScriptStatus};

async fn check(rows: &[(&str, &str)]) {
    let host = host();
    for (body, expected) in rows {
        assert_eq!(values_of(&host, body, Call::default()).await.0, *expected, "{body}");
    }
}

/// Runs the file `a.lua` with this text, as the application would.
async fn run_file(text: &str, arguments: &str) -> (crate::call::control::ScriptOutcome, Shared) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.lua"), text).unwrap();
    run_app(&host_in(folder.path()), &format!("a.lua{arguments}"), Call::default()).await
}

fn variable(call: &Shared, name: &str) -> Option<String> {
    call.lock().unwrap().variables.get(name).cloned()
}

#[tokio::test]
async fn coroutines() {
    check(&[
        ("local f=coroutine.wrap(function() local a=session:sleep(100) coroutine.yield(a) return session:getVariable('destination_number') end) local a=f() local b=f() return a,b", "1,\"1000\""),
        ("local c=coroutine.create(function() session:sleep(50) error('in co') end) local ok,e=coroutine.resume(c) return ok,e:match('in co'),session:ready()", "false,\"in co\",true"),
        ("local n=0 for v in coroutine.wrap(function() for i=1,3 do session:sleep(20) coroutine.yield(i) end end) do n=n+v end return n", "6"),
        ("local c=coroutine.create(function(a) local b=coroutine.yield(a+1) return b+session:sleep(1) end) local _,x=coroutine.resume(c,1) local _,y=coroutine.resume(c,10) return x,y,coroutine.status(c)", "2,11,\"dead\""),
        ("local f=coroutine.wrap(function() return coroutine.wrap(function() return session:sleep(1) end)() end) return f()", "1"),
        ("local c=coroutine.create(function() coroutine.yield() return 5 end) local n=select('#',coroutine.resume(c)) return n,coroutine.resume(c)", "1,true,5"),
        ("local f=coroutine.wrap(function() local n=0 for i=1,30000000 do n=n+1 end coroutine.yield(n) return session:sleep(1) end) return f(),f()", "30000000,1"),
        ("local _,main=coroutine.running() return main,coroutine.isyieldable()", "true,false"),
        ("return pcall(coroutine.yield,1)==false", "true"),
        ("local t=setmetatable({},{__index=function(_,k) session:sleep(50) return k..'!' end}) return t.x", "\"x!\""),
        ("return pcall(function() return session:streamFile('x') end)", "true,1"),
        ("return xpcall(function() return session:getDigits(1,'#',100) end,debug.traceback)", "true,\"12\""),
        ("local function f(n) if n==0 then return 0 end session:sleep(10) return 1+f(n-1) end return f(10)", "10"),
        ("local f=coroutine.wrap(function() error('x',0) end) return pcall(function() f() end)", "false,\"[string \"line\"]:1: x\""),
    ])
    .await;
}

#[tokio::test]
async fn a_wait_where_lua_cannot_wait_is_explained() {
    for body in [
        "local t={3,2,1} table.sort(t,function(a,b) session:sleep(1) return a<b end)",
        "return (('x'):gsub('x',function() session:sleep(1) end))",
        "local c=coroutine.create(function() session:sleep(1) end) table.sort({2,1},function() local ok,e=coroutine.resume(c) if not ok then error(e,0) end return false end)",
    ] {
        let text = values_of(&host(), body, Call::default()).await.0;
        assert!(text.contains("cannot be called inside a sort comparator"), "{body}: {text}");
    }
}

#[tokio::test]
async fn libraries() {
    check(&[
        (
            "return type(io.open),type(os.time),type(package.path),type(debug.traceback),type(utf8.char)",
            "\"function\",\"function\",\"string\",\"function\",\"function\"",
        ),
        ("debug['sql']=true return debug['sql'],debug.cache", "true,nil"),
        ("return debug.getinfo(1,'l').currentline,debug.getinfo(1).short_src", "1,\"[string \"line\"]\""),
        ("return os.exit(1)", ""),
        ("return os.execute('exit 3')", "nil,\"exit\",3"),
        ("return os.execute('true')", "true,\"exit\",0"),
        ("local f=io.popen('echo hi') local s=f:read('a') f:close() return s", "\"hi\n\""),
        ("return load('return 1+1')(),load('\\27Lua')", "2,nil,\"attempt to load a binary chunk (mode is 't')\""),
        ("return load(string.dump(function() end),'x','b')", "nil,\"attempt to load a binary chunk (mode is 't')\""),
        ("return unpack({1,2}),loadstring('return 3')(),table.getn({1,2}),math.pow(2,3)", "1,3,2,8.0"),
        ("return bit32.band(12,10),bit.bnot(0),bit32.bnot(0),bit.arshift(-8,1)", "8,-1,4294967295,-4"),
        ("local f=function() return x end setfenv(f,{x=5}) return f(),getfenv(f).x", "5,5"),
        ("local t={} for i=1,3 do if i==2 then goto cont end t[#t+1]=i ::cont:: end return #t", "2"),
        ("local f,e=loadfile('/nosuch/x.lua') return f,e:match('cannot open')", "nil,\"cannot open\""),
        ("return select(2,pcall(require,'nosuch.module')):match(\"module 'nosuch.module' not found\")~=nil", "true"),
        ("local t={} local ok,e=pcall(error,t) return ok,e==t", "false,true"),
        ("return argv", "nil"),
        ("return nosuch_global", "nil"),
        ("return print('a',nil,1)", ""),
        ("return select('#',...)", "0"),
    ])
    .await;
}

#[tokio::test]
async fn arguments_and_first_lines() {
    let script = "session:setVariable('r', table.concat({argv[0], #argv, tostring(argv[1]), tostring(argv[2]), select('#',...)}, '|'))";
    let (outcome, call) = run_file(script, " one 'two words'").await;
    assert_eq!(outcome.status, ScriptStatus::Ok);
    assert_eq!(variable(&call, "r").as_deref(), Some("a.lua|2|one|two words|0"));
    let (_, call) = run_file(script, "").await;
    assert_eq!(variable(&call, "r").as_deref(), Some("a.lua|0|nil|nil|0"));
    for text in ["#!/usr/bin/lua\nsession:setVariable('r','1')", "\u{feff}session:setVariable('r','1')"] {
        assert_eq!(variable(&run_file(text, "").await.1, "r").as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn errors_name_file_and_line() {
    let (outcome, _) = run_file("local a=1\nlocal b=2\nerror('here')", "").await;
    assert_eq!(outcome.status, ScriptStatus::Error);
    let error = outcome.error.unwrap();
    assert!(error.ends_with("a.lua:3: here"), "{error}");

    let (outcome, _) = run_file("\nsession:getVariable()", "").await;
    let error = outcome.error.unwrap();
    assert!(error.ends_with("a.lua:2: Error in CoreSession::getVariable expected 2..2 args, got 1"), "{error}");

    let (outcome, _) = run_file("\n\nthis is wrong", "").await;
    assert!(outcome.error.unwrap().contains("a.lua:3: syntax error near 'is'"));
    let (outcome, _) = run_file("\x1bLua", "").await;
    assert!(outcome.error.unwrap().contains("binary chunk"));

    for (text, message) in [
        ("~local x=nil; x.foo=1", "[string \"line\"]:1: attempt to index a nil value (local 'x')"),
        ("~error({message='m'})", "m"),
        ("~error({code=5})", "5"),
        ("nosuch.lua", "cannot open scripts/nosuch.lua: No such file or directory (os error 2)"),
        ("", "no script was named"),
    ] {
        let (outcome, _) = run_app(&host(), text, Call::default()).await;
        assert_eq!((outcome.status, outcome.error.as_deref()), (ScriptStatus::Error, Some(message)), "{text}");
    }
}

#[tokio::test]
async fn globals_of_the_entries() {
    let types = "~R=type(session)..type(stream)..type(env) ";
    let api = start_text(&format!("{types} stream:write(R)"), ScriptEntry::Api, None);
    assert_eq!(outcome(&host(), api).await.output, "niluserdatauserdata");
    let (_, call) = run_app(&host(), &format!("{types} session:setVariable('r',R)"), Call::default()).await;
    assert_eq!(variable(&call, "r").as_deref(), Some("userdatanilnil"));
    let detached = start_text(&format!("{types} error(R,0)"), ScriptEntry::Detached, None);
    assert_eq!(outcome(&host(), detached).await.error.as_deref(), Some("nilnilnil"));
}

#[tokio::test]
async fn modules() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    write("sub/m.lua", "local name = ... N = (N or 0) + 1 session:sleep(1) return {x = 5, name = name}");
    write("bad.lua", "\nif then");
    write("old.lua", "module(..., package.seeall) function f() return type(print) end");
    write(
        "a.lua",
        "local m, path = require('sub.m') local again = require 'sub.m' require('old') \
         local ok, e = pcall(require, 'bad') \
         local v = dofile(argv[1] .. '/sub/m.lua').x \
         session:setVariable('r', table.concat({m.x, m.name, N, tostring(again == m), tostring(ok), v, old.f()}, '|')) \
         session:setVariable('e', e)",
    );
    let host = host_in(folder.path());
    let (outcome, call) = run_app(&host, &format!("a {}", folder.path().display()), Call::default()).await;
    assert_eq!(outcome.error, None);
    assert_eq!(variable(&call, "r").as_deref(), Some("5|sub.m|2|true|false|5|function"));
    assert!(variable(&call, "e").unwrap().contains("bad.lua:2: unexpected symbol near 'then'"));
}

#[tokio::test]
async fn the_shipped_script_explains_a_busy_line() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let host = host_in(&scripts);
    let busy =
        || Call { variables: [("originate_disposition".to_owned(), "USER_BUSY".to_owned())].into(), ..Call::default() };
    let (outcome, call) = run_app(&host, "playerror.lua", busy()).await;
    assert_eq!(outcome.error, None);
    assert_eq!(
        call.lock().unwrap().log,
        ["state", "preAnswer", "stream ivr/ivr-user_busy.wav 0", "hangup USER_BUSY"].map(str::to_owned)
    );
    assert_eq!(variable(&call, "playerror_prompt").as_deref(), Some("ivr/ivr-user_busy.wav"));
    let (_, call) = run_app(&host, "playerror answer call_rejected", busy()).await;
    assert!(call.lock().unwrap().log.contains(&"hangup CALL_REJECTED".to_owned()));
    assert!(call.lock().unwrap().log.contains(&"answer".to_owned()));
}

/// What a failed call costs: prints the processor time of a run. The bound is loose, for builds without optimisation.
#[tokio::test]
async fn a_failed_call_script_is_cheap() {
    const RUNS: u32 = 500;
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let host = host_in(&scripts);
    let used = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        std::time::Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
    };
    run_app(&host, "playerror.lua", Call::default()).await;
    let before = used();
    for _ in 0..RUNS {
        run_app(&host, "playerror.lua USER_BUSY", Call::default()).await;
    }
    let each = used().saturating_sub(before) / RUNS;
    println!("{each:?} of processor time a run, both sides");
    assert!(each < std::time::Duration::from_millis(20));
}

#[tokio::test]
async fn deep_recursion_is_an_error_like_others() {
    let host = host();
    for body in [
        "local function f(n) return 1 + f(n + 1) end return pcall(f, 1)",
        "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return pcall(function() return t[1] end)",
    ] {
        let answer = values_of(&host, body, Call::default()).await.0;
        assert!(answer.starts_with("false,") && answer.contains("stack overflow"), "{body}: {answer}");
    }
}
