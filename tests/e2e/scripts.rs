//! Scripts with legs of their own, and what they keep.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::support::{PASSWORD, Switch, client, context, until};

const LEGS: &str = "
local file = io.open('result', 'w')
local function leg(name) return freeswitch.Session('loopback/' .. name .. '/public', session) end
local a = session or leg('waits')
local b = leg('talks')
file:write(tostring(a:ready()), ' ', tostring(b:ready()), ' ', b:hangupCause(), '\\n')
freeswitch.bridge(a, b)
file:write(tostring(a:ready()), ' ', tostring(b:ready()), ' ', b:hangupCause(), '\\n')
file:close()
os.rename('result', 'results')
";

fn switch() -> Switch {
    let dialplan = context(
        "public",
        &[
            ("^waits$", &[("answer", ""), ("sleep", "20000")]),
            ("^talks$", &[("answer", ""), ("playback", "tone_stream://%(300,0,440)"), ("hangup", "USER_BUSY")]),
            ("^bridges$", &[("answer", ""), ("lua", "legs.lua"), ("hangup", "CALL_REJECTED")]),
            ("^alone$", &[("set", "x=${luarun(legs.lua)}"), ("respond", "486")]),
        ],
    );
    Switch::start(&[("dialplan/a.xml", &dialplan), ("scripts/legs.lua", LEGS)])
}

