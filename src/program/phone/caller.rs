//! The calling phone: places one call after another and reports all that happened.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

use super::audio::{AudioPort, Heard, Stream};
use super::dialog::{Dialog, branch, fresh};
use super::digest::{self, Credentials};
use super::g711::Codec;
use super::line::{self, Receiver, Sender, Transport};
use super::message::{Message, Reason, uri_of};
use super::offer::Description;
use super::sound::Sound;

/// First retransmission (RFC 3261 T1), and the longest pause between two (T2).
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// How long a BYE or CANCEL may wait for its answer.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a call shall do.
#[derive(Debug, Clone)]
pub struct CallPlan {
    /// Request-URI and To: `sip:9196@127.0.0.1:5060`.
    pub to: String,
    /// User part of From.
    pub from: String,
    /// Display name of From.
    pub name: Option<String>,
    /// Where the INVITE is sent; none: the host and port of `to`.
    pub proxy: Option<SocketAddr>,
    /// How it travels.
    pub transport: Transport,
    /// For a challenge.
    pub credentials: Option<Credentials>,
    /// Offered codecs; empty: the INVITE has no SDP and the offer comes with the answer.
    pub codecs: Vec<Codec>,
    /// What is said once there is somewhere to say it.
    pub say: Sound,
    /// Digits sent after the answer.
    pub digits: String,
    /// How long after the answer the digits begin.
    pub digits_after: Duration,
    /// BYE this long after the answer; none: the other side hangs up.
    pub hang_up_after: Option<Duration>,
    /// CANCEL this long after the INVITE, if there is no final response by then.
    pub cancel_after: Option<Duration>,
    /// The call is given up after this long, whatever its state.
    pub deadline: Duration,
    /// Further headers of the INVITE.
    pub headers: Vec<(String, String)>,
    /// Told each response as it comes, for people who watch; a full queue is passed over.
    pub watch: Option<mpsc::Sender<Response>>,
    /// Ends the call politely, as its deadline would.
    pub stop: Option<Arc<Notify>>,
}

impl CallPlan {
    /// A call with the usual values: PCMU and PCMA offered, packets of silence said, one minute at most.
    pub fn to(uri: &str) -> Self {
        let tcp = uri.to_ascii_lowercase().contains(";transport=tcp");
        Self {
            to: uri.to_owned(),
            from: "phone".to_owned(),
            name: None,
            proxy: None,
            transport: if tcp { Transport::Tcp } else { Transport::Udp },
            credentials: None,
            codecs: vec![Codec::Pcmu, Codec::Pcma],
            say: Sound::Silence,
            digits: String::new(),
            digits_after: Duration::from_millis(500),
            hang_up_after: None,
            cancel_after: None,
            deadline: Duration::from_mins(1),
            headers: Vec::new(),
            watch: None,
            stop: None,
        }
    }
}

