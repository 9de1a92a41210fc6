//! Every method: values, requests, error texts.

use super::fixture::*;
use crate::words::model::Cause;

fn fresh() -> Call {
    Call::default()
}

fn hung() -> Call {
    Call { answered: true, cause: Some(Cause::parse("USER_BUSY")), ..Call::default() }
}

/// Rows of (body, values).
async fn check(rows: &[(&str, &str)], call: fn() -> Call) {
    let host = host();
    for (body, expected) in rows {
        assert_eq!(values_of(&host, body, call()).await.0, *expected, "{body}");
    }
    assert_eq!(host.running(), 0);
}

#[tokio::test]
async fn variables() {
    check(
        &[
            ("return session:getVariable('nosuch')", "nil"),
            ("return session:getVariable('')", "nil"),
            ("return session:getVariable(nil)", "nil"),
            ("session:setVariable('a','1') return session:getVariable('A')", "\"1\""),
            ("session:setVariable('a','1') session:setVariable('a','') return session:getVariable('a')", "nil"),
            ("session:setVariable('a','1') session:setVariable('a',nil) return session:getVariable('a')", "nil"),
            ("session:setVariable('a',5) return session:getVariable('a')", "\"5\""),
            ("session:setVariable('a',10/2) return session:getVariable('a')", "\"5\""),
            ("session:setVariable('a',5.5) return session:getVariable('a')", "\"5.5\""),
            ("session:setVariable('a','x\\0y') return session:getVariable('a')", "\"x\""),
            (
                "return session:getVariable('destination_number'),session:getVariable('uuid')==session.uuid",
                "\"1000\",true",
            ),
            ("return session:setVariable('a','1')", ""),
            ("session:execute('set','b=${destination_number}-x') return session:getVariable('b')", "\"1000-x\""),
        ],
        fresh,
    )
    .await;
}

#[tokio::test]
async fn wrong_arguments() {
    let rows = [
        ("return session:getVariable()", "Error in CoreSession::getVariable expected 2..2 args, got 1"),
        ("session.getVariable('x')", "Error in CoreSession::getVariable expected 2..2 args, got 1"),
        ("session:setVariable('a')", "Error in CoreSession::setVariable expected 3..3 args, got 2"),
        ("session:setVariable('a',true)", "Error in CoreSession::setVariable (arg 3), expected 'char *' got 'boolean'"),
        ("session:setVariable('a',{})", "got 'table'"),
        ("session:sleep('x')", "Error in CoreSession::sleep (arg 2), expected 'int' got 'string'"),
        ("session:setAutoHangup(0)", "expected 'bool' got 'number'"),
        ("session:getDigits(1,'#')", "Wrong arguments for overloaded function 'CoreSession_getDigits'"),
        ("session:playAndGetDigits(1,3,1,100,'#','','')", "expected 9..12 args, got 8"),
        ("session:say('123','en','number')", "expected 5..6 args, got 4"),
        ("session:execute('set','a','b')", "expected 2..3 args, got 4"),
        ("session.sleep(5,5)", "Error in CoreSession::sleep (arg 1), expected 'CoreSession *' got 'number'"),
        ("freeswitch.Session():originate(session,'error/user_busy')", "expected 4..4 args, got 3"),
        ("freeswitch.consoleLog('info')", "Error in consoleLog expected 2..2 args, got 1"),
        ("freeswitch.consoleLog('info',true)", "got 'boolean'"),
        ("local p='a/x' freeswitch.consoleLog('info',p:gsub('x','y'))", "expected 2..2 args, got 3"),
        ("freeswitch.getGlobalVariable()", "expected 1..1 args, got 0"),
        ("freeswitch.setGlobalVariable('x')", "expected 2..2 args, got 1"),
        ("freeswitch.API():execute('a','b','c')", "expected 2..3 args, got 4"),
        ("session:setInputCallback({})", "Wrong arguments for overloaded function"),
        ("session:setHangupHook({})", "got 'table'"),
        ("session:nosuch()", "attempt to call a nil value (method 'nosuch')"),
        ("session.foo=1", "Assignment not possible"),
        ("freeswitch.bridge(session,nil)", "got 'nil'"),
        ("session:destroy('mymsg')", "mymsg"),
    ];
    let host = host();
    for (body, expected) in rows {
        let text = values_of(&host, body, fresh()).await.0;
        assert!(text.starts_with("error: ") && text.contains(expected), "{body}: {text}");
    }
}

