//! A switch of its own for a test: the binary in a folder with the files that the test wants.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use switch::program::client::Client;
use switch::program::phone::{CallPlan, CallReport, Phone};

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Longest time for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Waits for what no event tells: the state of another process. The one place where tests look again and again.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "not within {PATIENCE:?}: {what}");
}

/// Of event sockets.
pub(crate) const PASSWORD: &str = "only for tests";

/// A client of an event socket with [`PASSWORD`].
pub(crate) async fn client(control: SocketAddr) -> Client {
    Client::connect(control, None, PASSWORD).await.expect("a client")
}

/// What the switch answers to a command.
pub(crate) async fn command(client: &mut Client, line: &str) -> String {
    let answer = tokio::time::timeout(PATIENCE, client.command(line, |_| ())).await;
    answer.expect("an answer in time").expect("an answer")
}

/// Ports that nobody has, all different, below the kernel's range of temporary ones: no other test is given them.
pub(crate) fn free_ports(count: usize) -> Vec<u16> {
    let start = 28_200 + (std::process::id() % 16) as u16 * 256;
    let free = |port: &u16| UdpSocket::bind((LOOPBACK, *port)).is_ok() && TcpListener::bind((LOOPBACK, *port)).is_ok();
    let ports: Vec<u16> = (start..32_700).filter(free).take(count).collect();
    assert_eq!(ports.len(), count, "free ports");
    ports
}

/// Waits until somebody listens at a port: a closed one is noticed at once, and so is a refused connection.
pub(crate) async fn listening(transport: &str, ip: [u8; 4], port: u16) {
    let [a, b, c, d] = ip;
    let entry = format!(
        "{d:02X}{c:02X}{b:02X}{a:02X}:{port:04X} 00000000:0000 {}",
        if transport == "tcp" { "0A" } else { "07" }
    );
    let table = || std::fs::read_to_string(format!("/proc/net/{transport}")).unwrap_or_default();
    until("somebody listens", || table().contains(&entry)).await;
}

/// A running switch; ended when dropped.
pub(crate) struct Switch {
    process: Child,
    folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    /// Its event socket.
    pub(crate) control: Option<SocketAddr>,
    /// Its HTTP listener.
    pub(crate) http: Option<SocketAddr>,
}

/// `<context name="public">` with these extensions: number pattern and actions.
pub(crate) fn context(name: &str, extensions: &[(&str, &[(&str, &str)])]) -> String {
    let mut text = format!("<context name=\"{name}\">\n");
    for (pattern, actions) in extensions {
        let _ =
            writeln!(text, "<extension name=\"e\">\n<condition field=\"destination_number\" expression=\"{pattern}\">");
        for (application, data) in *actions {
            let data = data.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
            let _ = writeln!(text, "<action application=\"{application}\" data=\"{data}\"/>");
        }
        text.push_str("</condition>\n</extension>\n");
    }
    text.push_str("</context>\n");
    text
}

/// RTP ports below the kernel's range of temporary ones, so that nobody else takes them; each test its own.
fn rtp_range() -> (u16, u16) {
    let taken = |port: u16| UdpSocket::bind((LOOPBACK, port)).is_err();
    let start = 14_000 + (std::process::id() % 8) as u16 * 2_000;
    let low = (0..200).map(|n| start + n * 60).find(|low| !(*low..*low + 8).any(taken)).expect("free RTP ports");
    (low, low + 1_999)
}

impl Switch {
    /// Starts a switch with these files (name and text) and the shipped sounds.
    pub(crate) fn start(files: &[(&str, &str)]) -> Self {
        Self::start_with(&[], files)
    }

    /// Starts a switch with further arguments.
    pub(crate) fn start_with(arguments: &[&str], files: &[(&str, &str)]) -> Self {
        Self::start_in(&[], arguments, files)
    }

    /// Starts a switch with further arguments and variables of its environment.
    pub(crate) fn start_in(environment: &[(&str, &str)], arguments: &[&str], files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for part in ["dialplan", "scripts", "directory", "autoload_configs", "sip_profiles", "lang"] {
            std::fs::create_dir(folder.path().join(part)).expect("a folder");
        }
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let sounds = concat!(env!("CARGO_MANIFEST_DIR"), "/sounds");
        let (low, high) = rtp_range();
        let log = std::fs::File::create(folder.path().join("switch.log")).expect("a file");
        // Measurements name a release build.
        let binary = std::env::var_os("SWITCH_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_switch").into());
        let mut process = Command::new(binary)
            .args(["--sip", "127.0.0.1:0", "--log", "warn", "--sounds", sounds])
            .args(["--rtp", &format!("{low}-{high}")])
            // Not the usual port: tests run side by side.
            .args(if arguments.contains(&"--event-socket") { &[][..] } else { &["--event-socket", "127.0.0.1:0"] })
            .args(arguments)
            .envs(environment.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let out = BufReader::new(process.stdout.take().expect("its output"));
        let (mut address, mut control, mut http) = (None, None, None);
        for line in out.lines().map_while(Result::ok) {
            let word = |prefix: &str| line.strip_prefix(prefix)?.split_whitespace().nth(1).map(str::to_owned);
            if line.contains(" UDP ") {
                address = address.or_else(|| word("listening")?.parse().ok());
            }
            let socket = line.strip_prefix("control").and_then(|rest| rest.trim().strip_prefix("event socket "));
            control = control.or_else(|| socket?.split(',').next()?.parse().ok());
            let shown = line.strip_prefix("metrics").and_then(|rest| rest.trim().strip_prefix("http://"));
            http = http.or_else(|| shown?.strip_suffix("/metrics")?.parse().ok());
            if line.starts_with("Ctrl-C") {
                break;
            }
        }
        let Some(address) = address else {
            panic!("{}", std::fs::read_to_string(folder.path().join("switch.log")).unwrap_or_default());
        };
        Self { process, folder, address, control, http }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Calls a number.
    pub(crate) async fn call(&self, number: &str, change: impl FnOnce(&mut CallPlan)) -> CallReport {
        let mut plan = CallPlan::to(&format!("sip:{number}@{}", self.address));
        plan.deadline = PATIENCE;
        change(&mut plan);
        Phone::bind(LOOPBACK).call(plan).await.expect("a call")
    }

    /// What the switch logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("switch.log")).unwrap_or_default()
    }

    /// The caller's record of a call, once it is written.
    pub(crate) async fn record(&self, call_id: &str) -> Value {
        let path = self.folder().join("data/cdr.jsonl");
        let find = || {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let rows = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            rows.into_iter().find(|row| row["call_id"] == call_id)
        };
        until("the record is written", || find().is_some()).await;
        find().expect("the record")
    }

    /// KiB of resident memory.
    pub(crate) fn memory(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
    }

    /// Open descriptors of the process.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).map_or(0, Iterator::count)
    }

    /// Threads of the process.
    pub(crate) fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.pid())).map_or(0, Iterator::count)
    }

    /// Ends it as Ctrl-C would and gives its exit status.
    pub(crate) async fn interrupt(mut self) -> Option<i32> {
        let kill = |pid: u32| Command::new("kill").args(["-INT", &pid.to_string()]).status();
        kill(self.pid()).expect("a signal");
        let mut code = None;
        until("it ends", || {
            code = self.process.try_wait().expect("a child");
            code.is_some()
        })
        .await;
        code.and_then(|status| status.code())
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
