//! What goes wrong on the wire, in files and in scripts: each with a clear answer, and nothing left over.

use std::collections::HashMap;
use std::net::UdpSocket;
use std::time::Duration;

use switch::program::phone::{CallEnd, Codec, FarEnd, FarScript, Sound, Transport};

use super::support::{LOOPBACK, Switch, context, until};

fn plan(extensions: &[(&str, &[(&str, &str)])]) -> String {
    format!("<include>\n{}</include>\n", context("public", extensions))
}

/// Waits until the switch has as many descriptors as at its start.
async fn calm(switch: &Switch, descriptors: usize) {
    let what = format!("no more than the {descriptors} descriptors of the start");
    until(&what, || switch.descriptors() <= descriptors).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_is_noticed_at_once() {
    let closed = UdpSocket::bind((LOOPBACK, 0)).and_then(|socket| socket.local_addr()).expect("a port");
    let dial = format!("sofia/internal/sip:b@{closed}");
    let actions: &[(&str, &str)] =
        &[("set", "continue_on_fail=true"), ("bridge", &dial), ("respond", "444 ${originate_disposition}")];
    let switch = Switch::start(&[("dialplan/a.xml", &plan(&[("^b$", actions)]))]);
    let begun = tokio::time::Instant::now();
    let report = switch.call("b", |_| ()).await;
    assert_eq!(report.responses.last().expect("a response").phrase, "NORMAL_TEMPORARY_FAILURE");
    // A lost error would cost a retransmission, silence 32 s.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_fail_hurt_their_own_call_only() {
    let after: &[(&str, &str)] = &[("respond", "444 ${lua_status}")];
    let with = |script: &'static str| [&[("lua", script)][..], after].concat();
    let (missing, broken, thrown, memory) =
        (with("no.lua"), with("broken.lua"), with("thrown.lua"), with("memory.lua"));
    let endless = [&[("set", "lua_max_seconds=1"), ("lua", "endless.lua")][..], after].concat();
    let switch = Switch::start(&[
        (
            "dialplan/a.xml",
            &plan(&[
                ("^missing$", &missing),
                ("^broken$", &broken),
                ("^thrown$", &thrown),
                ("^memory$", &memory),
                ("^endless$", &endless),
                ("^fine$", &[("respond", "486 Busy")]),
            ]),
        ),
        ("scripts/broken.lua", "if then"),
        ("scripts/thrown.lua", "local x = nil\nreturn x.y"),
        ("scripts/endless.lua", "while true do end"),
        ("scripts/memory.lua", "local t = {}\nwhile true do t[#t + 1] = string.rep('x', 100000) .. #t end"),
    ]);
    let descriptors = switch.descriptors();
    let (missing, broken, thrown, memory, endless) = tokio::join!(
        switch.call("missing", |_| ()),
        switch.call("broken", |_| ()),
        switch.call("thrown", |_| ()),
        switch.call("memory", |_| ()),
        switch.call("endless", |_| ()),
    );
    let phrase = |report: &switch::program::phone::CallReport| {
        let last = report.responses.last().expect("a response");
        format!("{} {}", last.status, last.phrase)
    };
    assert_eq!(phrase(&missing), "444 error");
    assert_eq!(phrase(&broken), "444 error");
    assert_eq!(phrase(&thrown), "444 error");
    assert_eq!(phrase(&memory), "444 timeout");
    assert_eq!(phrase(&endless), "444 timeout");
    assert_eq!(switch.call("fine", |_| ()).await.status, Some(486));
    let log = switch.log();
    assert!(log.contains("thrown.lua:2") && log.contains("broken.lua:1"), "{log}");
    calm(&switch, descriptors).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_offers_get_the_right_refusal() {
    let switch = Switch::start(&[(
        "dialplan/a.xml",
        &plan(&[
            ("^answer$", &[("answer", ""), ("sleep", "200")]),
            ("^prompt$", &[("answer", ""), ("playback", "no/such.wav"), ("respond", "486")]),
            ("^unknown$", &[("frobnicate", "x")]),
        ]),
    )]);
    let descriptors = switch.descriptors();
    // No SDP: the offer is ours, and the phone answers it. No common codec: 488. A prompt that is not there: the call goes on.
    let late = switch.call("answer", |plan| plan.codecs.clear()).await;
    assert_eq!((late.status, late.end), (Some(200), CallEnd::HungUpThere));
    let header = ("Content-Type".to_owned(), "text/plain".to_owned());
    assert!(switch.call("answer", |plan| plan.headers.push(header)).await.status.is_some());
    let prompt = switch.call("prompt", |_| ()).await;
    assert_eq!((prompt.status, prompt.end), (Some(200), CallEnd::HungUpThere));
    assert!(prompt.cause().contains("USER_BUSY"), "{}", prompt.cause());
    assert_eq!(switch.call("unknown", |_| ()).await.status, Some(502));
    assert_eq!(switch.call("nowhere", |_| ()).await.status, Some(404));
    let only = switch.call("answer", |plan| plan.codecs = vec![Codec::Pcma]).await;
    assert_eq!((only.status, only.end), (Some(200), CallEnd::HungUpThere));
    calm(&switch, descriptors).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_is_answered_or_ignored_and_calls_go_on() {
    let switch = Switch::start(&[("dialplan/a.xml", &plan(&[("^fine$", &[("respond", "486")])]))]);
    let socket = UdpSocket::bind((LOOPBACK, 0)).expect("a socket");
    let mut junk: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\r\n\r\n".to_vec(),
        b"\xff\xfe\x00garbage".to_vec(),
        b"INVITE\r\n\r\n".to_vec(),
        b"INVITE sip:a@b SIP/2.0\r\nContent-Length: 999999\r\n\r\n".to_vec(),
        vec![b'A'; 60_000],
        b"SIP/2.0 200 OK\r\n\r\n".to_vec(),
        b"OPTIONS sip:\xff@b SIP/2.0\r\nVia: SIP/2.0/UDP x\r\nFrom: \xff\r\nTo: <\xff>\r\nCall-ID: \xff\r\nCSeq: 1 OPTIONS\r\n\r\n".to_vec(),
    ];
    let invite = "INVITE sip:fine@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
                  To: <sip:fine@b>\r\nCall-ID: cut\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>\r\nContent-Length: 0\r\n\r\n";
    junk.extend((0..invite.len()).step_by(7).map(|end| invite.as_bytes()[..end].to_vec()));
    for bytes in junk {
        socket.send_to(&bytes, switch.address).expect("sent");
    }
    assert_eq!(switch.call("fine", |_| ()).await.status, Some(486));
    let tcp = switch.call("fine", |plan| plan.transport = Transport::Tcp).await;
    assert_eq!(tcp.status, Some(486), "over TCP");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_leave_at_every_stage_and_nothing_stays() {
    let scripts = HashMap::from([
        ("ring".to_owned(), FarScript::ring()),
        ("talk".to_owned(), FarScript::answer(Duration::from_millis(100), Sound::tone(440.0))),
        ("dead".to_owned(), FarScript::dead()),
    ]);
    let far = FarEnd::bind(LOOPBACK, scripts).await.expect("the far end listens");
    let bridge = format!("sofia/internal/sip:$1@{}", far.local());
    let switch = Switch::start(&[(
        "dialplan/a.xml",
        &plan(&[
            ("^(ring|talk|dead)$", &[("bridge", &bridge)]),
            ("^sleep$", &[("sleep", "60000")]),
            ("^park$", &[("park", "")]),
            ("^prompt$", &[("playback", "tone_stream://%(60000,0,500)")]),
            ("^answered$", &[("answer", ""), ("playback", "tone_stream://%(60000,0,500)")]),
            ("^echo$", &[("answer", ""), ("echo", "")]),
            ("^lua$", &[("lua", "~session:answer() session:sleep(60000)")]),
        ]),
    )]);
    let (descriptors, threads) = (switch.descriptors(), switch.threads());
    let cancel = |plan: &mut switch::program::phone::CallPlan| plan.cancel_after = Some(Duration::from_millis(300));
    let hang_up = |plan: &mut switch::program::phone::CallPlan| plan.hang_up_after = Some(Duration::from_millis(300));
    let (ring, sleep, park, prompt) = tokio::join!(
        switch.call("ring", cancel),
        switch.call("sleep", cancel),
        switch.call("park", cancel),
        switch.call("prompt", cancel),
    );
    for report in [ring, sleep, park, prompt] {
        assert_eq!((report.end, report.status), (CallEnd::Cancelled, Some(487)));
    }
    let (dead, talk, answered, echo, lua) = tokio::join!(
        switch.call("dead", cancel),
        switch.call("talk", hang_up),
        switch.call("answered", hang_up),
        switch.call("echo", hang_up),
        switch.call("lua", hang_up),
    );
    assert_eq!(dead.status, Some(487));
    for report in [talk, answered, echo, lua] {
        assert_eq!((report.end, report.status), (CallEnd::HungUpHere, Some(200)));
    }
    calm(&switch, descriptors).await;
    assert_eq!(switch.threads(), threads, "threads");
    assert_eq!(switch.interrupt().await, Some(0), "Ctrl-C ends it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_far_end_without_address_fails_the_call() {
    let unresolved = "sofia/internal/sip:1@no-such-host.invalid";
    let switch = Switch::start(&[("dialplan/a.xml", &plan(&[("^name$", &[("bridge", unresolved)])]))]);
    let descriptors = switch.descriptors();
    assert_eq!(switch.call("name", |_| ()).await.status, Some(503));
    calm(&switch, descriptors).await;
}

/// The phrase of the final response to a call.
async fn phrase(switch: &Switch, number: &str) -> String {
    let report = switch.call(number, |_| ()).await;
    report.responses.last().map(|last| last.phrase.clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn shell_commands_are_off_until_they_are_allowed() {
    let plan = plan(&[("^shell$", &[("respond", "486 ${system(printf 'a b')}")])]);
    let switch = Switch::start(&[("dialplan/a.xml", &plan)]);
    assert_eq!(phrase(&switch, "shell").await, "-ERR system is disabled");
    drop(switch);
    let allowed = "<configuration name=\"switch.conf\">\n<settings>\n\
                   <param name=\"allow-system-commands\" value=\"true\"/>\n</settings>\n</configuration>\n";
    let switch = Switch::start(&[("dialplan/a.xml", &plan), ("autoload_configs/switch.conf.xml", allowed)]);
    assert_eq!(phrase(&switch, "shell").await, "a b");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_reads_and_writes_variables_of_another() {
    let first: &[(&str, &str)] = &[
        ("set", "color=blue"),
        ("hash", "insert/calls/first/${uuid}"),
        ("sleep", "3000"),
        ("respond", "486 ${color}"),
    ];
    let second: &[(&str, &str)] = &[
        ("set", "other=${hash(select/calls/first)}"),
        ("set", "was=${uuid_getvar(${other} color)}"),
        ("set", "done=${uuid_setvar(${other} color red)}"),
        ("respond", "480 ${was} ${uuid_exists(${other})} ${uuid_getvar(${other} nosuch)} ${uuid_getvar(none x)}"),
    ];
    let switch = Switch::start(&[("dialplan/a.xml", &plan(&[("^first$", first), ("^second$", second)]))]);
    let asks = async {
        // Until the first call is there, nothing is known of it.
        loop {
            let phrase = phrase(&switch, "second").await;
            if !phrase.starts_with('-') {
                return phrase;
            }
        }
    };
    let (first, asked) = tokio::join!(phrase(&switch, "first"), asks);
    assert_eq!(asked, "blue true _undef_ -ERR No such channel!");
    assert_eq!(first, "red");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_hangup_ends_whatever_runs() {
    for (number, last) in [("park", ("park", "")), ("sleep", ("sleep", "60000")), ("echo", ("echo", ""))] {
        let actions = [("answer", ""), ("sched_hangup", "+1 USER_BUSY"), last];
        let switch = Switch::start(&[("dialplan/a.xml", &plan(&[(&format!("^{number}$"), &actions)]))]);
        let report = switch.call(number, |_| ()).await;
        assert_eq!((report.end, report.status), (CallEnd::HungUpThere, Some(200)), "{number}");
        assert_eq!(switch.record(&report.call_id).await["cause"], "USER_BUSY");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialplan_in_a_file_of_its_own_is_read_at_each_call() {
    let switch = Switch::start(&[("dialplan/a.xml", &plan(&[("^(.*)$", &[("transfer", "$1 XML:other.xml public")])]))]);
    let write = |phrase: &str| {
        let context = context("public", &[("^1$", &[("respond", &format!("486 {phrase}"))])]);
        let text = format!("<document><section name=\"dialplan\">{context}</section></document>");
        std::fs::write(switch.folder().join("other.xml"), text).expect("a file");
    };
    write("One");
    assert_eq!(phrase(&switch, "1").await, "One");
    write("Other");
    assert_eq!(phrase(&switch, "1").await, "Other");
    std::fs::write(switch.folder().join("other.xml"), "<document><section").expect("a file");
    assert_eq!(switch.call("1", |_| ()).await.status, Some(404), "a broken file is no dialplan");
}

#[tokio::test(flavor = "multi_thread")]
async fn ringback_ends_with_a_failed_bridge() {
    let scripts = HashMap::from([("b".to_owned(), FarScript::ring_then_refuse(Duration::from_millis(400), 486))]);
    let far = FarEnd::bind(LOOPBACK, scripts).await.expect("the far end listens");
    let bridge = format!("sofia/internal/sip:b@{}", far.local());
    let actions: &[(&str, &str)] = &[
        ("set", "ringback=%(60000,0,500)"),
        ("set", "continue_on_fail=true"),
        ("bridge", &bridge),
        ("sleep", "800"),
        ("bridge", &bridge),
        ("hangup", "USER_BUSY"),
    ];
    let switch = Switch::start(&[("dialplan/a.xml", &plan(&[("^ring$", actions)]))]);
    let report = switch.call("ring", |_| ()).await;
    assert_eq!(report.status, Some(486));
    let loud = report.heard.loud_seconds();
    assert!((0.5..1.2).contains(&loud), "two times 0.4 s of ringback, silence between: {loud}");
}
