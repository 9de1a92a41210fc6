//! The rules of `lua.conf`: what a restricted script may do, how many things it may hold open, where files are found.

use std::path::Path;

use super::super::{LuaConfig, LuaHost, Policy};
use super::fixture::*;

fn host_of(scripts: &Path, policy: Policy) -> LuaHost {
    LuaHost::new(LuaConfig { policy, ..config(scripts) }).unwrap()
}

async fn answers(host: &LuaHost, cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        let answer = values_of(host, body, Call::default()).await.0;
        assert!(answer.contains(expected), "{body}: {answer}");
    }
}

#[tokio::test]
async fn a_restricted_script_stays_in_its_folders() {
    let folder = tempfile::tempdir().unwrap();
    let (scripts, data) = (folder.path().join("scripts"), folder.path().join("data"));
    for folder in [&scripts, &data] {
        std::fs::create_dir(folder).unwrap();
    }
    std::fs::write(scripts.join("part.lua"), "return 'part'").unwrap();
    std::fs::write(folder.path().join("evil.lua"), "return 'evil'").unwrap();
    let host = host_of(&scripts, Policy { roots: Some(vec![data.clone()]), ..Policy::default() });
    let (inside, outside) =
        (data.join("a.txt").display().to_string(), folder.path().join("b.txt").display().to_string());
    let evil = folder.path().join("evil.lua").display().to_string();
    answers(
        &host,
        &[
            (
                &format!("local f=io.open('{inside}','w') f:write('x') f:close() return io.open('{inside}'):read('a')"),
                "\"x\"",
            ),
            (&format!("return io.open('{outside}','w')"), "nil,\""),
            (&format!("return io.open('{outside}','w')"), "lua-profile is restricted"),
            ("return io.open('/etc/passwd')", "nil,"),
            ("return io.lines('/etc/passwd')", "error: /etc/passwd: not allowed"),
            ("return io.input('/etc/passwd')", "error: /etc/passwd: not allowed"),
            (&format!("return io.output('{outside}')"), "not allowed"),
            ("return os.remove('/etc/passwd')", "not allowed"),
            (&format!("return os.rename('{inside}','{outside}')"), "not allowed"),
            ("return os.tmpname()", "os.tmpname is not allowed"),
            ("return os.execute('true')", "os.execute is not allowed"),
            ("return io.popen('true')", "io.popen is not allowed"),
            ("return require('socket').tcp()", "sockets are not allowed"),
            ("return require('socket').connect('127.0.0.1', 9)", "sockets are not allowed"),
            ("return require('socket.http').request('http://127.0.0.1:9/')", "sockets are not allowed"),
            ("return type(require('socket').gettime())", "\"number\""),
            (&format!("return dofile('{evil}')"), "not allowed"),
            (&format!("return loadfile('{evil}')"), "nil,"),
            (&format!("package.path='{}/?.lua' return require('evil')", folder.path().display()), "not allowed"),
            ("return require('part')", "\"part\""),
            ("return freeswitch.API():execute('system','id')", "system is not allowed"),
            ("return freeswitch.API():executeString('bg_system id')", "bg_system is not allowed"),
            ("session:execute('system','id')", "system is not allowed"),
            ("return freeswitch.Dbh('/etc/x.db')", "not allowed"),
            ("return freeswitch.Dbh('sqlite://../x.db')", "not allowed"),
            ("return type(debug), debug.traceback ~= nil", "\"table\",true"),
        ],
    )
    .await;
    let (outcome, _) = run_app(&host, &evil, Call::default()).await;
    assert!(outcome.error.unwrap().contains("not allowed"));
}

#[tokio::test]
async fn a_full_script_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let host = host_of(folder.path(), Policy::default());
    answers(
        &host,
        &[
            ("return io.open('/etc/hostname') ~= nil or true, os.execute('true')", "true,true,"),
            ("return io.popen('echo hi'):read('l')", "\"hi\""),
            ("local n=os.tmpname() return os.remove(n)", "true"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_held_open_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut policy = Policy::default();
    policy.limits.handles = 3;
    let host = host_of(folder.path(), policy);
    let path = folder.path().join("f").display().to_string();
    answers(
        &host,
        &[
            (
                "local t={} for i=1,4 do t[i]=freeswitch.EventConsumer() end",
                "more than 3 sessions, databases and consumers",
            ),
            ("local t={} for i=1,9 do t[i]=freeswitch.EventConsumer() t[i]:cleanup() end return 'fine'", "fine"),
            (&format!("local t={{}} for i=1,4 do t[i]=io.open('{path}','w') end"), "more than 3 files are open"),
            (&format!("for i=1,50 do local f=io.open('{path}','w') f:close() end return 'fine'"), "fine"),
            (&format!("for i=1,50 do io.open('{path}','w') end return 'fine'"), "fine"),
            ("local s for i=1,4 do s=freeswitch.Session('sofia/x/y') end return s:hangupCause()", "SWITCH_CONGESTION"),
        ],
    )
    .await;
}

#[tokio::test]
async fn other_folders_hold_scripts_and_modules() {
    let folder = tempfile::tempdir().unwrap();
    let (scripts, more) = (folder.path().join("scripts"), folder.path().join("more"));
    for folder in [&scripts, &more] {
        std::fs::create_dir(folder).unwrap();
    }
    std::fs::write(more.join("module.lua"), "return {name = 'module'}").unwrap();
    std::fs::write(more.join("entry.lua"), "stream:write(require('module').name)").unwrap();
    let path = vec![format!("{}/?.lua;/nowhere/?.lua", more.display())];
    let host = host_of(&scripts, Policy { path, ..Policy::default() });
    for name in ["entry.lua", "entry"] {
        let run = start_text(name, crate::call::control::ScriptEntry::Api, None);
        assert_eq!(outcome(&host, run).await.output, "module", "{name}");
    }
    host.set_policy(Policy::default());
    let run = start_text("entry.lua", crate::call::control::ScriptEntry::Api, None);
    assert!(outcome(&host, run).await.error.unwrap().contains("cannot open"), "the new rules hold at once");
}

#[tokio::test]
async fn a_modern_script_has_no_shims() {
    let folder = tempfile::tempdir().unwrap();
    let host = host_of(folder.path(), Policy { modern: true, ..Policy::default() });
    answers(
        &host,
        &[("return unpack, loadstring, table.getn, string.gfind, setfenv, bit32", "nil,nil,nil,nil,nil,nil")],
    )
    .await;
}

#[tokio::test]
async fn a_strict_script_is_told_of_names_that_were_never_set() {
    let folder = tempfile::tempdir().unwrap();
    let host = host_of(folder.path(), Policy { strict: true, ..Policy::default() });
    answers(&host, &[("return sesion, session ~= nil, unpack ~= nil, argv", "nil,true,true,nil")]).await;
}
