//! Scripts run against a call that only exists here: what they do, when, and how the call ends.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use switch::program::check::{Subject, bare};
use switch::program::rehearsal::script::{ScriptEnd, ScriptPlan, Step};
use switch::program::rehearsal::{FarEnd, Rehearsal};
use switch::words::model::Cause;

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn plan(text: &str) -> ScriptPlan {
    ScriptPlan { text: text.to_owned(), scripts: root("scripts"), sounds: root("sounds"), ..ScriptPlan::default() }
}

async fn run(plan: ScriptPlan) -> (Vec<Step>, ScriptEnd) {
    let subject = Subject { scripts: root("scripts"), sounds: root("sounds"), ..Subject::below(Path::new("nosuch")) };
    let steps = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&steps);
    let watch = Arc::new(move |step: &Step| kept.lock().expect("steps").push(step.clone()));
    let end = Rehearsal::new(&bare(&subject)).script(plan, watch).await.expect("threads");
    let steps = steps.lock().expect("steps").clone();
    (steps, end)
}

/// Results of the calls whose text begins so, with their length in ms.
fn results(steps: &[Step], call: &str) -> Vec<(String, u64)> {
    let found = steps.iter().filter(|step| step.call.starts_with(call));
    found.map(|step| (step.result.clone(), step.ended - step.began)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_pass_in_no_time() {
    // The host ends what takes 30 of our seconds: in real time neither would come to its end.
    // A caller stays for a day at most: a script that never ends has an end.
    let (steps, end) = run(plan("~while session:ready() do session:sleep(600000) end")).await;
    assert_eq!((end.status, end.at), ("ok", 86_400_000));
    assert_eq!(results(&steps, "session:sleep").len(), 144);
    let (steps, end) =
        run(ScriptPlan { hangs_up_at: Some(3_600_000), ..plan("~while session:ready() do session:sleep(7000) end") })
            .await;
    assert_eq!((end.status, end.at, end.cause.map(Cause::name)), ("ok", 3_600_000, Some("NORMAL_CLEARING")));
    let sleeps = results(&steps, "session:sleep");
    assert_eq!(sleeps.len(), 515);
    assert_eq!(sleeps.first(), Some(&("1".to_owned(), 7000)));
    assert_eq!(sleeps.last(), Some(&("0".to_owned(), 2000)), "the hang-up comes in the middle");
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_without_the_call_pass_as_well() {
    let code = "~freeswitch.msleep(3600000) require('socket').sleep(2.5) local c = freeswitch.EventConsumer('CUSTOM', 'a::b') \
                c:pop(1, 7000) freeswitch.Event('CUSTOM', 'a::b'):fire() c:pop(1, 9000) c:pop(1)";
    let (steps, end) = run(plan(code)).await;
    assert_eq!((end.status, end.error), ("ok", None));
    let pops = results(&steps, "consumer:pop");
    let pops: Vec<_> = pops.iter().map(|(result, ms)| (result == "nil", *ms)).collect();
    assert_eq!(pops, [(true, 7000), (false, 0), (true, 3_600_000)], "{steps:?}");
    assert_eq!(end.at, 3_600_000 + 2_500 + 7_000 + 3_600_000);
    // The caller's hang-up comes in the middle of a wait as in any other.
    let (_, end) = run(ScriptPlan { hangs_up_at: Some(5_000), ..plan("~freeswitch.msleep(60000)") }).await;
    assert_eq!((end.status, end.at, end.cause.map(Cause::name)), ("ok", 5_000, Some("NORMAL_CLEARING")));
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_last_as_long_as_they_are() {
    let code = "~session:streamFile('ivr/ivr-user_busy.wav') session:streamFile('tone_stream://%(500,500,440);loops=2') \
                session:streamFile('silence_stream://250') session:streamFile('nosuch.wav')";
    let (steps, end) = run(plan(code)).await;
    let found = results(&steps, "session:streamFile");
    assert_eq!(found.iter().map(|(result, _)| &**result).collect::<Vec<_>>(), ["1", "1", "1", "0"]);
    assert!((3000..5000).contains(&found[0].1), "{found:?}");
    assert_eq!((found[1].1, found[2].1, found[3].1), (2000, 250, 0));
    assert_eq!(end.at, found.iter().map(|(_, ms)| ms).sum::<u64>());
}

#[tokio::test(flavor = "multi_thread")]
async fn digits() {
    let reads = |list: &[&str]| list.iter().map(|digits| (*digits).to_owned()).collect::<VecDeque<_>>();
    for (code, fed, presses, expected) in [
        ("session:getDigits(4, '#', 3000)", &["12#34"][..], &[][..], ("\"12\"", 600)),
        ("session:getDigits(2, '#', 3000)", &["1234"], &[], ("\"12\"", 400)),
        ("session:getDigits(4, '#', 3000)", &[], &[], ("\"\"", 3000)),
        ("session:getDigits(4, '#', 3000)", &["1"], &[], ("\"1\"", 3200)),
        ("session:getDigits(4, '#', 3000, 1000)", &["1"], &[], ("\"1\"", 1200)),
        ("session:getDigits(4, '#', 3000, 0, 2000)", &["1"], &[], ("\"1\"", 2000)),
        ("session:getDigits(2, '', 3000)", &[], &[(500, '7'), (900, '8')], ("\"78\"", 900)),
        ("session:getDigits(2, '', 0)", &[], &[], ("\"\"", 3_600_000)),
        // A digit stops the prompt of `read`.
        ("session:read(1, 2, 'silence_stream://5000', 1000, '#')", &[], &[(300, '5')], ("\"5\"", 1300)),
        ("session:read(2, 2, 'silence_stream://5000', 1000, '#')", &["42"], &[], ("\"42\"", 5400)),
        // One feed for each try.
        (
            "session:playAndGetDigits(2, 2, 3, 1000, '#', '', 'silence_stream://500', '^4')",
            &["12", "42"],
            &[],
            ("\"42\"", 1300),
        ),
        ("session:playAndGetDigits(2, 2, 2, 1000, '#', '', '', '^4')", &[], &[], ("\"\"", 2000)),
    ] {
        let plan =
            ScriptPlan { reads: reads(fed), presses: presses.to_vec(), answered: true, ..plan(&format!("~{code}")) };
        let (steps, end) = run(plan).await;
        assert_eq!(end.status, "ok", "{code}: {:?}", end.error);
        let name = code.split('(').next().expect("a name");
        assert_eq!(results(&steps, name), [(expected.0.to_owned(), expected.1)], "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_callback_is_asked() {
    let code = "~session:setInputCallback(function(s, kind, d) return d.digit == '1' and 'seek:+1000' or 'break' end) \
                session:streamFile('silence_stream://10000')";
    let plan = ScriptPlan { presses: vec![(1000, '1'), (3000, '2')], answered: true, ..plan(code) };
    let (steps, end) = run(plan).await;
    assert_eq!(results(&steps, "session:streamFile"), [("digit 1 for the input callback".to_owned(), 1000)]);
    assert_eq!(
        results(&steps, "input callback"),
        [("digit 2 for the input callback".to_owned(), 2000), ("0".to_owned(), 0)]
    );
    assert_eq!(end.at, 3000);
}

#[tokio::test(flavor = "multi_thread")]
async fn far_ends_and_what_follows() {
    let busy = FarEnd::Status(486);
    let bridge = "session:execute('bridge', 'user/1000') ";
    for (code, far_ends, cause, transferred) in [
        (bridge.to_owned(), vec![busy], Some("USER_BUSY"), None),
        (format!("session:setVariable('continue_on_fail', 'true') {bridge}"), vec![busy], None, None),
        (
            format!("session:setVariable('transfer_on_fail', 'USER_BUSY auto_cause XML error') {bridge}"),
            vec![busy],
            None,
            Some("USER_BUSY XML error"),
        ),
        (format!("session:setVariable('hangup_after_bridge', 'true') {bridge}"), vec![], Some("NORMAL_CLEARING"), None),
        (
            format!(
                "session:setVariable('continue_on_fail', 'true') {bridge} assert(session:getVariable('DIALSTATUS') == 'BUSY') \
                 assert(session:getVariable('last_bridge_proto_specific_hangup_cause') == 'sip:486') {bridge} \
                 assert(session:getVariable('originate_disposition') == 'SUCCESS') session:transfer('5', 'XML', 'a')"
            ),
            vec![busy, FarEnd::Answers],
            None,
            Some("5 XML a"),
        ),
        ("session:execute('bridge', 'error/call_rejected')".to_owned(), vec![], Some("CALL_REJECTED"), None),
        ("session:execute('nosuch')".to_owned(), vec![], Some("DESTINATION_OUT_OF_ORDER"), None),
        (
            "local leg = freeswitch.Session('user/1', session) assert(leg:ready() and leg:hangupCause() == 'SUCCESS') \
             freeswitch.bridge(session, leg) assert(not leg:ready()) session:hangup('17')"
                .to_owned(),
            vec![],
            Some("USER_BUSY"),
            None,
        ),
        ("local leg = freeswitch.Session('user/1', session) session:hangup(leg:hangupCause())".to_owned(), vec![busy], Some("USER_BUSY"), None),
        ("session:playError('USER_BUSY')".to_owned(), vec![], Some("USER_BUSY"), None),
        (
            "local api = freeswitch.API() api:execute('uuid_setvar', session.uuid .. ' a 5') \
             assert(session:getVariable('a') == '5') assert(api:execute('uuid_exists', session.uuid) == 'true') \
             session:execute('set', 'b=${a}${md5(x)}') assert(session:getVariable('b') == '59dd4e461268c8034f5c8564e155c67a6') \
             assert(api:execute('nosuch') == 'INVALID COMMAND!\\n') session:hangup('user_busy')"
                .to_owned(),
            vec![],
            Some("USER_BUSY"),
            None,
        ),
    ] {
        let (_, end) = run(ScriptPlan { far_ends: far_ends.into(), ..plan(&format!("~{code}")) }).await;
        assert_eq!((end.status, end.error), ("ok", None), "{code}");
        assert_eq!((end.cause.map(Cause::name), end.transferred.as_deref()), (cause, transferred), "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_scripts_without_a_call() {
    let (steps, end) = run(plan("~session:sleep('x')")).await;
    assert_eq!(end.status, "error");
    assert!(end.error.is_some_and(|error| error.contains("expected 'int' got 'string'")));
    assert_eq!(steps, []);
    let (_, end) = run(ScriptPlan { alone: true, ..plan("~assert(session == nil) stream:write('hello')") }).await;
    assert_eq!((end.status, end.output.as_str()), ("ok", "hello"));
    let dials = "~local x = freeswitch.Session('user/1') assert(x:ready() and x:getState() == 'CS_SOFT_EXECUTE') x:hangup(17) \
                 stream:write(x:getVariable('hangup_cause') .. tostring(x:ready()) .. freeswitch.Session('nosuch/1'):hangupCause())";
    let (_, end) = run(ScriptPlan { alone: true, ..plan(dials) }).await;
    assert_eq!((end.error, end.output.as_str()), (None, "USER_BUSYfalseCHAN_NOT_IMPLEMENTED"));
    let (_, end) = run(plan("nosuch.lua")).await;
    assert!(end.error.is_some_and(|error| error.contains("cannot open")));
}
