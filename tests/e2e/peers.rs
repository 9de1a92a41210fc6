//! Peers that are not ours: SIPp as caller and as called party, baresip as a telephone that hears a prompt.
//!
//! Without the programs the tests say so and pass; in CI (`CI=1`) that is a failure.

use std::fmt::Write as _;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use switch::program::phone::Prompts;

use super::support::{LOOPBACK, PATIENCE, Switch, context, listening};

pub(crate) fn is_there(program: &str) -> bool {
    let there = Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        assert!(std::env::var_os("CI").is_none(), "{program} is missing");
        eprintln!("SKIPPED: {program} is not installed");
    }
    there
}

pub(crate) fn free_port() -> u16 {
    UdpSocket::bind((LOOPBACK, 0)).and_then(|socket| socket.local_addr()).expect("a port").port()
}

const SDP: &str = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio [media_port] RTP/AVP 0 8\n";

/// A request of the caller; the To header carries the tag once there is one.
fn request(method: &str, cseq: u32, to: &str, body: bool) -> String {
    let sdp = if body {
        format!("Content-Type: application/sdp\nContent-Length: [len]\n\n{SDP}")
    } else {
        "Content-Length: 0\n\n".to_owned()
    };
    format!(
        "<send retrans=\"500\"><![CDATA[\n{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n\
         Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\nFrom: <sip:sipp@[local_ip]>;tag=[call_number]\n\
         To: <sip:[service]@[remote_ip]>{to}\nCall-ID: [call_id]\nCSeq: {cseq} {method}\n\
         Contact: <sip:sipp@[local_ip]:[local_port]>\nMax-Forwards: 70\n{sdp}\n]]></send>\n"
    )
}

fn ack(cseq: u32, to: &str) -> String {
    request("ACK", cseq, to, false).replace("<send retrans=\"500\">", "<send>")
}

fn expect(code: u16) -> String {
    let mut text = String::new();
    for optional in [100, 180, 183].into_iter().filter(|optional| *optional != code) {
        let _ = writeln!(text, "<recv response=\"{optional}\" optional=\"true\"/>");
    }
    text + &format!("<recv response=\"{code}\" rtd=\"true\"/>\n")
}

fn scenario(name: &str, steps: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<scenario name=\"{name}\">\n{steps}</scenario>\n")
}

/// The called party's response; `more` are its headers and body.
fn response(line: &str, more: &str) -> String {
    format!(
        "<send><![CDATA[\nSIP/2.0 {line}\n[last_Via:]\n[last_From:]\n[last_To:];tag=b[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n\
         Contact: <sip:b@[local_ip]:[local_port]>\n{more}\n]]></send>\n"
    )
}

const EMPTY: &str = "Content-Length: 0\n\n";

fn with_sdp() -> String {
    format!("Content-Type: application/sdp\nContent-Length: [len]\n\n{SDP}")
}

struct Case {
    name: &'static str,
    uas: String,
    uac: String,
}

fn cases() -> Vec<Case> {
    const TAG: &str = "[peer_tag_param]";
    let invite = request("INVITE", 1, "", true);
    let took = "<recv request=\"INVITE\"/>\n";
    let refuse = |line: &str| {
        format!("{took}{}{}<recv request=\"ACK\"/>\n", response("180 Ringing", EMPTY), response(line, EMPTY))
    };
    let refused = |code| format!("{invite}{}{}", expect(code), ack(1, TAG));
    let answers = format!(
        "{took}{}{}<recv request=\"ACK\"/>\n<recv request=\"BYE\"/>\n{}",
        response("183 Session Progress", &with_sdp()),
        response("200 OK", &with_sdp()),
        response("200 OK", EMPTY).replace(";tag=b[call_number]", "")
    );
    let cancelled = format!(
        "{took}{}<recv request=\"CANCEL\"/>\n{}{}<recv request=\"ACK\"/>\n",
        response("180 Ringing", EMPTY),
        response("200 OK", EMPTY),
        response("487 Request Terminated", EMPTY).replace("[last_CSeq:]", "CSeq: 1 INVITE"),
    );
    let mut all: Vec<Case> = [
        ("486 Busy Here", 486),
        ("404 Not Found", 404),
        ("480 Temporarily Unavailable", 480),
        ("503 Service Unavailable", 503),
        ("603 Decline", 603),
    ]
    .into_iter()
    .map(|(line, code)| Case { name: line, uas: refuse(line), uac: refused(code) })
    .collect();
    all.push(Case {
        name: "early media, answer, BYE",
        uas: answers.clone(),
        uac: {
            let bye = request("BYE", 2, TAG, false);
            format!("{invite}{}{}<pause milliseconds=\"200\"/>\n{bye}{}", expect(200), ack(1, TAG), expect(200))
        },
    });
    all.push(Case {
        name: "re-INVITE",
        uas: answers,
        uac: {
            let (again, bye) = (request("INVITE", 2, TAG, true), request("BYE", 3, TAG, false));
            format!("{invite}{}{}{again}{}{}{bye}{}", expect(200), ack(1, TAG), expect(200), ack(2, TAG), expect(200))
        },
    });
    // CANCEL and the ACK of the 487 have the branch of the INVITE.
    let parts = [
        invite.as_str(),
        "<recv response=\"100\" optional=\"true\"/>\n<recv response=\"180\"/>\n",
        &request("CANCEL", 1, "", false),
        "<recv response=\"200\"/>\n<recv response=\"487\"/>\n",
        &ack(1, TAG),
    ];
    all.push(Case { name: "CANCEL", uas: cancelled, uac: parts.concat().replace("[branch]", "z9hG4bK-one-[pid]") });
    all
}

