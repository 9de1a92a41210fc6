//! Recordings: what is in the files, when they end, and that they are closed before anybody is told.

use std::path::Path;
use std::time::Duration;

use switch::engine::audio::Wav;
use switch::program::client::Client;
use switch::program::phone::Sound;
use tokio::time::timeout;

use crate::support::{PASSWORD, PATIENCE, Switch, client, command, context, until};

/// Writes down its arguments.
const TELL: &str = "
local file = io.open(session:getVariable('base_dir') .. '/told', 'w')
file:write(argv[1], ' ', argv[2])
file:close()
";

const TONE: Sound = Sound::Tone { hz: 500.0, peak: 9000.0 };

fn switch(extensions: &[(&str, &[(&str, &str)])]) -> Switch {
    let arguments = ["--event-socket", "127.0.0.1:0", "--event-socket-password", PASSWORD];
    let files = [("dialplan/a.xml", &*context("public", extensions)), ("scripts/tell.lua", TELL)];
    Switch::start_with(&arguments, &files)
}

/// Bodies of the events up to one of a name, that included.
async fn events_until(client: &mut Client, name: &str) -> Vec<String> {
    let wanted = format!("Event-Name: {name}\n");
    let mut bodies = Vec::new();
    let wait = async {
        while bodies.last().is_none_or(|body: &String| !body.contains(&wanted)) {
            let frame = client.next().await.expect("a frame");
            if frame.kind() == "text/event-plain" {
                bodies.push(String::from_utf8_lossy(frame.body.as_bytes()).into_owned());
            }
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no {name}"));
    bodies
}

fn read(path: &Path) -> (u64, Vec<i16>) {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let wav = Wav::parse(&bytes).expect("a WAV file");
    (wav.ms(), wav.samples())
}

fn loud(samples: &[i16]) -> usize {
    samples.iter().filter(|sample| sample.unsigned_abs() > 1000).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_leaves_a_message_and_ends_it_by_a_key() {
    let switch = switch(&[(
        "^message$",
        &[
            ("answer", ""),
            ("set", "playback_terminators=#"),
            ("record", "${base_dir}/message.wav 20"),
            ("lua", "tell.lua ${record_ms} ${playback_terminator_used}"),
            ("hangup", "USER_BUSY"),
        ],
    )]);
    switch
        .call("message", |plan| {
            plan.say = TONE;
            plan.digits = "1#".to_owned();
            plan.digits_after = Duration::from_millis(800);
        })
        .await;
    let told = switch.folder().join("told");
    until("the list goes on", || std::fs::read_to_string(&told).is_ok_and(|text| text.contains('#'))).await;
    let (ms, samples) = read(&switch.folder().join("message.wav"));
    assert!((700..5000).contains(&ms), "{ms}");
    assert!(loud(&samples) > 3000, "the caller is heard: {} of {}", loud(&samples), samples.len());
    let told = std::fs::read_to_string(&told).expect("what the dialplan knows");
    let (record_ms, key) = told.trim().split_once(' ').expect("two words");
    assert_eq!(key, "#");
    assert!(record_ms.parse::<u64>().expect("a number").abs_diff(ms) <= 1, "{record_ms} {ms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_opened_ends_the_call() {
    let switch = switch(&[("^bad$", &[("record", "/nosuch/folder/x.wav"), ("respond", "486")])]);
    let report = switch.call("bad", |_| ()).await;
    assert_eq!(report.status, Some(502), "DESTINATION_OUT_OF_ORDER: {}", switch.log());
    let switch = self::switch(&[("^bad$", &[("record_session", "/proc/nowhere/x.wav"), ("respond", "486")])]);
    let report = switch.call("bad", |_| ()).await;
    assert_eq!(report.status, Some(486), "beside the call it does no harm");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_legs_of_a_bridge_are_recorded_and_closed_before_their_end_is_told() {
    let switch = switch(&[
        (
            "^pair$",
            &[
                ("set", "RECORD_STEREO=true"),
                ("record_session", "${base_dir}/new/folder/a.wav +60"),
                ("bridge", "{origination_uuid=leg-b}loopback/sings/public"),
            ],
        ),
        ("^sings$", &[("answer", ""), ("playback", "tone_stream://%(1500,0,900)"), ("hangup", "")]),
    ]);
    let mut listener = client(switch.control.expect("an event socket")).await;
    listener
        .send("event plain RECORD_START RECORD_STOP CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE\n\n")
        .await
        .expect("sent");
    let folder = switch.folder().to_owned();
    let told = async {
        let started = events_until(&mut listener, "RECORD_START").await.pop().expect("an event");
        assert!(started.contains("a.wav"), "{started}");
        let mut giver = client(switch.control.expect("an event socket")).await;
        let path = format!("{}/b.wav", folder.display());
        until_ok(&mut giver, &format!("uuid_record leg-b start {path}")).await;
        let mut stopped = 0;
        while stopped < 2 {
            let bodies = events_until(&mut listener, "RECORD_STOP").await;
            let body = bodies.last().expect("an event");
            let over =
                |body: &String| body.contains("Name: CHANNEL_HANGUP_COMPLETE") && body.contains("\nUnique-ID: leg-b\n");
            assert!(stopped > 0 || !bodies.iter().any(over), "the leg was over before its file was");
            assert!(body.contains("variable_record_ms: "), "{body}");
            let file = if body.contains("a.wav") { folder.join("new/folder/a.wav") } else { folder.join("b.wav") };
            let (ms, samples) = read(&file);
            assert!(ms > 300 && loud(&samples) > 1000, "{}: {ms} ms, {} loud", file.display(), loud(&samples));
            stopped += 1;
        }
    };
    let (report, ()) = tokio::join!(switch.call("pair", |plan| plan.say = TONE), told);
    assert_eq!(report.status, Some(200));
    let bytes = std::fs::read(switch.folder().join("new/folder/a.wav")).expect("a file");
    assert_eq!(Wav::parse(&bytes).expect("a WAV file").format.channels, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_may_wait_for_the_bridge() {
    let switch = switch(&[
        (
            "^gated$",
            &[
                ("answer", ""),
                ("set", "RECORD_BRIDGE_REQ=true"),
                ("record_session", "${base_dir}/g.wav"),
                ("sleep", "700"),
                ("bridge", "loopback/sings/public"),
                ("sleep", "700"),
                ("hangup", ""),
            ],
        ),
        ("^sings$", &[("answer", ""), ("playback", "tone_stream://%(1000,0,900)"), ("hangup", "")]),
    ]);
    assert_eq!(switch.call("gated", |plan| plan.say = TONE).await.status, Some(200));
    let path = switch.folder().join("g.wav");
    until("the file is closed", || {
        std::fs::read(&path).is_ok_and(|bytes| Wav::parse(&bytes).is_ok_and(|wav| wav.ms() > 0))
    })
    .await;
    let (ms, samples) = read(&path);
    assert!((800..2000).contains(&ms), "the waits before and after are not in it: {ms} ms");
    assert!(loud(&samples) > 4000, "{} of {}", loud(&samples), samples.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_ends_while_the_callback_runs_is_over() {
    let script = "
        session:answer()
        function waits() session:sleep(1600) end
        session:setInputCallback('waits')
        local done = session:recordFile(session:getVariable('base_dir') .. '/r.wav', 1)
        local file = io.open(session:getVariable('base_dir') .. '/told', 'w')
        file:write(done, '.')
        file:close()
        session:hangup()
    ";
    let extensions: &[(&str, &[(&str, &str)])] = &[("^rests$", &[("lua", "rests.lua")])];
    let switch = Switch::start(&[("dialplan/a.xml", &context("public", extensions)), ("scripts/rests.lua", script)]);
    let call = switch.call("rests", |plan| {
        plan.digits = "5".to_owned();
        plan.digits_after = Duration::from_millis(200);
    });
    timeout(PATIENCE, call).await.expect("the call comes to its end");
    assert_eq!(std::fs::read_to_string(switch.folder().join("told")).expect("its results"), "1.", "{}", switch.log());
}

/// Repeats a command until it is carried out.
async fn until_ok(client: &mut Client, line: &str) {
    let repeat = async { while !command(client, line).await.starts_with("+OK") {} };
    timeout(PATIENCE, repeat).await.expect("it is carried out in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_are_steered_by_their_names() {
    let switch = switch(&[]);
    let mut client = client(switch.control.expect("an event socket")).await;
    assert_eq!(command(&mut client, "originate {origination_uuid=u}null/x &park()").await, "+OK u\n");
    let path = format!("{}/n.wav", switch.folder().display());
    assert_eq!(command(&mut client, &format!("uuid_record u start {path}")).await, "+OK Success\n");
    assert_eq!(command(&mut client, &format!("uuid_record u start {path}")).await, "+OK Success\n", "it runs already");
    assert_eq!(command(&mut client, &format!("uuid_record u mask {path}")).await, "+OK Success\n");
    assert_eq!(command(&mut client, &format!("uuid_record u unmask {path}")).await, "+OK Success\n");
    assert_eq!(command(&mut client, "uuid_record u stop /elsewhere.wav").await, "-ERR Cannot stop record session!\n");
    let bad = command(&mut client, "uuid_record u start /proc/nowhere/x.wav").await;
    assert_eq!(bad, "-ERR Cannot record session!\n");
    assert_eq!(command(&mut client, "uuid_record u start /tmp/x.mp3").await, "-ERR Cannot record session!\n");
    assert_eq!(command(&mut client, "uuid_record u stop all").await, "+OK Success\n");
    until("its file is closed", || Path::new(&path).is_file()).await;
    assert_eq!(command(&mut client, "uuid_kill u").await, "+OK\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_records() {
    let script = "
        session:answer()
        local path = session:getVariable('base_dir') .. '/s.wav'
        local one = session:recordFile(path, 1)
        function stops() return 'break' end
        session:setInputCallback('stops')
        local two = session:recordFile(path .. '.2.wav', 20)
        local file = io.open(session:getVariable('base_dir') .. '/told', 'w')
        file:write(one, ' ', two, ' ', session:getVariable('record_seconds'), ' .')
        file:close()
        local record = session:getXMLCDR()
        freeswitch.consoleLog('warning', record:match('<cdr .-switchname') and 'the record is there' or record)
        session:recordFile('/nosuch/x.wav', 1)
    ";
    let extensions: &[(&str, &[(&str, &str)])] = &[("^script$", &[("lua", "record.lua")])];
    let switch = Switch::start(&[("dialplan/a.xml", &context("public", extensions)), ("scripts/record.lua", script)]);
    let report = switch
        .call("script", |plan| {
            plan.say = TONE;
            plan.digits = "5".to_owned();
            plan.digits_after = Duration::from_millis(1500);
        })
        .await;
    assert_eq!(report.status, Some(200));
    let told = switch.folder().join("told");
    until("the script ends", || std::fs::read_to_string(&told).is_ok_and(|text| text.ends_with('.'))).await;
    assert_eq!(std::fs::read_to_string(&told).expect("its results"), "1 0 0 .", "{}", switch.log());
    until("the record is told", || switch.log().contains("the record is there")).await;
    let (ms, samples) = read(&switch.folder().join("s.wav"));
    assert_eq!(ms, 1000);
    assert!(loud(&samples) > 3000, "the caller is heard");
}