/// Why a call could not be made at all.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// The address is no `sip:` URI.
    #[error("{0:?} is no sip: address")]
    Address(String),
    /// The host name has no address.
    #[error("cannot find the host {host:?}: {source}")]
    Host {
        /// The host.
        host: String,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// A socket failed.
    #[error("network: {0}")]
    Network(#[from] io::Error),
}

/// One response, when it came.
#[derive(Debug, Clone)]
pub struct Response {
    /// Since the INVITE was first sent.
    pub at: Duration,
    /// The status.
    pub status: u16,
    /// The phrase on the wire.
    pub phrase: String,
    /// Reason header.
    pub reason: Option<Reason>,
    /// Whether it carried SDP.
    pub sdp: bool,
    /// The whole message.
    pub message: Message,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnd {
    /// A final response other than 2xx.
    Refused,
    /// Answered, and the other side said BYE.
    HungUpThere,
    /// Answered, and we said BYE.
    HungUpHere,
    /// We said CANCEL and the call ended with 487.
    Cancelled,
    /// Nothing ever came back, or the connection broke.
    NoResponse,
    /// The deadline of the plan passed.
    Deadline,
}

/// All that happened in one call.
#[derive(Debug, Clone)]
pub struct CallReport {
    /// Every response to the INVITE, challenges included, in order.
    pub responses: Vec<Response>,
    /// How it ended.
    pub end: CallEnd,
    /// The final response's status.
    pub status: Option<u16>,
    /// Reason header of the final refusal or of the BYE we received.
    pub reason: Option<Reason>,
    /// When the answer came.
    pub answered: Option<Duration>,
    /// How long the whole call took.
    pub duration: Duration,
    /// From the INVITE to the first audio packet.
    pub first_audio: Option<Duration>,
    /// What was heard.
    pub heard: Heard,
    /// Call-ID of the call.
    pub call_id: String,
    /// Requests received within the call (BYE, re-INVITE …), in order.
    pub requests: Vec<Message>,
}

impl CallReport {
    /// Statuses in order.
    pub fn statuses(&self) -> Vec<u16> {
        self.responses.iter().map(|response| response.status).collect()
    }

    /// Text of the cause that ended the call: of a Reason header, else the final phrase.
    pub fn cause(&self) -> String {
        match (&self.reason, self.responses.last()) {
            (Some(reason), _) => reason.to_string(),
            (None, Some(last)) if last.status >= 300 => format!("{} {}", last.status, last.phrase),
            _ => match self.end {
                CallEnd::HungUpThere => "BYE without Reason".to_owned(),
                CallEnd::HungUpHere => "BYE from here".to_owned(),
                CallEnd::Cancelled => "CANCEL".to_owned(),
                CallEnd::NoResponse => "no response".to_owned(),
                CallEnd::Deadline | CallEnd::Refused => "deadline".to_owned(),
            },
        }
    }
}

/// A phone at an address of this machine. Every call opens its own ports, chosen by the kernel.
#[derive(Debug, Clone, Copy)]
pub struct Phone {
    ip: IpAddr,
}

impl Phone {
    /// A phone that sends from this address.
    pub fn bind(ip: IpAddr) -> Self {
        Self { ip }
    }

    /// Places a call and follows it to its end.
    pub async fn call(&self, plan: CallPlan) -> Result<CallReport, PhoneError> {
        let remote = match plan.proxy {
            Some(proxy) => proxy,
            None => resolve(&plan.to, self.ip).await?,
        };
        let (line, inbox) = line::open(plan.transport, SocketAddr::new(self.ip, 0), remote).await?;
        let audio = AudioPort::open(line.local().ip()).await?;
        audio.say(plan.say.clone()).await;
        Call::new(plan, line, audio).run(inbox).await
    }
}

/// The socket address of a SIP URI's host; of several, one of the family of `near`.
pub async fn resolve(uri: &str, near: IpAddr) -> Result<SocketAddr, PhoneError> {
    let wrong = || PhoneError::Address(uri.to_owned());
    let rest = uri_of(uri).strip_prefix("sip:").ok_or_else(wrong)?;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split([';', '?']).next().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    if let Ok(address) = host.parse::<SocketAddr>() {
        return Ok(address);
    }
    if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, 5060));
    }
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "5060"));
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let failed = |source| PhoneError::Host { host: name.to_owned(), source };
    let found: Vec<SocketAddr> = tokio::net::lookup_host((name, port)).await.map_err(failed)?.collect();
    let fits = |address: &&SocketAddr| address.is_ipv4() == near.is_ipv4();
    let first = found.iter().find(fits).or(found.first()).copied();
    first.ok_or_else(|| failed(io::Error::from(io::ErrorKind::NotFound)))
}

/// Where the call stands.
enum State {
    /// INVITE sent, nothing final yet.
    Inviting,
    /// Answered.
    Talking(Dialog),
    /// BYE sent.
    Leaving,
    /// Over.
    Over,
}

/// A request that is repeated until something answers it.
struct Repeat {
    message: Message,
    next: Instant,
    pause: Duration,
}

struct Call {
    plan: CallPlan,
    line: Sender,
    audio: AudioPort,
    state: State,
    invite: Message,
    repeat: Option<Repeat>,
    started: Instant,
    cancel_at: Option<Instant>,
    hang_up_at: Option<Instant>,
    digits_at: Option<Instant>,
    goodbye_at: Option<Instant>,
    provisional: bool,
    cancelled: bool,
    authorised: bool,
    leaving: bool,
    late: bool,
    report: CallReport,
}

/// Waits for a wish to stop; for ever when nobody can have one.
async fn stopped(stop: Option<&Notify>) {
    match stop {
        Some(stop) => stop.notified().await,
        None => std::future::pending().await,
    }
}

