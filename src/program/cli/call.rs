//! `switch call sip:…`: a small scripted phone. Places one call, prints the responses as they come, then what was heard
//! and why the call ended.
//!
//! Exit status: 0 the call was answered, or ended with the status that `--expect` names; 1 it was not; 2 it could not be
//! made at all.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use crate::program::phone::{
    CallEnd, CallPlan, CallReport, Codec, Credentials, Phone, PhoneError, Prompts, Response, Sound, SoundError,
    Transport, resolve, write_wav,
};

/// Arguments of `switch call`.
#[derive(Debug, clap::Args)]
pub struct CallArgs {
    /// Who is called: sip:9196@127.0.0.1:5060
    uri: String,
    /// Our number
    #[arg(long, value_name = "NUMBER", default_value = "phone")]
    from: String,
    /// Our display name
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// User name for a challenge
    #[arg(long, value_name = "USER", requires = "password")]
    user: Option<String>,
    /// Password for a challenge
    #[arg(long, value_name = "TEXT", requires = "user")]
    password: Option<String>,
    /// Use TCP (also chosen by ;transport=tcp in the address)
    #[arg(long)]
    tcp: bool,
    /// Send the call here instead of to the host in the address
    #[arg(long, value_name = "ADDR:PORT")]
    proxy: Option<SocketAddr>,
    /// Call from this address of this machine; by default the one that leads to the other side
    #[arg(long, value_name = "ADDR")]
    bind: Option<IpAddr>,
    /// Codecs to offer, most wanted first; "none" sends no SDP
    #[arg(long, value_name = "LIST", default_value = "PCMU,PCMA")]
    codecs: String,
    /// Digits to send after the answer (RFC 4733)
    #[arg(long, value_name = "DIGITS")]
    dtmf: Option<String>,
    /// Milliseconds between the answer and the first digit
    #[arg(long, value_name = "MS", default_value_t = 500)]
    dtmf_after: u64,
    /// Say this WAV file (16-bit PCM, 8 or 16 kHz)
    #[arg(long, value_name = "FILE", conflicts_with = "tone")]
    play: Option<PathBuf>,
    /// Say a tone of this frequency
    #[arg(long, value_name = "HZ")]
    tone: Option<f64>,
    /// Write what was heard to this WAV file
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Hang up this many seconds after the answer; 0: wait for the other side
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    duration: f64,
    /// Cancel this many milliseconds after the call was sent, if it is still ringing
    #[arg(long, value_name = "MS")]
    cancel_after: Option<u64>,
    /// Give up after this many seconds, whatever happens
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0)]
    timeout: f64,
    /// A further header of the INVITE (may be repeated)
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Name the prompt that was heard, if it is one of this sounds folder
    #[arg(long, value_name = "DIR", default_value = "sounds")]
    sounds: PathBuf,
    /// Exit 0 when the call ends with this final status, 1 otherwise
    #[arg(long, value_name = "CODE")]
    expect: Option<u16>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is written NAME: VALUE")?;
    let printable = |text: &str| !text.contains(|letter: char| letter.is_control());
    if name.trim().is_empty() || name.contains(char::is_whitespace) || !printable(text) {
        return Err("a header is written NAME: VALUE".to_owned());
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

/// Why a call cannot be made.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error(transparent)]
    Phone(#[from] PhoneError),
    #[error(transparent)]
    Sound(#[from] SoundError),
    #[error("{0:?} is no codec of this phone: PCMU, PCMA, or none")]
    Codec(String),
    #[error("{0} is no number of seconds")]
    Seconds(f64),
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

/// Runs the command.
pub fn run(args: &CallArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(CallError::from).and_then(|runtime| runtime.block_on(call(args)));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "switch call: {error}");
            ExitCode::from(2)
        }
    }
}

fn say(line: &str) {
    // Nobody reading any more is no reason to end the call.
    let _ = writeln!(std::io::stdout(), "{line}");
}