fn sipp(folder: &Path, name: &str, steps: &str, args: &[&str]) -> Child {
    let file = folder.join(format!("{name}.xml"));
    std::fs::write(&file, scenario(name, steps)).expect("a file");
    let log = std::fs::File::create(folder.join(format!("{name}.log"))).expect("a file");
    Command::new("sipp")
        .arg("-sf")
        .arg(file)
        .args(["-i", "127.0.0.1", "-m", "1", "-nostdin", "-timeout", "20s", "-timeout_error", "-skip_rlimit"])
        .args(args)
        .current_dir(folder)
        .stdout(log.try_clone().expect("a file"))
        .stderr(log)
        .spawn()
        .expect("sipp starts")
}

async fn ended(mut process: Child) -> Option<i32> {
    let id = process.id();
    let waiting = tokio::task::spawn_blocking(move || process.wait());
    let status = tokio::time::timeout(PATIENCE, waiting).await;
    if status.is_err() {
        let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
    }
    status.ok()?.ok()?.ok()?.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_sipp() {
    if !is_there("sipp") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (at, case) in cases().into_iter().enumerate() {
        let port = free_port();
        let bridge = format!("sofia/internal/sip:b@127.0.0.1:{port}");
        let actions: &[(&str, &str)] = &[("bridge", &bridge), ("hangup", "")];
        let plan = format!("<include>\n{}</include>\n", context("public", &[("^b$", actions)]));
        let switch = Switch::start(&[("dialplan/a.xml", &plan)]);
        let (b, a) = (format!("b{at}"), format!("a{at}"));
        let called = sipp(folder.path(), &b, &case.uas, &["-p", &port.to_string()]);
        listening("udp", [127, 0, 0, 1], port).await;
        let target = switch.address.to_string();
        let own = free_port().to_string();
        let caller = sipp(folder.path(), &a, &case.uac, &["-s", "b", "-p", &own, &target]);
        let (caller, called) = (ended(caller).await, ended(called).await);
        let shown = |name: &str| std::fs::read_to_string(folder.path().join(format!("{name}.log"))).unwrap_or_default();
        assert_eq!(
            (caller, called),
            (Some(0), Some(0)),
            "{}\n{}\n{}\n{}",
            case.name,
            shown(&a),
            shown(&b),
            switch.log()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_sipp() {
    if !is_there("sipp") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let uas = cases().into_iter().find(|case| case.name == "CANCEL").expect("the case").uas;
    let bridge = format!("sofia/internal/sip:b@127.0.0.1:{port}");
    let actions: &[(&str, &str)] = &[("set", "call_timeout=1"), ("bridge", &bridge), ("hangup", "NO_ANSWER")];
    let plan = format!("<include>\n{}</include>\n", context("public", &[("^b$", actions)]));
    let switch = Switch::start(&[("dialplan/a.xml", &plan)]);
    let called = sipp(folder.path(), "b", &uas, &["-p", &port.to_string()]);
    listening("udp", [127, 0, 0, 1], port).await;
    assert_eq!(switch.call("b", |_| ()).await.status, Some(480));
    assert_eq!(ended(called).await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn baresip_hears_the_prompt() {
    if !is_there("baresip") {
        return;
    }
    let actions: &[(&str, &str)] =
        &[("answer", ""), ("sleep", "300"), ("playback", "ivr/ivr-user_busy.wav"), ("sleep", "300")];
    let plan = format!("<include>\n{}</include>\n", context("public", &[("^busy$", actions)]));
    let switch = Switch::start(&[("dialplan/a.xml", &plan)]);
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path();
    let silence = home.join("silence.wav");
    switch::program::phone::write_wav(&silence, &vec![0; 8000 * 8]).expect("a file");
    let config = format!(
        "sip_listen 127.0.0.1:0\naudio_player aubridge,heard\naudio_source aufile,{}\naudio_alert aubridge,alert\n\
         module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\n\
         module_app account.so\nmodule_app menu.so\naudio_path /usr/share/baresip\nsnd_path {}\n",
        silence.display(),
        home.display(),
    );
    std::fs::write(home.join("config"), config).expect("a file");
    std::fs::write(home.join("accounts"), "<sip:phone@127.0.0.1>;regint=0\n").expect("a file");
    std::fs::write(home.join("contacts"), "").expect("a file");
    let log = std::fs::File::create(home.join("log")).expect("a file");
    let process = Command::new("baresip")
        .arg("-f")
        .arg(home)
        .args(["-e", &format!("/dial sip:busy@{}", switch.address), "-t", "8"])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file"))
        .stderr(log)
        .spawn()
        .expect("baresip starts");
    ended(process).await;
    let log = std::fs::read_to_string(home.join("log")).unwrap_or_default();
    let files: Vec<_> = std::fs::read_dir(home).expect("a folder").flatten().map(|entry| entry.path()).collect();
    // What was decoded, as the module sndfile writes it down.
    let heard = files.iter().find(|path| path.to_string_lossy().ends_with("-dec.wav"));
    let bytes = heard.and_then(|path| std::fs::read(path).ok()).unwrap_or_else(|| panic!("{files:?}\n{log}"));
    // 16-bit samples behind a header whose lengths are not always filled in.
    let samples: Vec<i16> = bytes
        .get(44..)
        .unwrap_or_default()
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let prompts = Prompts::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/sounds")));
    assert_eq!(prompts.identify(&samples).map(|(name, _)| name), Some("ivr/ivr-user_busy.wav"), "{log}");
}