#[tokio::test]
async fn what_is_missing_says_so() {
    for body in ["freeswitch.Event('CUSTOM','x::y'):chat_send()"] {
        let text = values_of(&host(), body, fresh()).await.0;
        assert!(text.starts_with("error: ") && text.contains("is not available yet"), "{body}: {text}");
    }
    for body in ["return freeswitch.email('a','b')", "return session:detectSpeech('a','b')"] {
        let text = values_of(&host(), body, fresh()).await.0;
        assert!(text == "false" || text.is_empty(), "{body}: {text}");
    }
}

#[tokio::test]
async fn menus_are_put_together() {
    let build = "local m=freeswitch.IVRMenu(nil,'main','l.wav','s.wav','i.wav','e.wav','t.wav','','','','',3,2000,4,'6000',2,5) \
         m:bindAction('menu-exec-app','playback x.wav','1') m:bindAction('menu-dance','','2') \
         local s=freeswitch.IVRMenu(m,'sub','l.wav','s.wav','i.wav','e.wav','','','','',3,2000,4,6000,2,5) \
         s:bindAction('menu-back','','*')";
    let (text, call) = values_of(&host(), &format!("{build} return m:execute(session,'main')"), fresh()).await;
    assert_eq!(text, "");
    assert!(call.lock().unwrap().log.iter().any(|line| line == "menu main [1, 1] 4 6000"), "one tree, both menus");
    let text = values_of(&host(), "freeswitch.IVRMenu(nil,'x')", fresh()).await.0;
    assert!(text.contains("expected 16..17 args, got 2"), "{text}");
}

#[tokio::test]
async fn channels_and_events_know_each_other() {
    let host = host();
    for (body, expected) in [
        (
            "local e=freeswitch.Event('CUSTOM','a::b') session:setEventData(e) return e:getHeader('variable_x'),e:getHeader('Unique-ID') ~= nil",
            "\"1\",true",
        ),
        (
            "local d=freeswitch.DTMF('5') session:setPrivate('k',d) return session:getPrivate('k')==d,session:getPrivate('other')",
            "true,nil",
        ),
        ("return pcall(session.setPrivate,session,'k','text')", "expected 'void *' got 'string'"),
        (
            "return freeswitch.JSON():execute('{\"command\":\"fsapi\",\"data\":{\"cmd\":\"hostname\"}}').response.message",
            "host.example",
        ),
        ("return freeswitch.JSON():execute2({command='nosuch'})", "Invalid request or non-existent command"),
        ("return freeswitch.JSON():execute2('{bad')", "\"status\":\"error\""),
    ] {
        let text = values_of(&host, body, fresh()).await.0;
        assert!(text.contains(expected), "{body}: {text}");
    }
    let (_, call) = values_of(&host, "session:execute('playback::x.wav')", fresh()).await;
    assert!(call.lock().unwrap().log.iter().any(|line| line == "queue playback x.wav"));
    let command = "local e=freeswitch.Event('COMMAND') e:addHeader('call-command','execute') \
         e:addHeader('execute-app-name','log') e:addHeader('execute-app-arg','hi') session:sendEvent(e)";
    let (_, call) = values_of(&host, command, fresh()).await;
    assert!(call.lock().unwrap().log.iter().any(|line| line == "queue log hi"));
}

#[tokio::test]
async fn a_recording_is_put_into_another() {
    let folder = tempfile::tempdir().unwrap();
    let (file, insert) = (folder.path().join("a.wav"), folder.path().join("b.wav"));
    std::fs::write(&file, crate::engine::audio::wav_bytes(&[1; 100], 8000)).unwrap();
    std::fs::write(&insert, crate::engine::audio::wav_bytes(&[2; 50], 8000)).unwrap();
    let call = |at: &str, other: &std::path::Path| {
        format!("return session:insertFile('{}','{}',{at})", file.display(), other.display())
    };
    let host = host();
    assert_eq!(values_of(&host, &call("10", &insert), fresh()).await.0, "1");
    let bytes = std::fs::read(&file).unwrap();
    let samples = crate::engine::audio::Wav::parse(&bytes).unwrap().samples();
    assert_eq!((samples.len(), samples[9], samples[10], samples[59], samples[60]), (150, 1, 2, 2, 1));
    assert_eq!(values_of(&host, &call("0", &folder.path().join("none.wav")), fresh()).await.0, "0");
}