async fn call(args: &CallArgs) -> Result<bool, CallError> {
    let mut plan = plan(args)?;
    let any = IpAddr::from([0, 0, 0, 0]);
    let remote = match args.proxy {
        Some(proxy) => proxy,
        None => resolve(&args.uri, args.bind.unwrap_or(any)).await?,
    };
    plan.proxy = Some(remote);
    let ip = match args.bind {
        Some(ip) => ip,
        None => address_towards(remote)?,
    };
    let (watch, mut seen) = mpsc::channel(64);
    let stop = Arc::new(Notify::new());
    plan.watch = Some(watch);
    plan.stop = Some(Arc::clone(&stop));
    say(&format!("calling {} at {remote} over {}", plan.to, plan.transport.name()));
    let interrupted = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.notify_one();
        }
    });
    let printed = tokio::spawn(async move {
        while let Some(response) = seen.recv().await {
            say(&response_line(&response));
        }
    });
    let report = Phone::bind(ip).call(plan).await?;
    interrupted.abort();
    let _ = printed.await;
    if let Some(path) = &args.record {
        write_wav(path, &report.heard.samples)?;
    }
    say(summary(&report, &Prompts::load(&args.sounds), args.record.as_deref()).trim_end());
    Ok(match args.expect {
        Some(code) => report.status == Some(code),
        None => report.answered.is_some(),
    })
}

fn plan(args: &CallArgs) -> Result<CallPlan, CallError> {
    let mut plan = CallPlan::to(&args.uri);
    plan.from.clone_from(&args.from);
    plan.name.clone_from(&args.name);
    if args.tcp {
        plan.transport = Transport::Tcp;
    }
    let credentials = args.user.clone().zip(args.password.clone());
    plan.credentials = credentials.map(|(user, password)| Credentials { user, password });
    plan.codecs = match args.codecs.as_str() {
        "none" => Vec::new(),
        list => list
            .split(',')
            .map(|name| Codec::from_name(name.trim()).ok_or_else(|| CallError::Codec(name.to_owned())))
            .collect::<Result<_, _>>()?,
    };
    plan.say = match (&args.play, args.tone) {
        (Some(path), _) => Sound::file(path)?,
        (None, Some(hz)) => Sound::tone(hz),
        (None, None) => Sound::Silence,
    };
    plan.digits = args.dtmf.clone().unwrap_or_default();
    plan.digits_after = Duration::from_millis(args.dtmf_after);
    plan.hang_up_after = Some(seconds(args.duration)?).filter(|time| !time.is_zero());
    plan.cancel_after = args.cancel_after.map(Duration::from_millis);
    plan.deadline = seconds(args.timeout)?;
    plan.headers.clone_from(&args.headers);
    Ok(plan)
}

fn seconds(number: f64) -> Result<Duration, CallError> {
    // A day is more than any call; it keeps the sum with the present within the clock's range.
    Duration::try_from_secs_f64(number.min(86_400.0)).map_err(|_| CallError::Seconds(number))
}

/// The address of this machine that packets to `remote` leave from.
pub(super) fn address_towards(remote: SocketAddr) -> std::io::Result<IpAddr> {
    let any: IpAddr = if remote.is_ipv4() { [0, 0, 0, 0].into() } else { [0; 16].into() };
    let socket = std::net::UdpSocket::bind((any, 0))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}

pub(super) fn response_line(response: &Response) -> String {
    let mut line = format!("{:>8.3} s  {} {}", response.at.as_secs_f64(), response.status, response.phrase);
    if response.sdp {
        line.push_str(" with audio");
    }
    if let Some(reason) = &response.reason {
        let _ = write!(line, "  Reason: {reason}");
    }
    line
}

