//! Programs that control the switch: the event socket of the real binary, both ways, and what hostile ones do to it.

use std::net::SocketAddr;
use std::process::Command;

use switch::program::client::{Client, ClientError, Frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::support::{PASSWORD, PATIENCE, Switch, client, command, context};

fn switch(extensions: &[(&str, &[(&str, &str)])]) -> (Switch, SocketAddr) {
    let arguments = ["--event-socket", "127.0.0.1:0", "--event-socket-password", PASSWORD];
    let switch = Switch::start_with(&arguments, &[("dialplan/a.xml", &context("public", extensions))]);
    let control = switch.control.expect("an event socket");
    (switch, control)
}

/// The next event of a name.
async fn event(client: &mut Client, name: &str) -> Frame {
    let wanted = format!("Event-Name: {name}\n");
    let wait = async {
        loop {
            let frame = client.next().await.expect("a frame");
            if frame.kind() == "text/event-plain" && frame.body.contains(&wanted) {
                return frame;
            }
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no {name}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_begins_a_call_and_hears_of_its_life() {
    let (_switch, control) = switch(&[("^park$", &[("answer", ""), ("set", "mark=yes"), ("park", "")])]);
    let (mut listener, mut giver) = (client(control).await, client(control).await);
    listener.send("event plain ALL\n\n").await.expect("it is sent");
    let reply = listener.next().await.expect("a reply");
    assert_eq!(reply.header("Reply-Text"), Some("+OK event listener enabled plain"));
    let answer = command(&mut giver, "originate {origination_uuid=u-1}loopback/park/public &park()").await;
    assert_eq!(answer, "+OK u-1\n");
    for name in ["CHANNEL_OUTGOING", "CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_PARK"] {
        event(&mut listener, name).await;
    }
    assert_eq!(command(&mut giver, "show channels count").await, "\n2 total.\n");
    assert_eq!(command(&mut giver, "uuid_setvar u-1 a b").await, "+OK\n");
    assert_eq!(command(&mut giver, "uuid_getvar u-1 a").await, "b");
    assert_eq!(command(&mut giver, "uuid_kill u-1 USER_BUSY").await, "+OK\n");
    let ended = event(&mut listener, "CHANNEL_HANGUP_COMPLETE").await;
    assert!(ended.body.contains("Hangup-Cause: "), "{}", ended.body);
    assert_eq!(command(&mut giver, "uuid_getvar u-1 a").await, "-ERR No such channel!\n");
    assert!(command(&mut giver, "originate error/USER_BUSY &park()").await.starts_with("-ERR USER_BUSY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_of_a_bridge_do_what_a_program_asks() {
    let (_switch, control) = switch(&[
        ("^park$", &[("answer", ""), ("park", "")]),
        ("^pair$", &[("bridge", "{origination_uuid=b}loopback/park/public")]),
    ]);
    let (mut listener, mut giver) = (client(control).await, client(control).await);
    listener
        .send("event plain CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP_COMPLETE CHANNEL_BRIDGE\n\n")
        .await
        .expect("it is sent");
    assert_eq!(command(&mut giver, "originate {origination_uuid=a}loopback/pair/public &park()").await, "+OK a\n");
    event(&mut listener, "CHANNEL_BRIDGE").await;
    let pair = command(&mut giver, "show bridged_calls").await;
    let first = pair.lines().nth(1).and_then(|row| row.split(',').next()).expect("a bridged call").to_owned();
    assert_eq!(command(&mut giver, &format!("uuid_broadcast {first} set::told=yes both")).await, "+OK Message sent\n");
    for uuid in [first.as_str(), "b"] {
        let told = async { while command(&mut giver, &format!("uuid_getvar {uuid} told")).await != "yes" {} };
        timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("{uuid} was told nothing"));
    }
    // An application that is asked for when the channel has gone away is not run, and brings nothing back.
    assert_eq!(command(&mut giver, "uuid_kill b").await, "+OK\n");
    command(&mut giver, "uuid_broadcast b playback::tone_stream://%(9000,0,440)").await;
    command(&mut giver, "hupall").await;
    let gone = async { while command(&mut giver, "show channels count").await != "\n0 total.\n" {} };
    timeout(PATIENCE, gone).await.expect("every channel ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_with_event_lock_run_one_after_the_other() {
    let (_switch, control) = switch(&[]);
    let (mut listener, mut giver) = (client(control).await, client(control).await);
    listener.send("event plain CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE\n\n").await.expect("it is sent");
    assert_eq!(command(&mut giver, "originate {origination_uuid=u-1}null/x &park()").await, "+OK u-1\n");
    let asked = [("sleep", "300"), ("set", "mark=1"), ("sleep", "100"), ("set", "mark=2")];
    for (at, (application, data)) in asked.iter().enumerate() {
        let message = format!(
            "sendmsg u-1\ncall-command: execute\nexecute-app-name: {application}\nexecute-app-arg: {data}\n\
             event-lock: true\nEvent-UUID: m-{at}\n\n"
        );
        let reply = timeout(PATIENCE, giver.request(&message, |_| ())).await.expect("at once").expect("a reply");
        assert_eq!(reply, "+OK");
    }
    let mut seen = Vec::new();
    while seen.len() < 2 * asked.len() {
        let frame = timeout(PATIENCE, listener.next()).await.expect("in time").expect("a frame");
        let Some(number) = frame.body.lines().find_map(|line| line.strip_prefix("Application-UUID: m-")) else {
            continue;
        };
        let done = frame.body.starts_with("Event-Name: CHANNEL_EXECUTE_COMPLETE\n");
        seen.push((number.parse::<usize>().expect("a number"), done));
    }
    let in_order: Vec<_> = (0..asked.len()).flat_map(|number| [(number, false), (number, true)]).collect();
    assert_eq!(seen, in_order, "each ends before the next begins");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_lends_itself_to_a_program_and_goes_on_without_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let target = listener.local_addr().expect("its address").to_string();
    let (switch, _) = switch(&[("^lend$", &[("socket", &target), ("respond", "486 After The Program")])]);
    let program = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("the switch connects");
        stream.write_all(b"connect\n\n").await.expect("it is sent");
        let mut heard = Vec::new();
        while !heard.ends_with(b"\n\n") {
            assert!(stream.read_buf(&mut heard).await.expect("an answer") > 0);
        }
        // It vanishes without a word.
        String::from_utf8(heard).expect("text")
    });
    let report = switch.call("lend", |_| ()).await;
    let last = report.responses.last().expect("a final response");
    assert_eq!((last.status, last.phrase.as_str()), (486, "After The Program"));
    let heard = program.await.expect("the program");
    assert!(heard.contains("\nChannel-Destination-Number: lend\n"), "{heard}");
    assert!(heard.ends_with("\nReply-Text: %2BOK%0A\nSocket-Mode: static\nControl: single-channel\n\n"), "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_clients_hurt_nobody() {
    let (switch, control) = switch(&[("^busy$", &[("hangup", "USER_BUSY")])]);
    assert!(matches!(Client::connect(control, None, "wrong").await, Err(ClientError::Refused)));
    // A length below zero, one beyond all measure, and a head without end close the connection.
    let endless = vec![b'x'; 11 << 20];
    let lines = "X-A: b\n".repeat(2 << 20).into_bytes();
    for bytes in [
        &b"api x\nContent-Length: -1\n\n"[..],
        b"api x\nContent-Length: 99999999999\n\n",
        b"api x\nContent-Length: 99999999999999999999999999\n\n",
        &endless,
        &lines,
    ] {
        let mut stream = TcpStream::connect(control).await.expect("a connection");
        // The switch may close before it has been told everything.
        let _ = stream.write_all(bytes).await;
        let mut heard = Vec::new();
        let closed = timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
        assert!(closed.is_ok(), "the connection stays open");
    }
    // Many at once that say nothing, and go; one that hears everything and never reads.
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(control).await.expect("a connection"));
    }
    let mut deaf = client(control).await;
    deaf.send("event plain ALL\n\n").await.expect("it is sent");
    let mut giver = client(control).await;
    for _ in 0..300 {
        let body = "x".repeat(10_000);
        giver
            .send(&format!("sendevent CUSTOM\nEvent-Subclass: a::b\nContent-Length: 10000\n\n{body}"))
            .await
            .expect("sent");
        giver.next().await.expect("a reply");
    }
    drop(silent);
    let report = switch.call("busy", |_| ()).await;
    assert_eq!(report.responses.last().map(|last| last.status), Some(486));
    assert_eq!(command(&mut giver, "show channels").await, "\n0 total.\n");
    drop(deaf);
    // A program that asks for a call and vanishes before the answer leaves nothing behind.
    let mut brief = client(control).await;
    brief.send("api originate null/x &sleep(200)\n\n").await.expect("it is sent");
    drop(brief);
    let mut last = client(control).await;
    timeout(PATIENCE, async { while command(&mut last, "show channels count").await != "\n0 total.\n" {} })
        .await
        .expect("the call of the client that vanished ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_are_answered_and_nothing_else_happens() {
    let (_switch, control) = switch(&[]);
    let mut giver = client(control).await;
    let megabyte = "x".repeat(1 << 20);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let nested = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    for (request, expected) in [
        // A header of a megabyte, and one without a colon.
        (format!("sendevent CUSTOM\nX-Long: {megabyte}\nno colon\n\n"), "+OK "),
        // What is JSON to others is text to us, however deep.
        (format!("sendevent CUSTOM\nContent-Length: {}\n\n{deep}", deep.len()), "+OK "),
        (format!("sendevent CUSTOM\nContent-Length: {}\n\n{nested}", nested.len()), "+OK "),
        // A length that lies by being no number is none; so is an empty one.
        ("sendevent CUSTOM\nContent-Length: many\n\n".to_owned(), "+OK "),
        ("sendevent CUSTOM\nContent-Length:\n\n".to_owned(), "+OK "),
        ("nosuch \u{fffd}\u{0}\n\n".to_owned(), "-ERR command not found"),
        ("sendmsg nobody\ncall-command: unicast\n\n".to_owned(), "-ERR"),
    ] {
        giver.send(&request).await.expect("it is sent");
        let reply = timeout(PATIENCE, giver.next()).await.expect("in time").expect("a reply");
        let text = reply.header("Reply-Text").unwrap_or_default();
        assert!(text.starts_with(expected), "{}: {text}", request.get(..60).unwrap_or(&request));
    }
    // A length that is too great waits for what never comes, and ends with the client.
    let mut liar = client(control).await;
    liar.send("api status\nContent-Length: 1000\n\nshort").await.expect("it is sent");
    drop(liar);
    assert!(command(&mut giver, "json {\"command\": ").await.starts_with("-ERR"), "half of a text");
    assert_eq!(command(&mut giver, "show channels count").await, "\n0 total.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_passwords_is_shut_out_for_a_while() {
    let (_switch, control) = switch(&[]);
    let mut known = client(control).await;
    let guesses = (0..20).map(|_| tokio::spawn(Client::connect(control, None, "wrong")));
    for guess in guesses.collect::<Vec<_>>() {
        assert!(matches!(guess.await.expect("no panic"), Err(ClientError::Refused)));
    }
    let mut heard = String::new();
    let mut stream = TcpStream::connect(control).await.expect("a connection");
    timeout(PATIENCE, stream.read_to_string(&mut heard)).await.expect("it is closed").expect("text");
    assert!(heard.starts_with("Content-Type: text/rude-rejection\n"), "{heard}");
    assert_eq!(command(&mut known, "show channels count").await, "\n0 total.\n", "who is in stays in");
    let back = async { while Client::connect(control, None, PASSWORD).await.is_err() {} };
    timeout(PATIENCE * 2, back).await.expect("a while is not for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_client_gives_one_command() {
    let (switch, control) = switch(&[]);
    let run = |password: &str, command: &str| {
        let port = control.port().to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_switch"))
            .args(["cli", "-P", &port, "-p", password, "-x", command])
            .current_dir(switch.folder())
            .output()
            .expect("the client runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (status, text) = run(PASSWORD, "status");
    assert_eq!(status, Some(0));
    assert!(text.starts_with("UP 0 years") && text.contains(" is ready\n"), "{text}");
    assert_eq!(run("wrong", "status").0, Some(2));
    let mut prompt = Command::new(env!("CARGO_BIN_EXE_switch"))
        .args(["cli", "-P", &control.port().to_string(), "-p", PASSWORD])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the client runs");
    let lines = b"/event plain API\nfsctl loglevel err\nfsctl loglevel\nfsctl shutdown cancel\n/exit\n";
    std::io::Write::write_all(&mut prompt.stdin.take().expect("its input"), lines).expect("it takes them");
    let text = String::from_utf8(prompt.wait_with_output().expect("it ends").stdout).expect("text");
    let answers: Vec<&str> = text.lines().filter(|line| line.starts_with('+') || line.starts_with("-ERR")).collect();
    let expected = [
        "+OK event listener enabled plain",
        "+OK log level: ERR [3]",
        "+OK log level: ERR [3]",
        "-ERR only now, asap and elegant are available in this version",
    ];
    assert_eq!(answers, expected, "{text}");
    let (_, text) = run(PASSWORD, "nosuch");
    assert_eq!(text, "-ERR nosuch Command not found!\n");
}

/// Texts that clients parse and that no recorded dialogue has.
#[tokio::test(flavor = "multi_thread")]
async fn outputs_that_clients_parse() {
    let carrier = "<gateway name=\"carrier\"><param name=\"proxy\" value=\"127.0.0.1:9\"/>\
                   <param name=\"username\" value=\"u\"/><param name=\"password\" value=\"p\"/>\
                   <param name=\"register\" value=\"false\"/></gateway>\n";
    let arguments = ["--event-socket", "127.0.0.1:0", "--event-socket-password", PASSWORD];
    let profile = format!("<include>\n{}</include>\n", crate::registrar::profile(&[], carrier));
    let files = [("sip_profiles/a.xml", profile.as_str()), ("dialplan/a.xml", "<include/>")];
    let switch = Switch::start_with(&arguments, &files);
    let mut giver = client(switch.control.expect("an event socket")).await;
    for (line, expected) in [
        ("reloadacl", "+OK acl reloaded\n"),
        ("unload mod_nosuch", "-ERR [No such module!]\n"),
        ("reload mod_sofia", "+OK Reloading XML\n+OK module unloaded\n+OK module loaded\n"),
        ("reload mod_nosuch", "+OK Reloading XML\n-ERR [No such module!]\n"),
        ("domain_exists nosuch.test", "false"),
        ("limit_status hash", "-ERR not supported yet (locking problems)."),
        ("sofia status gateway nosuch", "Invalid Gateway!\n"),
    ] {
        assert_eq!(command(&mut giver, line).await, expected, "{line}");
    }
    let up = command(&mut giver, "show status").await;
    assert!(up.starts_with("UP 0 years, 0 days, ") && up.lines().count() == 8, "{up}");
    let status = command(&mut giver, "sofia jsonstatus").await;
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["profiles"]["internal"]["state"], "RUNNING (0)", "{status}");
    let gateway = command(&mut giver, "sofia status gateway carrier").await;
    let rule = "=".repeat(97);
    assert!(
        gateway.starts_with(&format!("{rule}\nName    \tcarrier\nProfile \tinternal\nScheme  \tDigest\n")),
        "{gateway}"
    );
    assert!(gateway.ends_with(&format!("\nState   \tNOREG\nStatus  \tUP\n{rule}\n")), "{gateway}");
    assert!(gateway.contains("\nPassword\tyes\n"), "{gateway}");
}

/// On a terminal, as `script` of util-linux makes one.
#[tokio::test(flavor = "multi_thread")]
async fn our_own_client_completes_what_was_begun() {
    let found = Command::new("script").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("SKIPPED: there is no script command");
        return;
    }
    let (switch, control) = switch(&[]);
    let mut giver = client(control).await;
    assert_eq!(command(&mut giver, "originate {origination_uuid=only-one}null/x &park()").await, "+OK only-one\n");
    let line = format!("{} cli -P {} -p '{PASSWORD}'", env!("CARGO_BIN_EXE_switch"), control.port());
    let mut terminal = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("HOME", switch.folder())
        .env("TERM", "xterm")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("script runs");
    let typing = tokio::task::spawn_blocking(move || {
        use std::io::{Read as _, Write as _};
        let mut keys = terminal.stdin.take().expect("its input");
        let mut screen = terminal.stdout.take().expect("its output");
        let (mut shown, mut piece) = (Vec::new(), [0; 1024]);
        // A command's name, then the uuid of the one channel there is. Keys are pressed when the prompt is there.
        for (wanted, pressed) in [(&["> "][..], "uuid_exi\tonl\t\r"), (&["true\r\n", "> "], "/exit\r")] {
            let has_come = |shown: &[u8]| {
                let text = String::from_utf8_lossy(shown);
                let mut rest = &*text;
                wanted.iter().all(|word| rest.find(word).map(|at| rest = &rest[at + word.len()..]).is_some())
            };
            while !has_come(&shown) {
                let read = screen.read(&mut piece).expect("a terminal");
                assert!(read > 0, "{}", String::from_utf8_lossy(&shown));
                shown.extend_from_slice(&piece[..read]);
            }
            keys.write_all(pressed.as_bytes()).expect("it takes keys");
        }
        terminal.wait().expect("it ends")
    });
    let status = timeout(PATIENCE, typing).await.expect("in time").expect("no panic");
    assert_eq!(status.code(), Some(0));
    let history = std::fs::read_to_string(switch.folder().join(".switch_cli_history")).expect("a history");
    assert!(history.contains("uuid_exists only-one"), "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_password_one_is_made_and_a_known_one_stays_at_home() {
    let switch = Switch::start_with(&["--event-socket", "127.0.0.1:0"], &[]);
    let password = std::fs::read_to_string(switch.folder().join("data/event_socket.password")).expect("a password");
    let control = switch.control.expect("an event socket");
    assert!(Client::connect(control, None, password.trim()).await.is_ok());
    let output = Command::new(env!("CARGO_BIN_EXE_switch"))
        .args(["--sip", "127.0.0.1:0", "--event-socket", "0.0.0.0:0", "--event-socket-password", "ClueCon"])
        .args(["--data", "elsewhere"])
        .current_dir(switch.folder())
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs another one"), "it says why");
}