#[tokio::test]
async fn objects() {
    check(
        &[
            ("return session.uuid==session:get_uuid(),#session.uuid,_G[session.uuid]==session", "true,36,true"),
            ("return session.nosuch", "nil"),
            ("return type(freeswitch),type(freeswitch.Session),type(session),type(freeswitch.API())", "\"table\",\"table\",\"userdata\",\"userdata\""),
            ("return tostring(session):sub(1,38),swig_type(session)", "\"<userdata of type 'LUA::Session *' at \",\"LUA::Session *\""),
            (
                "local s=freeswitch.Session() return s:ready(),s:getVariable('x'),s:answer(),s:hangupCause(),s:getState(),s:get_uuid(),s:streamFile('x'),s:sleep(1),s:getDigits(1,'',1),s.uuid",
                "false,\"\",-1,\"NONE\",\"ERROR\",\"uninitialized\",-1,-1,\"\",nil",
            ),
            (
                "local s=freeswitch.Session() return s:answered(),s:mediaReady(),s:bridged(),s:preAnswer(),s:read(1,1,'',1,'#'),s:playAndGetDigits(1,1,1,1,'#','','','1'),s:flushDigits(),s:transfer('1'),s:setAutoHangup(false)",
                "false,false,false,-1,\"\",\"\",-1,-1,-1",
            ),
            ("local x=freeswitch.Session(session.uuid) return x:ready(),x.uuid==session.uuid,x==session", "true,true,false"),
            ("session:destroy() return session:ready(),session:getVariable('uuid'),session.uuid", "false,\"\",nil"),
            ("freeswitch.lc=function() return 4 end return freeswitch.lc()", "4"),
            ("local play=session.streamFile return play(session,'x')", "1"),
        ],
        fresh,
    )
    .await;
}

#[tokio::test]
async fn state() {
    check(
        &[
            (
                "return session:ready(),session:answered(),session:mediaReady(),session:bridged(),session:getState(),session:hangupCause()",
                "true,false,false,false,\"CS_EXECUTE\",\"NONE\"",
            ),
            ("return session:preAnswer(),session:mediaReady(),session:answered()", "1,true,false"),
            ("return session:answer(),session:answered(),session:mediaReady(),session:answer()", "1,true,true,1"),
            (
                "session:hangup('USER_BUSY') return session:ready(),session:getState(),session:hangupCause(),session:getVariable('hangup_cause')",
                "false,\"CS_HANGUP\",\"USER_BUSY\",nil",
            ),
            ("return session:transfer('1000','XML','default'),session:ready(),session:getState()", "1,false,\"CS_ROUTING\""),
            ("return session:setAutoHangup(true),session:hangupState()", "0"),
            ("return session:begin_allow_threads(),session:setLUA()", "true"),
        ],
        fresh,
    )
    .await;
}

#[tokio::test]
async fn media_and_digits() {
    check(
        &[
            ("return session:streamFile('/nosuch/file.wav'),session:streamFile('a.wav')", "0,1"),
            ("return session:streamFile(nil),session:streamFile('')", "0,0"),
            ("return session:sleep(100),session:sleep(0),session:sleep('10')", "1,1,1"),
            ("return session:getDigits(2,'#',100),session:read(1,2,'p',3,'#')", "\"12\",\"34\""),
            ("return session:playAndGetDigits(1,3,1,2000,'#','p','','\\\\d+')", "\"56\""),
            ("return session:flushDigits(),session:flushEvents(),session:print('x')", "0,0,0"),
            ("return session:collectDigits(100),session:collectDigits(1,2)", "0,0"),
            ("return session:speak('hi')", "1"),
            ("session:set_tts_params('nosuch','v') return session:speak('hi'),session.tts_name", "0,\"nosuch\""),
            ("return session:sayPhrase('nosuchmacro')", ""),
            ("return session:consoleLog('info','x\\n')", ""),
        ],
        fresh,
    )
    .await;
}