fn summary(report: &CallReport, prompts: &Prompts, record: Option<&Path>) -> String {
    let heard = &report.heard;
    let mut out = String::new();
    let end = match report.end {
        CallEnd::Refused => "refused",
        CallEnd::HungUpThere => "the other side hung up",
        CallEnd::HungUpHere => "we hung up",
        CallEnd::Cancelled => "cancelled",
        CallEnd::NoResponse => "nobody there, or the connection broke",
        CallEnd::Deadline => "time over",
    };
    let _ = writeln!(out, "{:>8.3} s  {end}", report.duration.as_secs_f64());
    let _ = writeln!(out);
    let status = report.responses.last().map_or("none".to_owned(), |last| format!("{} {}", last.status, last.phrase));
    let _ = writeln!(out, "final status  {status}");
    let _ = writeln!(out, "cause         {}", report.cause());
    let codec = heard.codec.map_or(String::new(), |codec| format!(" {}", codec.name()));
    let _ = writeln!(
        out,
        "audio heard   {:.2} s, {:.2} s of it loud ({} packets{codec}, {} lost)",
        heard.seconds(),
        heard.loud_seconds(),
        heard.packets,
        heard.lost
    );
    if let Some(first) = report.first_audio {
        let _ = writeln!(out, "first audio   after {:.0} ms", first.as_secs_f64() * 1000.0);
    }
    if let Some((name, found)) = prompts.identify(&heard.samples) {
        let whole = if found.covered > 0.98 { "whole" } else { "in part" };
        let _ = writeln!(out, "prompt heard  {name}, {whole}");
    }
    if !heard.digits.is_empty() {
        let _ = writeln!(out, "digits heard  {}", heard.digits);
    }
    if let Some(path) = record {
        let _ = writeln!(out, "saved         {}", path.display());
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use clap::Parser;

    use super::*;
    use crate::program::phone::{FarEnd, FarScript};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        call: CallArgs,
    }

    fn args(words: &[&str]) -> CallArgs {
        Line::try_parse_from([&["call"], words].concat()).unwrap().call
    }

    #[test]
    fn arguments_become_a_plan() {
        let args = args(&[
            "sip:1@h;transport=tcp",
            "--codecs=pcma",
            "--dtmf=12#",
            "--duration=0",
            "--header=X-Test: yes: no",
            "--user=u",
            "--password=p",
        ]);
        let plan = plan(&args).unwrap();
        assert_eq!((plan.transport, plan.codecs, plan.hang_up_after), (Transport::Tcp, vec![Codec::Pcma], None));
        assert_eq!(plan.headers, [("X-Test".to_owned(), "yes: no".to_owned())]);
        assert_eq!(plan.credentials.unwrap().user, "u");
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for words in
            [&["sip:1@h", "--header=none"][..], &["sip:1@h", "--header=A: \r\nB: x"], &["sip:1@h", "--user=u"], &[]]
        {
            assert!(Line::try_parse_from([&["call"], words].concat()).is_err(), "{words:?}");
        }
        assert!(matches!(plan(&args(&["sip:1@h", "--codecs=G729"])), Err(CallError::Codec(_))));
        assert!(matches!(plan(&args(&["sip:1@h", "--duration=-1"])), Err(CallError::Seconds(_))));
        assert!(matches!(plan(&args(&["sip:1@h", "--play=/none.wav"])), Err(CallError::Sound(_))));
    }

    #[tokio::test]
    async fn a_call_is_made_and_recorded() {
        let sounds = concat!(env!("CARGO_MANIFEST_DIR"), "/sounds");
        let prompt = Sound::file(&Path::new(sounds).join("ivr/8000/ivr-sorry.wav")).unwrap();
        let script = FarScript::answer_then_bye(Duration::ZERO, prompt, Duration::from_millis(1200));
        let far = FarEnd::bind([127, 0, 0, 1].into(), HashMap::from([("1".to_owned(), script)])).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("heard.wav");
        let uri = format!("sip:1@{}", far.local());
        let record_arg = format!("--record={}", record.display());
        assert!(call(&args(&[&uri, &record_arg, "--sounds", sounds])).await.unwrap());
        let heard = crate::program::phone::read_wav(&record).unwrap();
        assert_eq!(Prompts::load(Path::new(sounds)).identify(&heard).map(|(name, _)| name), Some("ivr/ivr-sorry.wav"));
        assert!(!call(&args(&[&uri, "--expect=486", "--duration=0.1"])).await.unwrap());
        assert!(call(&args(&[&format!("sip:2@{}", far.local()), "--expect=404"])).await.unwrap());
        assert!(call(&args(&["tel:1"])).await.is_err());
    }
}
