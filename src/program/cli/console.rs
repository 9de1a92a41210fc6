//! `switch cli`: the command line of a running switch, through its event socket; that of a FreeSWITCH as well.
//!
//! Exit status: 0 the command was given; 2 there is no switch, or it does not accept the password.

use std::io::{IsTerminal as _, Write as _};
use std::net::ToSocketAddrs as _;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::editor::{Prompt, Typed};
use crate::program::client::{Client, ClientError, Frame};

/// Where the event socket of a running switch is, and what proves that we may use it.
#[derive(Debug, Clone, clap::Args)]
pub struct ConnectionArgs {
    /// Host of the event socket
    #[arg(short = 'H', long, default_value = "127.0.0.1")]
    host: String,
    /// Port of the event socket
    #[arg(short = 'P', long, default_value_t = 8021)]
    port: u16,
    /// Password [default: that of the data folder]
    #[arg(short, long)]
    password: Option<String>,
    /// User of the directory, user@domain
    #[arg(short, long)]
    user: Option<String>,
    /// Data folder of the switch
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
}

impl ConnectionArgs {
    /// Connects. The error says why not.
    pub(super) async fn connect(&self) -> Result<Client, String> {
        let address = match (self.host.as_str(), self.port).to_socket_addrs().map(|mut all| all.next()) {
            Ok(Some(address)) => address,
            Ok(None) => return Err(format!("{} has no address", self.host)),
            Err(error) => return Err(format!("{}: {error}", self.host)),
        };
        let password = if let Some(password) = &self.password {
            password.clone()
        } else {
            let path = self.data.join("event_socket.password");
            let text = std::fs::read_to_string(&path)
                .map_err(|error| format!("{}: {error}; name the password with -p", path.display()))?;
            text.trim().to_owned()
        };
        let connected = Client::connect(address, self.user.as_deref(), &password).await;
        connected.map_err(|error| format!("{address}: {error}"))
    }
}

/// Arguments of `switch cli`.
#[derive(Debug, Clone, clap::Args)]
pub struct ConsoleArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Give one command, print its output, and leave
    #[arg(short = 'x', long, value_name = "COMMAND")]
    execute: Option<String>,
    /// Follow the log at this level: debug, info, warning, err
    #[arg(short, long, value_name = "LEVEL")]
    loglevel: Option<String>,
}

const HELP: &str = "A line is a command of the switch: status, show channels, originate ...; help lists them.\n\
                    /event plain all   hear events     /noevents   no more\n\
                    /log debug         follow the log  /nolog      no more\n\
                    /filter NAME VALUE of the events   /exit       leave\n";

/// Runs the command.
pub fn run(args: &ConsoleArgs) -> ExitCode {
    let fail = |why: &dyn std::fmt::Display| {
        let _ = writeln!(std::io::stderr(), "switch cli: {why}");
        ExitCode::from(2)
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let conversation = async {
        let client = args.connection.connect().await?;
        converse(args, client).await.map_err(|error| format!("{}: {error}", args.connection.host))
    };
    match runtime.block_on(conversation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn show(text: &str) {
    if text.is_empty() {
        return;
    }
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// What comes without having been asked for.
fn show_aside(frame: &Frame) {
    show(&aside_text(frame));
}

fn aside_text(frame: &Frame) -> String {
    match frame.kind() {
        "log/data" => coloured(frame),
        "text/disconnect-notice" => frame.body.clone(),
        kind if kind.starts_with("text/event-") => frame.body.clone(),
        _ => String::new(),
    }
}

/// A line of the log in the colour of its level, on a terminal.
fn coloured(frame: &Frame) -> String {
    if !std::io::stdout().is_terminal() {
        return frame.body.clone();
    }
    let colour = match frame.header("Log-Level") {
        Some("0" | "1" | "2" | "3") => 31,
        Some("4") => 35,
        Some("5" | "6") => 32,
        _ => 33,
    };
    format!("\x1b[{colour}m{}\x1b[0m\n", frame.body.trim_end())
}

async fn converse(args: &ConsoleArgs, mut client: Client) -> Result<(), ClientError> {
    if let Some(command) = &args.execute {
        show(&client.command(command, |_| {}).await?);
        return Ok(());
    }
    let name = client.command("switchname", |_| {}).await?;
    if let Some(level) = &args.loglevel {
        show(&client.request(&format!("log {level}\n\n"), show_aside).await?);
    }
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        match Prompt::open(&name) {
            Ok(prompt) => return edited(client, prompt).await,
            // Then without editing.
            Err(error) => show(&format!("the terminal does not allow editing: {error}")),
        }
    }
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                let Some(answer) = answer(&mut client, &line, show_aside).await? else { return Ok(()) };
                show(&answer);
            }
            frame = client.next() => {
                show_aside(&frame?);
            }
        }
    }
}

/// What is to be shown for a line; none: the conversation is over.
async fn answer(client: &mut Client, line: &str, aside: impl FnMut(&Frame)) -> Result<Option<String>, ClientError> {
    Ok(Some(match line.trim() {
        "" => String::new(),
        "/exit" | "/quit" | "/bye" | "..." => return Ok(None),
        "/help" => HELP.to_owned(),
        line => match line.strip_prefix('/') {
            Some(raw) => client.request(&format!("{raw}\n\n"), aside).await?,
            None => client.command(line, aside).await?,
        },
    }))
}

/// The conversation with somebody at a terminal.
async fn edited(mut client: Client, mut prompt: Prompt) -> Result<(), ClientError> {
    loop {
        tokio::select! {
            typed = prompt.next() => match typed {
                None => return Ok(()),
                Some(Typed::Line(line)) => {
                    let Some(answer) = answer(&mut client, &line, show_aside).await? else { return Ok(()) };
                    show(&answer);
                    prompt.ready();
                }
                Some(Typed::Begun { line, reply }) => {
                    let asked = format!("console_complete c={};{line}", line.len());
                    let answer = client.command(&asked, |frame| prompt.print(aside_text(frame))).await?;
                    let _ = reply.send(answer);
                }
            },
            frame = client.next() => prompt.print(aside_text(&frame?)),
        }
    }
}