#[tokio::test]
async fn requests_carry_the_arguments() {
    let body = "session:getDigits(5,nil,1000.9,'200') session:getDigits(1,'#*',1,2,3) \
        session:read(0,-1,nil,0,'#') session:streamFile('a',8000) session:hangup(17) session:sayPhrase('m','d')";
    let (_, call) = values_of(&host(), body, fresh()).await;
    let log = call.lock().unwrap().log.clone();
    assert_eq!(log[0], "getDigits 5  1000 200 0");
    assert_eq!(log[1], "getDigits 1 #* 1 2 3");
    assert!(log[2].contains("min: 1, max: 1, prompt: \"\", timeout_ms: 1, terminators: \"#\""), "{}", log[2]);
    assert_eq!(log[3], "stream a 8000");
    assert_eq!(log[4], "hangup 17");

    let body = "session:playAndGetDigits(0,3,2,2000,'#','p','i','r','v',700,'1000 XML x') session:hangup() \
        session:transfer(nil)";
    let (_, call) = values_of(&host(), body, fresh()).await;
    let log = call.lock().unwrap().log.clone();
    assert_eq!(
        log[0],
        "PlayAndGetSpec { read: ReadSpec { min: 0, max: 3, prompt: \"p\", timeout_ms: 2000, terminators: \"#\", \
         digit_timeout_ms: 700 }, tries: 2, invalid_prompt: \"i\", regex: \"r\", variable: \"v\", \
         transfer_on_failure: \"1000 XML x\" }"
    );
    assert_eq!(log[1], "hangup NORMAL_CLEARING");
    assert_eq!(log.len(), 2, "no transfer of a dead channel");
}

#[tokio::test]
async fn a_channel_that_is_hung_up() {
    check(
        &[(
            "session:hangup() return session:streamFile('x'),session:sleep(500),session:getDigits(1,'',500),session:read(1,1,'x',500,'#'),session:playAndGetDigits(1,1,3,1000,'#','x','','1'),session:answer(),session:preAnswer(),session:recordFile('/tmp/y.wav',1)",
            "0,1,\"\",\"\",\"\",0,0,0",
        ), (
            "session:hangup() return session:transfer('x'),session:flushDigits(),session:collectDigits(300),session:getState()",
            "1,0,0,\"CS_HANGUP\"",
        ), (
            "return session:ready(),session:answered(),session:mediaReady(),session:getState(),session:hangupCause()",
            "false,true,false,\"CS_HANGUP\",\"USER_BUSY\"",
        ), (
            "session:execute('set','after=1') return session:getVariable('after')",
            "\"1\"",
        )],
        hung,
    )
    .await;
}

#[tokio::test]
async fn a_call_that_is_gone_answers_failure_values() {
    let (handle, requests) = crate::call::control::SessionHandle::new(UUID.into());
    drop(requests);
    let text = "~stream:write(table.concat({tostring(session:ready()), session:getState(), session:answer(), \
        session:streamFile('x'), session:sleep(5), tostring(session:getVariable('a')), session:getDigits(1,'',1)}, ' '))";
    let run = start_text(text, crate::call::control::ScriptEntry::Api, Some(handle));
    assert_eq!(outcome(&host(), run).await.output, "false CS_HANGUP 0 0 1 nil ");
}

#[tokio::test]
async fn api_and_globals() {
    check(
        &[
            ("return freeswitch.API():execute('nosuchcmd','x')", "\"INVALID COMMAND!\n\""),
            (
                "local a=freeswitch.API() return a:execute(''),a:execute(nil)",
                "\"-ERR No application specified\",\"-ERR No application specified\"",
            ),
            ("return freeswitch.API():executeString('eval hello  you')", "\"hello  you\""),
            ("return freeswitch.API():getTime()", "\"1700000000123\""),
            ("return freeswitch.API(session):execute('known','x')", "\"+OK x\n\""),
            ("return freeswitch.API(session):execute('hostname','x')", "\"INVALID COMMAND!\n\""),
            ("return freeswitch.API():execute('lua','~stream:write(type(session))')", "\"nil\""),
            ("return freeswitch.API(session):execute('lua','~stream:write(type(session))')", "\"userdata\""),
            (
                "return freeswitch.API():execute('lua','~stream:write([[x]]) error(1)')",
                "\"x-ERR Cannot execute script\n\"",
            ),
            ("return freeswitch.API():execute('luarun','nosuch.lua')", "\"+OK\n\""),
            (
                "freeswitch.setGlobalVariable('z','1') local a=freeswitch.getGlobalVariable('z') freeswitch.setGlobalVariable('z','') return a,freeswitch.getGlobalVariable('z')",
                "\"1\",nil",
            ),
            ("return freeswitch.running(),freeswitch.msleep(1)", "true"),
            ("return select('#',freeswitch.consoleLog(nil,nil)),select('#',freeswitch.console_log('ERR','y\\n'))", "0,0"),
        ],
        fresh,
    )
    .await;
}