impl Call {
    fn new(plan: CallPlan, line: Sender, audio: AudioPort) -> Self {
        let started = Instant::now();
        let call_id = format!("{}@{}", fresh(), line.local().ip());
        let report = CallReport {
            responses: Vec::new(),
            end: CallEnd::NoResponse,
            status: None,
            reason: None,
            answered: None,
            duration: Duration::ZERO,
            first_audio: None,
            heard: Heard::default(),
            call_id: call_id.clone(),
            requests: Vec::new(),
        };
        let mut call = Self {
            cancel_at: plan.cancel_after.map(|after| started + after),
            invite: Message::default(),
            plan,
            line,
            audio,
            state: State::Inviting,
            repeat: None,
            started,
            hang_up_at: None,
            digits_at: None,
            goodbye_at: None,
            provisional: false,
            cancelled: false,
            authorised: false,
            leaving: false,
            late: false,
            report,
        };
        call.invite = call.first_invite(&call_id);
        call
    }

    fn first_invite(&self, call_id: &str) -> Message {
        let (plan, local) = (&self.plan, self.line.local());
        let display = plan.name.as_ref().map(|name| format!("\"{name}\" ")).unwrap_or_default();
        let mut invite = Message::request("INVITE", uri_of(&plan.to));
        invite.add("Via", &self.line.via(&branch()));
        invite.add("Max-Forwards", "70");
        invite.add("From", &format!("{display}<sip:{}@{local}>;tag={}", plan.from, fresh()));
        invite.add("To", &format!("<{}>", uri_of(&plan.to)));
        invite.add("Call-ID", call_id);
        invite.add("CSeq", "1 INVITE");
        invite.add("Contact", &self.line.contact(&plan.from));
        invite.add("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE");
        invite.add("User-Agent", "switch-phone");
        for (name, value) in &plan.headers {
            invite.add(name, value);
        }
        if !plan.codecs.is_empty() {
            invite.set_body("application/sdp", Description::offer(self.audio.local(), &plan.codecs).to_text(1));
        }
        invite
    }

    async fn run(mut self, mut inbox: Receiver) -> Result<CallReport, PhoneError> {
        let mut deadline = self.started + self.plan.deadline;
        let stop = self.plan.stop.clone();
        self.send_repeated(self.invite.clone()).await?;
        while !matches!(self.state, State::Over) {
            let wake = self.next_wake(deadline);
            tokio::select! {
                received = inbox.receive() => match received {
                    Ok((message, _)) => self.on_message(message).await?,
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                    Err(error) => return Err(error.into()),
                },
                () = stopped(stop.as_deref()), if !self.leaving => {
                    self.leave().await?;
                    deadline = deadline.min(Instant::now() + GOODBYE);
                }
                () = sleep_until(wake) => {
                    if Instant::now() < deadline {
                        self.on_timer().await?;
                    } else if self.leaving {
                        break;
                    } else {
                        self.report.end = CallEnd::Deadline;
                        self.late = true;
                        self.leave().await?;
                        deadline += GOODBYE;
                    }
                }
            }
        }
        if self.late {
            self.report.end = CallEnd::Deadline;
        }
        self.report.duration = self.started.elapsed();
        self.report.heard = self.audio.heard().await;
        self.report.first_audio = self.report.heard.first.map(|first| first - self.started);
        Ok(self.report)
    }

    fn next_wake(&self, deadline: Instant) -> Instant {
        let repeat = self.repeat.as_ref().map(|repeat| repeat.next);
        let timers = [repeat, self.cancel_at, self.hang_up_at, self.digits_at, self.goodbye_at];
        timers.into_iter().flatten().min().unwrap_or(deadline).min(deadline)
    }

    async fn on_timer(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let due = |at: &mut Option<Instant>| at.take_if(|at| *at <= now).is_some();
        if let Some(repeat) = self.repeat.as_mut().filter(|repeat| repeat.next <= now) {
            repeat.pause = (repeat.pause * 2).min(T2);
            repeat.next = now + repeat.pause;
            self.line.send(&repeat.message).await?;
        }
        if self.provisional && due(&mut self.cancel_at) {
            self.cancel().await?;
        } else if !self.provisional && self.cancel_at.is_some_and(|at| at <= now) {
            // A CANCEL waits for a first provisional response (RFC 3261 9.1); look again soon.
            self.cancel_at = Some(now + Duration::from_millis(10));
        }
        if due(&mut self.digits_at) {
            self.audio.digits(&self.plan.digits).await;
        }
        if due(&mut self.hang_up_at) {
            self.hang_up().await?;
        }
        if due(&mut self.goodbye_at) {
            self.state = State::Over;
        }
        Ok(())
    }

    /// Leaves politely: CANCEL or BYE, and a moment for the answer; at once when nothing ever came back.
    async fn leave(&mut self) -> io::Result<()> {
        self.leaving = true;
        match &self.state {
            State::Inviting if self.provisional => self.cancel().await,
            State::Inviting => {
                self.state = State::Over;
                Ok(())
            }
            State::Talking(_) => self.hang_up().await,
            State::Leaving | State::Over => Ok(()),
        }
    }