async fn results(switch: &Switch) -> String {
    let path = switch.folder().join("results");
    until("the script ends", || path.is_file()).await;
    std::fs::read_to_string(path).expect("its results")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_bridges_its_call_with_a_leg_it_dialled() {
    let switch = switch();
    let report = switch.call("bridges", |_| ()).await;
    assert_eq!(report.status, Some(200));
    assert_eq!(results(&switch).await, "true true SUCCESS\ntrue false USER_BUSY\n", "{}", switch.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_without_a_call_bridges_two_legs() {
    let switch = switch();
    switch.call("alone", |_| ()).await;
    assert_eq!(results(&switch).await, "true true SUCCESS\ntrue false USER_BUSY\n", "{}", switch.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_script_is_watched() {
    let dialplan = context("public", &[("^waits$", &[("answer", ""), ("sleep", "20000")])]);
    let loops = "while session:ready() do session:sleep(50) session:getVariable('a b') end";
    let files = [("dialplan/a.xml", &*dialplan), ("scripts/loops.lua", loops)];
    let switch = Switch::start_with(&["--event-socket", "127.0.0.1:0", "--event-socket-password", PASSWORD], &files);
    let control = switch.control.expect("an event socket");
    let mut client = client(control).await;
    let trace = |uuid: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switch"));
        command.args(["lua", "trace", "-p", PASSWORD, "-P", &control.port().to_string(), uuid]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the binary starts")
    };
    let nobody = tokio::task::spawn_blocking({
        let nobody = trace("nosuch");
        move || nobody.wait_with_output().expect("it ends")
    });
    let nobody = nobody.await.expect("it ends");
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("there is no channel nosuch"));

    let order = "originate {origination_uuid=u-1}loopback/waits/public &lua(loops.lua)";
    assert_eq!(client.command(order, |_| ()).await.expect("an answer"), "+OK u-1\n");
    let mut watcher = trace("u-1");
    let out = BufReader::new(watcher.stdout.take().expect("its output"));
    let (lines, mut heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::task::spawn_blocking(move || out.lines().map_while(Result::ok).for_each(|line| drop(lines.send(line))));
    let mut all = Vec::new();
    let wanted =
        ["loops.lua: session:ready() → true", "loops.lua: session:sleep(50) → 1", "session:getVariable(\"a b\") → nil"];
    let wait = async {
        while !wanted.iter().all(|wanted| all.iter().any(|line: &String| line.contains(wanted))) {
            all.push(heard.recv().await.expect("a line"));
        }
    };
    assert!(tokio::time::timeout(crate::support::PATIENCE, wait).await.is_ok(), "{all:?} {}", switch.log());
    assert_eq!(client.command("uuid_kill u-1", |_| ()).await.expect("an answer"), "+OK\n");
    let mut code = None;
    until("the watcher ends with the call", || {
        code = watcher.try_wait().expect("a child");
        code.is_some()
    })
    .await;
    assert_eq!(code.and_then(|status| status.code()), Some(0));
}

/// What another call's script does to a call that waits.
const ATTACHES: &str = "
local file = io.open('result', 'w')
local uuid = session:getVariable('waiting_uuid')
local other = freeswitch.Session(uuid)
file:write(tostring(other:ready()), ' ', tostring(other:answered()), ' ', tostring(other.uuid == uuid), '\\n')
other:setVariable('mark', 'from the other call')
file:write(tostring(other:getVariable('mark')), ' ', tostring(other:getVariable('nothing')), '\\n')
other:execute('set', 'more=${mark}!')
file:write(tostring(other:getVariable('more')), ' ', other:streamFile('silence_stream://100'), ' ')
file:write(other:streamFile('nosuch.wav'), '\\n')
local event = freeswitch.Event('CUSTOM', 'x::y')
other:setEventData(event)
file:write(tostring(event:getHeader('Unique-ID') == uuid), '\\n')
other:hangup('USER_BUSY')
while other:ready() do freeswitch.msleep(10) end
file:write(tostring(other:ready()), ' ', tostring(session:ready()), '\\n')
file:write(tostring(freeswitch.Session('nosuchuuid'):ready()), '\\n')
file:close()
os.rename('result', 'results')
";

#[tokio::test(flavor = "multi_thread")]
async fn a_script_reaches_the_channel_of_another_call() {
    let dialplan = context(
        "public",
        &[
            ("^stays$", &[("answer", ""), ("set_global", "waiting_uuid=${uuid}"), ("park", "")]),
            ("^acts$", &[("answer", ""), ("lua", "attach.lua"), ("hangup", "CALL_REJECTED")]),
        ],
    );
    let switch = Switch::start(&[("dialplan/a.xml", &dialplan), ("scripts/attach.lua", ATTACHES)]);
    let (sender, mut answered) = tokio::sync::mpsc::channel(8);
    let stays = switch.call("stays", |plan| plan.watch = Some(sender));
    let acts = async {
        while answered.recv().await.is_some_and(|response| response.status != 200) {}
        switch.call("acts", |_| ()).await
    };
    let (stays, acts) = tokio::join!(stays, acts);
    assert_eq!((stays.status, acts.status), (Some(200), Some(200)));
    let expected = "true true true\nfrom the other call nil\nfrom the other call! 1 0\ntrue\nfalse true\nfalse\n";
    assert_eq!(results(&switch).await, expected, "{}", switch.log());
}

/// What `db` holds, by a script that reads its table, too.
const READS: &str = "
local rows = {}
freeswitch.Dbh('sqlite://call_limit'):query('select data from db_data', function(row) rows[#rows + 1] = row.data end)
local api = freeswitch.API()
local file = io.open('result', 'w')
file:write(api:execute('db', 'select/places/desk'), ' ', table.concat(rows, ','), '\\n')
file:close()
os.rename('result', 'results')
";

#[tokio::test(flavor = "multi_thread")]
async fn the_database_outlives_a_restart() {
    let data = tempfile::tempdir().expect("a folder");
    let arguments = ["--data", data.path().to_str().expect("a path")];
    let dialplan = context(
        "public",
        &[
            ("^keeps$", &[("db", "insert/places/desk/window"), ("respond", "486")]),
            ("^reads$", &[("lua", "reads.lua"), ("respond", "486")]),
        ],
    );
    let files = [("dialplan/a.xml", &*dialplan), ("scripts/reads.lua", READS)];
    let switch = Switch::start_with(&arguments, &files);
    switch.call("keeps", |_| ()).await;
    assert_eq!(switch.interrupt().await, Some(0));
    let switch = Switch::start_with(&arguments, &files);
    let report = switch.call("reads", |_| ()).await;
    assert_eq!(report.status, Some(486));
    assert_eq!(results(&switch).await, "window window\n", "{}", switch.log());
}

/// What a script asks of two servers, and of a port where nobody is.
const NETWORK: &str = r#"
local socket, http = require("socket"), require("socket.http")
local file = io.open("result", "w")
local function line(...)
  local words = table.pack(...)
  for at = 1, words.n do words[at] = tostring(words[at]) end
  file:write(table.concat(words, " "), "\n")
end
local tcp = socket.tcp()
tcp:settimeout(20)
line(tcp:connect("127.0.0.1", argv[1]))
line(tcp:send("hello\n"))
line(tcp:receive("*l"))
line(tcp:receive(3))
tcp:settimeout(0.05)
line(tcp:receive())
line(tcp:getpeername() == "127.0.0.1")
line(tcp:close(), tcp:receive())
line((pcall(require, "socket.smtp")))
line(socket.connect("127.0.0.1", argv[3]))
line(pcall(function() return socket.udp() end))
line(http.request("http://127.0.0.1:" .. argv[2] .. "/page"))
file:close()
os.rename("result", "results")
"#;

/// A server that says a line of the kind it heard, then three octets, and no more.
async fn echo() -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut heard = [0; 6];
        stream.read_exact(&mut heard).await.expect("a line");
        assert_eq!(&heard, b"hello\n");
        stream.write_all(b"hello to you\r\nabcpart").await.expect("written");
        let _ = stream.read(&mut heard).await;
    });
    port
}

/// A server of one page.
async fn page() -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a request"));
        }
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\npage";
        stream.write_all(answer.as_bytes()).await.expect("written");
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_talks_to_servers() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let nobody = closed.local_addr().expect("an address").port();
    drop(closed);
    let (echo, page) = (echo().await, page().await);
    let script = format!("network.lua {echo} {page} {nobody}");
    let dialplan = context("public", &[("^net$", &[("lua", &script), ("respond", "486")])]);
    let switch = Switch::start(&[("dialplan/a.xml", &dialplan), ("scripts/network.lua", NETWORK)]);
    switch.call("net", |_| ()).await;
    let told = results(&switch).await;
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        lines.get(..7).unwrap_or_default(),
        ["1", "6", "hello to you", "abc", "nil timeout part", "true", "1 nil closed ",],
        "{told}\n{}",
        switch.log()
    );
    assert!(lines[7].starts_with("false"), "{told}");
    assert_eq!(lines[8], "nil connection refused", "{told}");
    assert!(lines[9].starts_with("false") && lines[9].contains("socket.udp is not available"), "{told}");
    assert!(lines[10].starts_with("page 200 table: "), "{told}");
}