#[tokio::test]
async fn streams_and_json() {
    check(
        &[
            ("local s=freeswitch.Stream() s:write('100%s') s:raw_write('cdef',2) return s:get_data(),s:read()", "\"100%scd\",nil,0"),
            (
                "local t=freeswitch.JSON():decode('{\"a\":1,\"b\":[1,2,\"x\",[5],null],\"c\":null,\"d\":true,\"e\":1.5}') return t.a,t.b[3],t.b[4][1],t.c,t.d,t.e",
                "1,\"x\",5,nil,true,1.5",
            ),
            ("return freeswitch.JSON():decode('{bad')", ""),
            ("return type(freeswitch.JSON():decode('5')),next(freeswitch.JSON():decode('5'))", "\"table\",nil"),
            (
                "local j=freeswitch.JSON() j:return_unformatted_json(true) local a=j:encode({1,2,'x',true,{}}) local b=j:encode({}) j:encode_empty_table_as_object(false) return a,b,j:encode({a={}})",
                "\"[1,2,\"x\",true,{}]\",\"{}\",\"{\"a\":[]}\"",
            ),
            ("local t={} t.t=t return pcall(function() return freeswitch.JSON():encode(t) end)==false", "true"),
        ],
        fresh,
    )
    .await;
}

#[tokio::test]
async fn hangup_hooks() {
    check(
        &[
            ("function hk(s,what) W=what end session:setHangupHook('hk') session:hangup('USER_BUSY') return W", "\"hangup\""),
            ("function hk(s) W=(s==session) end session:setHangupHook('hk') session:hangup() return W", "true"),
            ("function hk(...) W=select('#',...) end session:setHangupHook('hk','') session:hangup() return W", "2"),
            (
                "function hk() return 7 end session:setHangupHook('hk') session:hangup() return session:getVariable('lua_hangup_hook_return_val')",
                "\"7\"",
            ),
            (
                "function hk(s,w) W=w end session:setHangupHook('hk') local r=session:transfer('1000') return r,W,session:ready(),session:getState()",
                "1,\"transfer\",false,\"CS_ROUTING\"",
            ),
            ("function hk() error('h') end session:setHangupHook('hk') session:hangup() return 'on'", "\"on\""),
            ("N=0 function hk() N=N+1 end session:setHangupHook('hk') session:sleep(50) return N", "0"),
            (
                "N=0 function hk() N=N+1 end session:setHangupHook('hk') session:hangup() session:setHangupHook('hk') session:ready() session:sleep(1) return N",
                "1",
            ),
            ("function hk() W=1 end session:setHangupHook('hk') session:setHangupHook(nil) session:hangup() return W", "nil"),
            ("function hk() return 'exit' end session:setHangupHook('hk') local ok,e=pcall(session.hangup,session) return ok,e", "false,\"exit\""),
            (
                "function hk(s) W=s:getVariable('x') S=s:getState() end session:setVariable('x','5') session:setHangupHook('hk') session:hangup() return W,S",
                "\"5\",\"CS_HANGUP\"",
            ),
            (
                "function hk() return 'exit' end session:setHangupHook('hk') local c=coroutine.create(function() session:hangup() end) local ok,e=coroutine.resume(c) return ok,e",
                "false,\"exit\"",
            ),
        ],
        fresh,
    )
    .await;
}

#[tokio::test]
async fn a_hook_runs_when_the_far_end_hangs_up() {
    let far = || Call { hangs_up_in: "stream", ..Call::default() };
    let rows = [
        (
            "function hk(s,what,a) W=what..tostring(a.x) end A={x=1} session:setHangupHook('hk','A') session:streamFile('x') return W",
            "\"hangup1\"",
        ),
        (
            "function hk() return 'exit' end session:setHangupHook('hk') local ok,e=pcall(function() session:streamFile('x') end) return ok,e",
            "false,\"exit\"",
        ),
        ("session:streamFile('x') return session:ready(),session:sleep(10)", "false,1"),
    ];
    for (body, expected) in rows {
        assert_eq!(values_of(&host(), body, far()).await.0, expected, "{body}");
    }
    let text = "~function hk() return 'die' end session:setHangupHook('hk') session:streamFile('x') session:setVariable('after','1')";
    let (outcome, call) = run_app(&host(), text, far()).await;
    assert_eq!(outcome.error.as_deref(), Some("die"));
    assert!(!call.lock().unwrap().variables.contains_key("after"));
}
