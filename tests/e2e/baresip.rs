//! Two baresip telephones, registered with digest at the real switch, that talk, hold and transfer. Each says a tone of its
//! own; what it hears it writes down.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use switch::program::phone::{tone_share, write_wav};

use super::peers::{free_port, is_there};
use super::registrar::{profile, users};
use super::support::{LOOPBACK, Switch, context, until};

/// Samples per second.
const RATE: usize = 8_000;

/// A telephone; ended when dropped.
struct Telephone {
    process: Child,
    home: tempfile::TempDir,
    control: TcpStream,
    told: String,
}

impl Telephone {
    /// Registers as this user of `example.test` and says a tone of `hz`.
    async fn start(user: &str, switch: SocketAddr, hz: f64) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path();
        let tone: Vec<i16> = (0..RATE * 120)
            .map(|at| ((at as f64 * hz * std::f64::consts::TAU / RATE as f64).sin() * 8_000.0) as i16)
            .collect();
        write_wav(&path.join("tone.wav"), &tone).expect("a file");
        let port = free_port();
        let (tone, folder) = (path.join("tone.wav"), path.display());
        let mut config = format!(
            "sip_listen 127.0.0.1:0\nctrl_tcp_listen 127.0.0.1:{port}\naudio_player aubridge,heard\n\
             audio_source aufile,{}\naudio_alert aubridge,alert\nmodule_path /usr/lib/baresip/modules\n\
             audio_path /usr/share/baresip\nsnd_path {folder}\n",
            tone.display()
        );
        for module in ["g711", "aufile", "aubridge", "sndfile"] {
            let _ = writeln!(config, "module {module}.so");
        }
        for module in ["account", "menu", "ctrl_tcp"] {
            let _ = writeln!(config, "module_app {module}.so");
        }
        let account = format!(
            "<sip:{user}@example.test>;auth_user={user};auth_pass=pw{user};outbound=\"sip:{switch}\";regint=60;\
             answermode=auto\n"
        );
        for (name, text) in [("config", config), ("accounts", account), ("contacts", String::new())] {
            std::fs::write(path.join(name), text).expect("a file");
        }
        let log = std::fs::File::create(path.join("log")).expect("a file");
        let process = Command::new("baresip")
            .arg("-f")
            .arg(path)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("baresip starts");
        let mut control = None;
        until("baresip takes commands", || {
            control = TcpStream::connect((LOOPBACK, port)).ok();
            control.is_some()
        })
        .await;
        let control = control.expect("a connection");
        control.set_nonblocking(true).expect("a setting");
        let mut phone = Self { process, home, control, told: String::new() };
        let log = phone.home.path().join("log");
        until("it is registered", || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("200 OK"))).await;
        phone.listen();
        phone
    }

    /// Sends a command, as a netstring.
    fn order(&mut self, command: &str, params: &str) {
        let json = serde_json::json!({ "command": command, "params": params }).to_string();
        self.control.write_all(format!("{}:{json},", json.len()).as_bytes()).expect("it takes commands");
    }

    /// What it has told so far.
    fn listen(&mut self) -> &str {
        let mut buffer = [0; 4096];
        loop {
            match self.control.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.told += &String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        &self.told
    }

    /// Everything that it heard so far, in the order of its files.
    fn heard(&self) -> Vec<i16> {
        heard(self.home.path())
    }

    /// Whether the last second that it heard is this tone.
    fn hears(&self, hz: f64) -> bool {
        let heard = self.heard();
        heard.len() >= RATE && tone_share(heard.get(heard.len() - RATE..).unwrap_or_default(), hz) > 0.9
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Telephone {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("{}\n{}", self.log(), self.told);
        }
    }
}

/// What the module sndfile wrote: 16-bit samples behind a header whose lengths are not filled in before the end.
fn heard(home: &Path) -> Vec<i16> {
    let mut files: Vec<_> = std::fs::read_dir(home).expect("a folder").flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with("-dec.wav"));
    files.sort();
    let samples = |file: &std::path::PathBuf| {
        let bytes = std::fs::read(file).unwrap_or_default();
        let pairs = bytes.get(44..).unwrap_or_default().chunks_exact(2);
        pairs.filter_map(|pair| Some(i16::from_le_bytes(pair.try_into().ok()?))).collect::<Vec<_>>()
    };
    files.iter().flat_map(samples).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn baresip_talks_to_baresip_holds_and_transfers() {
    if !is_there("baresip") {
        return;
    }
    let call: &[(&str, &str)] =
        &[("set", "hold_music=tone_stream://%(120000,0,1000)"), ("bridge", "user/$1@example.test")];
    let desk: &[(&str, &str)] = &[("answer", ""), ("playback", "tone_stream://%(60000,0,1500)")];
    let plan = format!("<include>\n{}</include>\n", context("public", &[("^(100\\d)$", call), ("^desk$", desk)]));
    let profile = profile(&[("auth-calls", "true"), ("context", "nowhere")], "");
    // Only who is proven reaches the dialplan: the context is the user's.
    let variables = "</params><variables><variable name=\"user_context\" value=\"public\"/></variables></user>";
    let users = users("").replace("</params></user>", variables);
    let files = [("sip_profiles/a.xml", &*profile), ("directory/a.xml", &users), ("dialplan/a.xml", &plan)];
    let switch = Switch::start(&files);
    let mut a = Telephone::start("1000", switch.address, 440.0).await;
    let b = Telephone::start("1001", switch.address, 700.0).await;
    a.order("dial", "sip:1001@example.test");
    until("both hear each other", || a.hears(700.0) && b.hears(440.0)).await;
    a.order("hold", "");
    until("the other hears music", || b.hears(1000.0)).await;
    a.order("resume", "");
    until("both hear each other again", || a.hears(700.0) && b.hears(440.0)).await;
    a.order("transfer", "sip:desk@example.test");
    until("the other hears the desk", || b.hears(1500.0)).await;
    until("the first is out", || a.listen().contains("CALL_CLOSED")).await;
    assert!(switch.log().is_empty(), "{}", switch.log());
}