    async fn cancel(&mut self) -> io::Result<()> {
        if !matches!(self.state, State::Inviting) || self.cancelled {
            return Ok(());
        }
        self.cancelled = true;
        self.goodbye_at = Some(Instant::now() + GOODBYE);
        let mut cancel = Message::request("CANCEL", self.invite.request_uri().unwrap_or_default());
        for name in ["Via", "Max-Forwards", "From", "To", "Call-ID"] {
            cancel.add(name, self.invite.header(name).unwrap_or_default());
        }
        let number = self.invite.cseq().map_or(1, |(number, _)| number);
        cancel.add("CSeq", &format!("{number} CANCEL"));
        cancel.add("Reason", "SIP;cause=487;text=\"ORIGINATOR_CANCEL\"");
        self.send_repeated(cancel).await
    }

    async fn hang_up(&mut self) -> io::Result<()> {
        let State::Talking(dialog) = &mut self.state else { return Ok(()) };
        let bye = dialog.request("BYE", &self.line);
        self.report.end = CallEnd::HungUpHere;
        self.goodbye_at = Some(Instant::now() + GOODBYE);
        self.state = State::Leaving;
        self.send_repeated(bye).await
    }

    async fn send_repeated(&mut self, message: Message) -> io::Result<()> {
        self.line.send(&message).await?;
        let repeated = self.line.transport() == Transport::Udp;
        self.repeat = repeated.then(|| Repeat { message, next: Instant::now() + T1, pause: T1 });
        Ok(())
    }

    async fn on_message(&mut self, message: Message) -> io::Result<()> {
        if message.header("Call-ID") != Some(self.report.call_id.as_str()) {
            return Ok(());
        }
        match (message.status(), message.cseq().map(|(_, method)| method.to_owned())) {
            (Some(status), Some(method)) if method == "INVITE" => self.on_invite_response(status, message).await,
            (Some(status), Some(method)) => {
                self.on_other_response(status, &method);
                Ok(())
            }
            _ => self.on_request(message).await,
        }
    }

    fn on_other_response(&mut self, status: u16, method: &str) {
        if status < 200 {
            return;
        }
        self.repeat.take_if(|repeat| repeat.message.method() == Some(method));
        if matches!(self.state, State::Leaving) && method == "BYE" {
            self.state = State::Over;
        }
    }

    async fn on_invite_response(&mut self, status: u16, message: Message) -> io::Result<()> {
        let stale = message.cseq().map(|(number, _)| number) != self.invite.cseq().map(|(number, _)| number);
        if status >= 300 {
            self.acknowledge_refusal(&message).await?;
        }
        if stale {
            return Ok(());
        }
        if self.repeat.as_ref().is_some_and(|repeat| repeat.message.method() == Some("INVITE")) {
            self.repeat = None;
        }
        self.provisional = true;
        let repeated = |last: &Response| last.status == status && last.message.cseq() == message.cseq();
        let known = status >= 200 && self.report.responses.last().is_some_and(repeated);
        if !known {
            let response = Response {
                at: self.started.elapsed(),
                status,
                phrase: message.phrase().to_owned(),
                reason: Reason::of(&message),
                sdp: message.has_sdp(),
                message: message.clone(),
            };
            if let Some(watch) = &self.plan.watch {
                let _ = watch.try_send(response.clone());
            }
            self.report.responses.push(response);
        }
        match status {
            ..200 => {
                self.listen(&message).await;
                Ok(())
            }
            200..300 => self.on_answer(message, known).await,
            401 | 407 if self.authorise(&message).await? => Ok(()),
            _ => {
                self.report.status = Some(status);
                self.report.reason = Reason::of(&message);
                let cancelled = self.cancelled && status == 487;
                self.report.end = if cancelled { CallEnd::Cancelled } else { CallEnd::Refused };
                self.state = State::Over;
                Ok(())
            }
        }
    }

