//! `switch`: runs the switch until Ctrl-C.
//!
//! The first Ctrl-C (or SIGTERM) refuses new calls and waits for the last one to end; the second stops at once. SIGHUP,
//! `switch reload` and, with `--watch`, a change of a file load the configuration anew. Exit status: 0 stopped on request;
//! 2 it could not start.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, dynamic_filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::folders::FolderArgs;
use super::service;
use crate::call::command::level_of;
use crate::edge::control::ControlSocket;
use crate::edge::event_socket::TAP;
use crate::edge::watch::Watch;
use crate::engine::sip::Transport;
use crate::program::server::{Clients, Reach, Server, ServerConfig, Summary};

/// Arguments of `switch` without a subcommand.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    folders: FolderArgs,
    /// Where SIP listens, UDP and TCP; repeatable; port 0 lets the system choose
    #[arg(long, value_name = "ADDR:PORT")]
    sip: Vec<SocketAddr>,
    /// RTP ports
    #[arg(long, value_name = "LOW-HIGH", default_value = "16384-32768", value_parser = ports)]
    rtp: (u16, u16),
    /// Where the event socket listens; port 0 lets the system choose [default: event_socket.conf, else 127.0.0.1:8021]
    #[arg(long, value_name = "ADDR:PORT")]
    event_socket: Option<SocketAddr>,
    /// Password of the event socket [default: event_socket.conf, else one that is kept in the data folder]
    #[arg(long, value_name = "TEXT")]
    event_socket_password: Option<String>,
    /// Where figures are shown over HTTP (/metrics, /health, /ready); port 0 lets the system choose [default: nowhere]
    #[arg(long, value_name = "ADDR:PORT")]
    http: Option<SocketAddr>,
    /// Databases, call records, recordings
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Keep what the last N calls did, for switch explain --uuid
    #[arg(long, value_name = "N", default_value_t = 0)]
    stories: usize,
    /// Load the configuration anew when one of its files changes
    #[arg(long)]
    watch: bool,
    /// Log level: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: String,
    /// Log format
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    log_format: String,
}

fn ports(text: &str) -> Result<(u16, u16), String> {
    let (low, high) = text.split_once('-').ok_or("write LOW-HIGH, 16384-32768 for example")?;
    let port = |text: &str| text.trim().parse::<u16>().map_err(|_| format!("{text} is no port"));
    let (low, high) = (port(low)?, port(high)?);
    if low == 0 || low >= high { Err(format!("{low}-{high} is no range")) } else { Ok((low, high)) }
}

