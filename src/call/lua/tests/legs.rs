//! Legs that scripts dial.

use super::fixture::{Call, host, values_of};

#[tokio::test(flavor = "multi_thread")]
async fn dialling() {
    let host = host();
    for (body, expected, told) in [
        (
            "local x=freeswitch.Session('sofia/x/y',session) return x:hangupCause(),x.uuid,x==freeswitch.Session('leg')",
            "\"SUCCESS\",\"leg\",false",
            "dial sofia/x/y None true",
        ),
        (
            "local x=freeswitch.Session('error/busy') return x:ready(),x:hangupCause(),x:getState(),x.uuid",
            "false,\"USER_BUSY\",\"ERROR\",nil",
            "dial error/busy None false",
        ),
        (
            "local x=freeswitch.Session() local r=x:originate(session,'sofia/x',5) return r,x:hangupCause(),x:originate(session,'a/b',5)",
            "0,\"SUCCESS\",1",
            "dial sofia/x Some(5) true",
        ),
        (
            "local x=freeswitch.Session() return x:originate(nil,'error/busy',5),x:hangupCause()",
            "1,\"USER_BUSY\"",
            "dial error/busy Some(5) false",
        ),
        ("local x=freeswitch.Session() return x:originate(session,'',5)", "0", ""),
        ("freeswitch.bridge(session,freeswitch.Session('a/b'))", "", "bridge leg"),
        ("freeswitch.bridge(freeswitch.Session('a/b'),session)", "", "bridge leg"),
        ("freeswitch.bridge(session,freeswitch.Session())", "", ""),
        (
            "local x=freeswitch.Session('a/b') x:setAutoHangup(false) return x:waitForAnswer(session)",
            "",
            "dial a/b None false",
        ),
        (
            "local x=freeswitch.Session('nosuchuuid') return x:ready(),x:hangupCause()",
            "false,\"CHAN_NOT_IMPLEMENTED\"",
            "",
        ),
    ] {
        let (values, call) = values_of(&host, body, Call::default()).await;
        assert_eq!(values, expected, "{body}");
        let log = &call.lock().unwrap().log;
        assert!(told.is_empty() || log.iter().any(|line| line == told), "{body}: {log:?}");
    }
}

/// A leg dies with its script unless told otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn legs_end_with_the_script() {
    let host = host();
    for (body, ends) in [
        ("freeswitch.Session('a/b')", true),
        ("freeswitch.Session('a/b'):setAutoHangup(false)", false),
        ("freeswitch.Session():originate(session,'a/b',5)", false),
    ] {
        let (_, call) = values_of(&host, body, Call::default()).await;
        let log = &call.lock().unwrap().log;
        assert_eq!(log.iter().any(|line| line == "hangup NORMAL_CLEARING"), ends, "{body}: {log:?}");
    }
}