    async fn on_answer(&mut self, message: Message, known: bool) -> io::Result<()> {
        let dialog = Dialog::of_caller(&self.invite, &message);
        let number = self.invite.cseq().map_or(1, |(number, _)| number);
        let mut ack = dialog.ack(number, &self.line);
        if self.plan.codecs.is_empty()
            && let Some(answer) = Description::parse(&message.body)
                .and_then(|offer| offer.answer(self.audio.local(), &[Codec::Pcmu, Codec::Pcma]))
        {
            ack.set_body("application/sdp", answer.to_text(1));
        }
        self.line.send(&ack).await?;
        if known {
            return Ok(());
        }
        self.listen(&message).await;
        let now = Instant::now();
        self.report.status = message.status();
        self.report.answered = Some(self.started.elapsed());
        self.cancel_at = None;
        self.goodbye_at = None;
        self.repeat = None;
        self.hang_up_at = self.plan.hang_up_after.map(|after| now + after);
        self.digits_at = (!self.plan.digits.is_empty()).then(|| now + self.plan.digits_after);
        self.state = State::Talking(dialog);
        if self.cancelled {
            // The answer crossed our CANCEL: take it and leave at once.
            self.hang_up().await?;
        }
        Ok(())
    }

    /// Takes the stream from a response's SDP.
    async fn listen(&mut self, message: &Message) {
        if let Some(remote) =
            Some(message).filter(|message| message.has_sdp()).and_then(|m| Description::parse(&m.body))
        {
            self.follow(&remote).await;
        }
    }

    async fn follow(&self, remote: &Description) {
        if let Some(codec) = remote.codecs.first() {
            let send = matches!(remote.direction.as_str(), "sendrecv" | "recvonly");
            self.audio.stream(Stream { remote: remote.address, codec: *codec, events: remote.events, send }).await;
        }
    }

    /// The ACK of a refusal belongs to the INVITE's transaction (RFC 3261 17.1.1.3).
    async fn acknowledge_refusal(&self, response: &Message) -> io::Result<()> {
        let mut ack = Message::request("ACK", self.invite.request_uri().unwrap_or_default());
        ack.add("Via", response.header("Via").unwrap_or_default());
        ack.add("Max-Forwards", "70");
        ack.add("From", self.invite.header("From").unwrap_or_default());
        ack.add("To", response.header("To").unwrap_or_default());
        ack.add("Call-ID", &self.report.call_id);
        let number = response.cseq().map_or(1, |(number, _)| number);
        ack.add("CSeq", &format!("{number} ACK"));
        self.line.send(&ack).await
    }

    /// Sends the INVITE again with credentials; false when there are none, or they were refused.
    async fn authorise(&mut self, challenge: &Message) -> io::Result<bool> {
        let (asked, answered) = match challenge.status() {
            Some(407) => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => ("WWW-Authenticate", "Authorization"),
        };
        let Some(credentials) = self.plan.credentials.as_ref().filter(|_| !self.authorised) else { return Ok(false) };
        let uri = self.invite.request_uri().unwrap_or_default().to_owned();
        let answer = |challenge| digest::answer(challenge, credentials, "INVITE", &uri, &fresh());
        let Some(value) = challenge.all(asked).find_map(answer) else { return Ok(false) };
        self.authorised = true;
        for (name, value) in &mut self.invite.headers {
            match name.as_str() {
                "Via" => *value = self.line.via(&branch()),
                "CSeq" => "2 INVITE".clone_into(value),
                _ => {}
            }
        }
        self.invite.add(answered, &value);
        self.provisional = false;
        self.send_repeated(self.invite.clone()).await?;
        Ok(true)
    }

    async fn on_request(&mut self, request: Message) -> io::Result<()> {
        let method = request.method().unwrap_or_default().to_owned();
        if method == "ACK" {
            return Ok(());
        }
        let mut response = Message::response(&request, 200, "OK", "");
        match method.as_str() {
            "BYE" => {
                self.report.end = CallEnd::HungUpThere;
                self.report.reason = Reason::of(&request);
                self.state = State::Over;
            }
            "INVITE" | "UPDATE" => {
                response.add("Contact", &self.line.contact(&self.plan.from));
                if let Some(offer) = Description::parse(&request.body) {
                    self.follow(&offer).await;
                    if let Some(answer) = offer.answer(self.audio.local(), &[Codec::Pcmu, Codec::Pcma]) {
                        response.set_body("application/sdp", answer.to_text(2));
                    }
                } else if method == "INVITE" {
                    let offer = Description::offer(self.audio.local(), &[Codec::Pcmu, Codec::Pcma]);
                    response.set_body("application/sdp", offer.to_text(2));
                }
            }
            "OPTIONS" | "INFO" | "NOTIFY" | "MESSAGE" => {}
            _ => "SIP/2.0 405 Method Not Allowed".clone_into(&mut response.start),
        }
        self.line.send(&response).await?;
        self.report.requests.push(request);
        Ok(())
    }
}