/// Runs the command.
pub fn run(args: &RunArgs) -> ExitCode {
    let fail = |why: &dyn std::fmt::Display| {
        let _ = writeln!(std::io::stderr(), "switch: {why}");
        ExitCode::from(2)
    };
    let _guard = match log(&args.log, args.log_format == "json") {
        Ok(guard) => guard,
        Err(error) => return fail(&error),
    };
    raise_descriptor_limit();
    let config = ServerConfig {
        subject: args.folders.subject(Path::new(".")),
        sip: args.sip.clone(),
        clients: Clients::Programs { listen: args.event_socket, password: args.event_socket_password.clone() },
        http: args.http,
        rtp: args.rtp,
        data: args.data.clone(),
        stories: args.stories,
    };
    let server = match Server::start(&config) {
        Ok(server) => server,
        Err(error) => return fail(&error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    if let Err(error) = runtime.block_on(until_stopped(&server, &config, args.watch)) {
        return fail(&error);
    }
    server.stop();
    ExitCode::SUCCESS
}

/// Starts the log: its lines are written by a thread of their own.
pub(super) fn log(level: &str, json: bool) -> Result<tracing_appender::non_blocking::WorkerGuard, String> {
    let filter = EnvFilter::try_new(filter_of(level)).map_err(|error| format!("--log {level}: {error}"))?;
    let (filter, handle) = reload::Layer::new(filter);
    let number = level_of(if level.eq_ignore_ascii_case("error") { "err" } else { level }).unwrap_or(6);
    TAP.writes(number, move |level| handle.reload(EnvFilter::new(filter_of(level))).is_ok());
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = if json { lines.json().boxed() } else { lines.with_ansi(false).boxed() };
    // Clients of the event socket may follow the log at a level of their own.
    let followed = dynamic_filter_fn(|metadata, _| TAP.wants(metadata)).with_max_level_hint(LevelFilter::DEBUG);
    let layers = tracing_subscriber::registry().with(lines.with_filter(filter)).with((&TAP).with_filter(followed));
    layers.try_init().map_err(|error| error.to_string())?;
    Ok(guard)
}

/// Whoever asks for SIP messages sees them, whatever the level.
fn filter_of(level: &str) -> String {
    format!("siptrace=info,{level}")
}

/// As many descriptors as the system lets us have: two per media port.
pub(super) fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

fn welcome(server: &Server, config: &ServerConfig) {
    let Summary { contexts, extensions, users, scripts, prompts, mistakes } = server.summary();
    let mut out = std::io::stdout().lock();
    let _ = writeln!(
        out,
        "switch {}\n\nloaded     {contexts} contexts, {extensions} extensions, {users} users, {scripts} scripts, {prompts} prompts",
        env!("CARGO_PKG_VERSION")
    );
    if mistakes > 0 {
        let _ = writeln!(out, "           {mistakes} mistakes: see the log, or run switch check");
    }
    for (transport, address) in server.listening() {
        let _ = writeln!(out, "listening  {transport} {address}");
    }
    let _ = writeln!(out, "media      RTP ports {}-{}", config.rtp.0, config.rtp.1);
    if let Some((address, password)) = server.event_socket() {
        let _ = writeln!(out, "control    event socket {address}, {password}");
    }
    if let Some(address) = server.http() {
        let _ = writeln!(out, "metrics    http://{address}/metrics");
    }
    let _ = writeln!(out, "records    {}", config.data.join("cdr.jsonl").display());
    let udp = server.listening().into_iter().find(|(transport, _)| *transport == Transport::Udp);
    if let Some((_, address)) = udp {
        let host = if address.ip().is_unspecified() {
            let text = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
            format!("{text}:{}", address.port())
        } else {
            address.to_string()
        };
        let _ = writeln!(out, "\nFirst call, from another terminal:  switch call sip:9100@{host} --record heard.wav");
    }
    let _ = writeln!(out, "Ctrl-C waits for the last call and stops; twice stops at once.");
    let _ = out.flush();
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! { _ = one.recv() => {} _ = other.recv() => {} }
}

async fn until_stopped(server: &Arc<Server>, config: &ServerConfig, watch: bool) -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let changed = Arc::new(Notify::new());
    let _watch = if watch {
        Some(Watch::begin(&server.folders(), Arc::clone(&changed)).map_err(std::io::Error::other)?)
    } else {
        None
    };
    let control = serve_commands(server, &config.data).await;
    // Who reads this may call, or interrupt, at once.
    welcome(server, config);
    service::ready(server);
    let mut beats = std::pin::pin!(service::beat(server));
    loop {
        tokio::select! {
            () = &mut beats => {}
            () = either(&mut interrupt, &mut terminate) => break,
            _ = hangup.recv() => {
                server.rotate();
                reload(server).await;
            }
            () = changed.notified() => reload(server).await,
            at_once = server.asked_to_stop() => {
                if at_once {
                    return Ok(());
                }
                break;
            }
        }
    }
    tracing::info!("no new calls; waiting for the last one to end");
    service::stopping();
    tokio::select! {
        () = &mut beats => {}
        () = server.drain() => {}
        () = either(&mut interrupt, &mut terminate) => tracing::info!("stopping at once"),
    }
    if let Some(control) = control {
        control.abort();
        // It removes its file on its way out.
        let _ = control.await;
    }
    Ok(())
}

/// Opens the control socket; without it the switch runs as well.
async fn serve_commands(server: &Arc<Server>, data: &Path) -> Option<JoinHandle<()>> {
    match ControlSocket::open(data).await {
        Ok(socket) => {
            let server = Arc::clone(server);
            Some(tokio::spawn(socket.serve(Arc::new(move |line: &str| server.command(line)))))
        }
        Err(error) => {
            tracing::warn!(%error, "no control socket in {}: switch reload will not work", data.display());
            None
        }
    }
}

async fn reload(server: &Arc<Server>) {
    service::reloading();
    let loading = Arc::clone(server);
    let loaded = tokio::task::spawn_blocking(move || loading.reload(Reach::AllProfiles)).await;
    service::ready(server);
    match loaded {
        Ok(Ok((Summary { contexts, extensions, users, .. }, _))) => {
            tracing::info!(contexts, extensions, users, "configuration loaded anew");
        }
        Ok(Err(error)) => tracing::error!("the present configuration stays in force: {error}"),
        Err(error) => tracing::error!(%error, "the present configuration stays in force"),
    }
}

#[cfg(test)]
mod tests {
    use super::ports;

    #[test]
    fn port_ranges() {
        assert_eq!(ports("16384-32768"), Ok((16_384, 32_768)));
        for wrong in ["", "5", "5-", "0-9", "9-5", "1-70000", "a-b"] {
            assert!(ports(wrong).is_err(), "{wrong}");
        }
    }
}
