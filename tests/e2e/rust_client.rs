//! A client library of Rust, as it is published: it comes in, and the application `socket` goes out to it.
//!
//! On one thread: the library notes that it waits for a reply after it has sent the command.

use std::time::Duration;

use freeswitch_esl::Esl;
use tokio::time::timeout;

use crate::support::{PASSWORD, PATIENCE, Switch, context};

fn switch(extensions: &[(&str, &[(&str, &str)])]) -> Switch {
    let arguments = ["--event-socket", "127.0.0.1:0", "--event-socket-password", PASSWORD];
    Switch::start_with(&arguments, &[("dialplan/a.xml", &context("public", extensions))])
}

#[tokio::test]
async fn it_gives_commands_and_waits_for_jobs() {
    let switch = switch(&[("^park$", &[("answer", ""), ("park", "")])]);
    let control = switch.control.expect("an event socket");
    let work = async {
        let client = Esl::inbound(control, PASSWORD).await.expect("it comes in");
        assert_eq!(client.api("reloadxml").await.expect("an answer").trim(), "[Success]");
        let started = client.bgapi("originate {origination_uuid=u1}loopback/park/public &park()").await;
        assert_eq!(started.expect("the job's result").trim(), "u1");
        assert!(client.api("uuid_kill nosuch").await.is_err(), "an error of a command is one");
        client.api("uuid_setvar u1 a b").await.expect("the channel is there");
        assert!(Esl::inbound(control, "wrong").await.is_err(), "a wrong password");
    };
    timeout(PATIENCE, work).await.expect("in time");
}

#[tokio::test]
async fn the_switch_calls_it_for_a_call() {
    // The library does not tell its port: one that was free a moment ago.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let address = format!("127.0.0.1:{port}");
    let listener = Esl::outbound(&address).await.expect("it listens");
    let socket = format!("{address} async full");
    let switch = switch(&[("^out$", &[("socket", &socket)])]);
    let serve = async {
        let (call, _) = listener.accept().await.expect("the switch comes");
        call.answer().await.expect("it answers");
        call.playback("tone_stream://%(200,0,440)").await.expect("it plays");
        let digits = call.play_and_get_digits(1, 2, 1, 2000, "#", "silence_stream://100", "silence_stream://100").await;
        assert_eq!(digits.expect("digits"), "42");
        call.hangup("USER_BUSY").await.expect("it hangs up");
    };
    let place = switch.call("out", |plan| {
        plan.digits = "42#".to_owned();
        plan.digits_after = Duration::from_millis(600);
    });
    let (report, ()) = timeout(PATIENCE, async { tokio::join!(place, serve) }).await.expect("in time");
    assert_eq!(report.status, Some(200));
}
