//! The scripted far end: answers, refuses, rings, keeps silent, hangs up, as told for each called user.
//!
//! It listens on UDP and TCP at one address and follows any number of calls at a time; every call runs the script of its
//! Request-URI's user part and ends in a [`FarReport`].

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::audio::{AudioPort, Heard, Stream};
use super::dialog::{Dialog, fresh};
use super::far_script::{FarResponse, FarScript, FarStep};
use super::g711::Codec;
use super::line::{self, Receiver, Sender, Transport};
use super::message::{Message, Reason, user_of};
use super::offer::Description;

/// First retransmission of a final response and of BYE; the longest pause between two.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
/// How long a call may last when its script never ends it.
const LONGEST: Duration = Duration::from_mins(5);
/// How long an ACK or the answer to a BYE is waited for.
const PATIENCE: Duration = Duration::from_secs(8);
/// Calls and messages that may wait.
const QUEUE: usize = 1024;

/// How a call ended at the far end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FarEndOf {
    /// We refused it.
    Refused,
    /// The caller cancelled.
    Cancelled,
    /// The caller hung up.
    HungUpThere,
    /// Our script hung up.
    HungUpHere,
    /// Nobody ended it in time, or an ACK never came.
    Lost,
}

/// All that happened in one call at the far end.
#[derive(Debug, Clone)]
pub struct FarReport {
    /// The called user.
    pub user: String,
    /// The INVITE.
    pub invite: Message,
    /// How the call ended.
    pub end: FarEndOf,
    /// Responses sent to the INVITE, with the time since it came; retransmissions apart.
    pub sent: Vec<(Duration, u16)>,
    /// Later requests received: ACK, CANCEL, BYE, re-INVITE …
    pub requests: Vec<(Duration, Message)>,
    /// Reason header of the CANCEL or BYE received.
    pub reason: Option<Reason>,
    /// INVITE retransmissions seen.
    pub repeats: u32,
    /// From the INVITE to the end.
    pub duration: Duration,
    /// What was heard.
    pub heard: Heard,
}

impl FarReport {
    /// Whether a request of this method came.
    pub fn got(&self, method: &str) -> bool {
        self.requests.iter().any(|(_, request)| request.method() == Some(method))
    }
}

/// The far end. Dropping it closes its sockets and ends its calls.
#[derive(Debug)]
pub struct FarEnd {
    local: SocketAddr,
    reports: mpsc::Receiver<FarReport>,
    task: JoinHandle<()>,
}

impl FarEnd {
    /// Listens on a port chosen by the kernel. Users without a script are refused with 404.
    pub async fn bind(ip: IpAddr, scripts: HashMap<String, FarScript>) -> io::Result<Self> {
        Self::bind_at(SocketAddr::new(ip, 0), scripts, FarScript::refuse(404)).await
    }

    /// Listens at an address (port 0: chosen by the kernel); `other` is for users without a script.
    pub async fn bind_at(at: SocketAddr, scripts: HashMap<String, FarScript>, other: FarScript) -> io::Result<Self> {
        let (udp, tcp) = listen(at).await?;
        let local = udp.local_addr()?;
        let (report, reports) = mpsc::channel(QUEUE);
        let exchange = Exchange { scripts: Arc::new(scripts), other, report, calls: HashMap::new(), ip: local.ip() };
        let task = tokio::spawn(exchange.run(Arc::new(udp), tcp));
        Ok(Self { local, reports, task })
    }

    /// Where it listens.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The next call that ended, waiting at most this long.
    pub async fn report(&mut self, within: Duration) -> Option<FarReport> {
        timeout(within, self.reports.recv()).await.ok().flatten()
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A UDP and a TCP socket on the same port.
async fn listen(at: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut failure = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..16 {
        let udp = UdpSocket::bind(at).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Hands messages to their calls.
struct Exchange {
    scripts: Arc<HashMap<String, FarScript>>,
    other: FarScript,
    report: mpsc::Sender<FarReport>,
    calls: HashMap<String, mpsc::Sender<Message>>,
    ip: IpAddr,
}

impl Exchange {
    async fn run(mut self, udp: Arc<UdpSocket>, tcp: TcpListener) {
        let (hand, mut incoming) = mpsc::channel::<(Message, Sender)>(QUEUE);
        // Calls and connections end with this set.
        let mut tasks = tokio::task::JoinSet::new();
        let mut datagrams = Receiver::datagrams(Arc::clone(&udp));
        loop {
            let (message, sender) = tokio::select! {
                Ok((message, Some(from))) = datagrams.receive() => {
                    let Ok(sender) = Sender::datagrams(Arc::clone(&udp), from) else { continue };
                    (message, sender)
                }
                Some(both) = incoming.recv() => both,
                Ok((stream, _)) = tcp.accept() => {
                    if let Ok((sender, receiver)) = line::connected(stream) {
                        tasks.spawn(read_connection(receiver, sender, hand.clone()));
                    }
                    continue;
                }
                Some(_) = tasks.join_next() => continue,
            };
            if let Some(task) = self.route(message, sender).await {
                tasks.spawn(task.run());
            }
        }
    }

    /// Gives a message to its call; a call to start, if it begins one.
    async fn route(&mut self, message: Message, sender: Sender) -> Option<FarCall> {
        let call_id = message.header("Call-ID")?.to_owned();
        if let Some(call) = self.calls.get(&call_id) {
            match call.try_send(message) {
                Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => return None,
                Err(mpsc::error::TrySendError::Closed(late)) => {
                    self.calls.remove(&call_id);
                    return self.start(call_id, late, sender).await;
                }
            }
        }
        self.start(call_id, message, sender).await
    }

    async fn start(&mut self, call_id: String, message: Message, sender: Sender) -> Option<FarCall> {
        match message.method()? {
            "INVITE" => {}
            "ACK" => return None,
            "OPTIONS" => {
                let _ = sender.send(&Message::response(&message, 200, "OK", &fresh())).await;
                return None;
            }
            _ => {
                let phrase = "Call/Transaction Does Not Exist";
                let _ = sender.send(&Message::response(&message, 481, phrase, &fresh())).await;
                return None;
            }
        }
        if self.calls.len() >= QUEUE {
            self.calls.retain(|_, call| !call.is_closed());
        }
        let user = user_of(message.request_uri().unwrap_or_default()).to_owned();
        let script = self.scripts.get(&user).unwrap_or(&self.other).clone();
        let audio = AudioPort::open(self.ip).await.ok()?;
        let (hand, inbox) = mpsc::channel(64);
        self.calls.insert(call_id, hand);
        Some(FarCall::new(user, message, script, sender, inbox, audio, self.report.clone()))
    }
}

async fn read_connection(mut receiver: Receiver, sender: Sender, hand: mpsc::Sender<(Message, Sender)>) {
    while let Ok((message, _)) = receiver.receive().await {
        if hand.send((message, sender.clone())).await.is_err() {
            return;
        }
    }
}

/// Whether the script may go on.
#[derive(PartialEq, Eq)]
enum Flow {
    Continue,
    Over,
}

struct FarCall {
    script: FarScript,
    line: Sender,
    inbox: mpsc::Receiver<Message>,
    audio: AudioPort,
    report_to: mpsc::Sender<FarReport>,
    started: Instant,
    tag: String,
    dialog: Dialog,
    answered: bool,
    refused: bool,
    acked: bool,
    bye: Option<Message>,
    last: Option<Message>,
    repeat: Option<(Instant, Duration)>,
    report: FarReport,
}

impl FarCall {
    fn new(
        user: String,
        invite: Message,
        script: FarScript,
        line: Sender,
        inbox: mpsc::Receiver<Message>,
        audio: AudioPort,
        report_to: mpsc::Sender<FarReport>,
    ) -> Self {
        let tag = fresh();
        Self {
            script,
            dialog: Dialog::of_callee(&invite, &tag),
            line,
            inbox,
            audio,
            report_to,
            started: Instant::now(),
            tag,
            answered: false,
            refused: false,
            acked: false,
            bye: None,
            last: None,
            repeat: None,
            report: FarReport {
                user,
                invite,
                end: FarEndOf::Lost,
                sent: Vec::new(),
                requests: Vec::new(),
                reason: None,
                repeats: 0,
                duration: Duration::ZERO,
                heard: Heard::default(),
            },
        }
    }

    async fn run(mut self) {
        let flow = self.play().await;
        if flow == Flow::Continue {
            self.finish().await;
        }
        self.report.duration = self.started.elapsed();
        self.report.heard = self.audio.heard().await;
        self.linger().await;
        let _ = self.report_to.try_send(self.report);
    }

    async fn play(&mut self) -> Flow {
        for step in std::mem::take(&mut self.script.steps) {
            let flow = match step {
                FarStep::Wait(time) => self.wait(Instant::now() + time, |_| false).await,
                FarStep::Say(sound) => {
                    self.audio.say(sound).await;
                    Flow::Continue
                }
                FarStep::Digits(digits) => {
                    self.audio.digits(&digits).await;
                    Flow::Continue
                }
                FarStep::Respond(response) => self.respond(response).await,
                FarStep::HangUp(headers) => self.hang_up(headers).await,
            };
            if flow == Flow::Over {
                return Flow::Over;
            }
        }
        Flow::Continue
    }

    /// After the script: an ACK for a refusal, a BYE for an answered call, a CANCEL for one that rings.
    async fn finish(&mut self) {
        let patience = if self.refused { PATIENCE } else { LONGEST };
        let flow = self.wait(Instant::now() + patience, |call| call.refused && call.acked).await;
        if flow == Flow::Continue && self.refused && self.acked {
            self.report.end = FarEndOf::Refused;
        }
    }

    /// Repeats the last answer for a moment, for messages that crossed ours. Not after a refusal: an INVITE with the same
    /// Call-ID that follows (credentials, a redirect) is a new call.
    async fn linger(&mut self) {
        let hung_up = matches!(self.report.end, FarEndOf::HungUpHere | FarEndOf::HungUpThere);
        if self.line.transport() == Transport::Udp && hung_up {
            self.wait(Instant::now() + Duration::from_millis(20), |_| false).await;
        }
    }

    async fn respond(&mut self, response: FarResponse) -> Flow {
        let mut message = Message::response(&self.report.invite, response.status, &response.phrase, &self.tag);
        if !response.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Contact")) && response.status < 300 {
            message.add("Contact", &self.line.contact(&self.report.user));
        }
        for (name, value) in &response.headers {
            message.add(name, value);
        }
        if response.sdp {
            self.describe(&mut message).await;
        }
        self.report.sent.push((self.started.elapsed(), response.status));
        let _ = self.line.send(&message).await;
        self.last = Some(message);
        if response.status >= 200 {
            self.repeat = Some((Instant::now() + T1, T1));
            self.answered = response.status < 300;
            self.refused = !self.answered;
        }
        Flow::Continue
    }

    /// Adds our side of the session and begins to speak.
    async fn describe(&mut self, message: &mut Message) {
        let both = [Codec::Pcmu, Codec::Pcma];
        let codecs = if self.script.codecs.is_empty() { &both[..] } else { &self.script.codecs };
        let ours = match Description::parse(&self.report.invite.body) {
            Some(offer) => {
                let Some(answer) = offer.answer(self.audio.local(), codecs) else { return };
                self.listen(&offer, &answer).await;
                answer
            }
            None => Description::offer(self.audio.local(), codecs),
        };
        message.set_body("application/sdp", ours.to_text(1));
    }

    async fn listen(&self, theirs: &Description, ours: &Description) {
        if let Some(codec) = ours.codecs.first() {
            let send = matches!(theirs.direction.as_str(), "sendrecv" | "recvonly");
            self.audio.stream(Stream { remote: theirs.address, codec: *codec, events: theirs.events, send }).await;
        }
    }

    async fn hang_up(&mut self, headers: Vec<(String, String)>) -> Flow {
        // A BYE before the ACK would be no fair test of the other side.
        if self.wait(Instant::now() + PATIENCE, |call| call.acked).await == Flow::Over {
            return Flow::Over;
        }
        let mut bye = self.dialog.request("BYE", &self.line);
        for (name, value) in &headers {
            bye.add(name, value);
        }
        let _ = self.line.send(&bye).await;
        self.bye = Some(bye);
        self.repeat = Some((Instant::now() + T1, T1));
        self.wait(Instant::now() + PATIENCE, |_| false).await
    }

    /// Minds the call until a time, a condition, or its end.
    async fn wait(&mut self, until: Instant, enough: impl Fn(&Self) -> bool) -> Flow {
        while !enough(self) {
            let wake = self.repeat.map_or(until, |(next, _)| next.min(until));
            tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => {
                        if self.on_message(message).await == Flow::Over {
                            return Flow::Over;
                        }
                    }
                    None => return Flow::Over,
                },
                () = sleep_until(wake) => {
                    let now = Instant::now();
                    if now >= until {
                        return Flow::Continue;
                    }
                    self.send_again(now).await;
                }
            }
        }
        Flow::Continue
    }

    async fn send_again(&mut self, now: Instant) {
        let Some((_, pause)) = self.repeat else { return };
        let pause = (pause * 2).min(T2);
        self.repeat = Some((now + pause, pause));
        // Over a connection only the 2xx is repeated (RFC 3261 13.3.1.4).
        let wanted = self.line.transport() == Transport::Udp || (self.answered && self.bye.is_none());
        if let Some(message) = self.bye.as_ref().or(self.last.as_ref()).filter(|_| wanted) {
            let _ = self.line.send(message).await;
        }
    }

    async fn on_message(&mut self, message: Message) -> Flow {
        if let Some(status) = message.status() {
            let of_bye = message.cseq().is_some_and(|(_, method)| method == "BYE");
            if of_bye && status >= 200 && self.bye.is_some() {
                self.report.end = FarEndOf::HungUpHere;
                self.repeat = None;
                return Flow::Over;
            }
            return Flow::Continue;
        }
        let method = message.method().unwrap_or_default().to_owned();
        if method == "INVITE" && message.cseq() == self.report.invite.cseq() {
            self.report.repeats += 1;
            if let Some(last) = &self.last {
                let _ = self.line.send(last).await;
            }
            return Flow::Continue;
        }
        self.report.requests.push((self.started.elapsed(), message.clone()));
        if self.script.dead {
            return if method == "CANCEL" { self.over(FarEndOf::Cancelled, &message) } else { Flow::Continue };
        }
        match method.as_str() {
            "ACK" => {
                self.acked = true;
                self.repeat = self.repeat.filter(|_| self.bye.is_some());
                if let (Some(answer), false) = (Description::parse(&message.body), self.report.invite.has_sdp()) {
                    self.listen(&answer, &answer).await;
                }
                Flow::Continue
            }
            "CANCEL" => self.on_cancel(message).await,
            "BYE" => {
                let _ = self.line.send(&Message::response(&message, 200, "OK", &self.tag)).await;
                self.over(FarEndOf::HungUpThere, &message)
            }
            _ => {
                self.on_other(&method, &message).await;
                Flow::Continue
            }
        }
    }

    async fn on_cancel(&mut self, message: Message) -> Flow {
        let _ = self.line.send(&Message::response(&message, 200, "OK", &self.tag)).await;
        if self.answered || self.refused {
            return Flow::Continue;
        }
        self.respond(FarResponse::new(487)).await;
        self.over(FarEndOf::Cancelled, &message);
        // The ACK of the 487, in its own small loop: a call that is over runs no script.
        let until = Instant::now() + PATIENCE;
        while !self.acked {
            let wake = self.repeat.map_or(until, |(next, _)| next.min(until));
            tokio::select! {
                next = self.inbox.recv() => match next {
                    Some(next) if next.method() == Some("ACK") => {
                        self.report.requests.push((self.started.elapsed(), next));
                        self.acked = true;
                        self.repeat = None;
                    }
                    Some(_) => {}
                    None => break,
                },
                () = sleep_until(wake) => {
                    let now = Instant::now();
                    if now >= until {
                        self.report.end = FarEndOf::Lost;
                        break;
                    }
                    self.send_again(now).await;
                }
            }
        }
        Flow::Over
    }

    async fn on_other(&mut self, method: &str, message: &Message) {
        let mut response = Message::response(message, 200, "OK", &self.tag);
        match method {
            "INVITE" | "UPDATE" => {
                response.add("Contact", &self.line.contact(&self.report.user));
                let codecs = [Codec::Pcmu, Codec::Pcma];
                if let Some(offer) = Description::parse(&message.body) {
                    if let Some(answer) = offer.answer(self.audio.local(), &codecs) {
                        self.listen(&offer, &answer).await;
                        response.set_body("application/sdp", answer.to_text(2));
                    }
                } else if method == "INVITE" {
                    response.set_body("application/sdp", Description::offer(self.audio.local(), &codecs).to_text(2));
                }
            }
            "OPTIONS" | "INFO" | "NOTIFY" | "MESSAGE" => {}
            _ => "SIP/2.0 405 Method Not Allowed".clone_into(&mut response.start),
        }
        let _ = self.line.send(&response).await;
    }

    fn over(&mut self, end: FarEndOf, request: &Message) -> Flow {
        self.report.end = end;
        self.report.reason = Reason::of(request);
        self.repeat = None;
        Flow::Over
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::{CallEnd, CallPlan, CallReport, Phone};
    use super::super::compare::tone_share;
    use super::*;
    use crate::program::phone::sound::Sound;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const SOON: Duration = Duration::from_secs(20);

    async fn far_end(script: FarScript) -> FarEnd {
        FarEnd::bind(HERE, HashMap::from([("b".to_owned(), script)])).await.unwrap()
    }

    async fn call(script: FarScript, change: impl Fn(&mut CallPlan)) -> (CallReport, FarReport) {
        let mut far = far_end(script).await;
        let mut plan = CallPlan::to(&format!("sip:b@{}", far.local()));
        change(&mut plan);
        let here = Phone::bind(HERE).call(plan).await.unwrap();
        (here, far.report(SOON).await.expect("a report of the far end"))
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test]
    async fn an_answered_call_is_heard_at_both_ends() {
        for transport in [Transport::Udp, Transport::Tcp] {
            let (here, there) = call(FarScript::answer(ms(50), Sound::tone(440.0)), |plan| {
                plan.transport = transport;
                plan.say = Sound::tone(880.0);
                plan.digits = "42".into();
                plan.digits_after = ms(100);
                plan.hang_up_after = Some(ms(1200));
            })
            .await;
            assert_eq!(here.statuses(), [180, 200], "{transport:?}");
            assert_eq!((here.end, there.end), (CallEnd::HungUpHere, FarEndOf::HungUpThere));
            assert!(tone_share(&here.heard.samples, 440.0) > 0.9 && here.heard.loud_seconds() > 0.9);
            assert!(tone_share(&there.heard.samples, 880.0) > 0.9);
            assert_eq!((there.heard.digits.as_str(), there.heard.lost, here.heard.lost), ("42", 0, 0));
            assert!(there.got("ACK"));
        }
    }

    #[tokio::test]
    async fn the_far_end_hangs_up() {
        let bye = FarStep::HangUp(vec![("Reason".into(), "Q.850;cause=31;text=\"X\"".into())]);
        let script = FarScript::answer(ms(0), Sound::Silence).then(FarStep::Wait(ms(100))).then(bye);
        let (here, there) = call(script, |_| {}).await;
        assert_eq!((here.end, there.end), (CallEnd::HungUpThere, FarEndOf::HungUpHere));
        assert_eq!(here.reason.map(|reason| reason.cause), Some(31));
    }

    #[tokio::test]
    async fn refusals_carry_their_reason() {
        let (here, there) = call(FarScript::refuse_because(486, 17, "USER_BUSY"), |_| {}).await;
        assert_eq!((here.status, here.end, there.end), (Some(486), CallEnd::Refused, FarEndOf::Refused));
        assert_eq!(here.cause(), "Q.850;cause=17;text=\"USER_BUSY\"");
        assert!(there.got("ACK"));
        let (here, _) = call(FarScript::redirect(302, "<sip:c@h>"), |_| {}).await;
        assert_eq!(here.responses.last().unwrap().message.header("Contact"), Some("<sip:c@h>"));
    }

    #[tokio::test]
    async fn early_media_is_heard_before_the_refusal() {
        let script = FarScript::early_then_refuse(Sound::tone(440.0), ms(600), 503);
        let (here, _) = call(script, |_| {}).await;
        assert_eq!(here.statuses(), [183, 503]);
        assert!(here.heard.loud_seconds() > 0.4 && here.answered.is_none(), "{}", here.heard.loud_seconds());
    }

    #[tokio::test]
    async fn a_ringing_call_is_cancelled() {
        let (here, there) = call(FarScript::ring(), |plan| plan.cancel_after = Some(ms(100))).await;
        assert_eq!((here.statuses(), here.end), (vec![180, 487], CallEnd::Cancelled));
        assert_eq!(there.end, FarEndOf::Cancelled);
        assert_eq!(there.reason.as_ref().map(|reason| reason.cause), Some(487));
        assert!(there.got("ACK"));
    }

    #[tokio::test]
    async fn the_deadline_ends_a_call_nobody_answers() {
        let mut far = far_end(FarScript::dead()).await;
        let mut plan = CallPlan::to(&format!("sip:b@{}", far.local()));
        plan.deadline = ms(700);
        let here = Phone::bind(HERE).call(plan).await.unwrap();
        assert_eq!((here.end, here.responses.len()), (CallEnd::Deadline, 0));
        assert!(far.report(ms(1)).await.is_none());
    }

    #[tokio::test]
    async fn deadline_and_stop_leave_politely() {
        let (here, there) = call(FarScript::ring(), |plan| plan.deadline = ms(200)).await;
        assert_eq!((here.statuses(), here.end), (vec![180, 487], CallEnd::Deadline));
        assert_eq!(there.end, FarEndOf::Cancelled);
        let stop = Arc::new(tokio::sync::Notify::new());
        stop.notify_one();
        let (here, there) = call(FarScript::answer(ms(0), Sound::Silence), |plan| {
            plan.deadline = ms(300);
        })
        .await;
        assert_eq!((here.end, there.end), (CallEnd::Deadline, FarEndOf::HungUpThere));
        let far = far_end(FarScript::dead()).await;
        let mut plan = CallPlan::to(&format!("sip:b@{}", far.local()));
        plan.stop = Some(stop);
        assert_eq!(Phone::bind(HERE).call(plan).await.unwrap().end, CallEnd::NoResponse);
    }

    #[tokio::test]
    async fn a_challenge_is_answered_once() {
        let challenge =
            FarResponse::new(401).header("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"");
        let script = FarScript { steps: vec![FarStep::Respond(challenge)], ..FarScript::default() };
        let (here, _) = call(script.clone(), |_| {}).await;
        assert_eq!((here.statuses(), here.status), (vec![401], Some(401)));
        let mut far = far_end(script).await;
        let mut plan = CallPlan::to(&format!("sip:b@{}", far.local()));
        plan.credentials = Some(super::super::digest::Credentials { user: "u".into(), password: "p".into() });
        let here = Phone::bind(HERE).call(plan).await.unwrap();
        assert_eq!((here.statuses(), here.end), (vec![401, 401], CallEnd::Refused));
        let (one, two) = (far.report(SOON).await.unwrap(), far.report(SOON).await.unwrap());
        let given: Vec<_> = [one, two].iter().map(|report| report.invite.header("Authorization").is_some()).collect();
        assert_eq!(given, [false, true]);
    }

    #[tokio::test]
    async fn an_offer_may_come_with_the_answer() {
        let (here, there) = call(FarScript::answer(ms(0), Sound::tone(440.0)), |plan| {
            plan.codecs.clear();
            plan.hang_up_after = Some(ms(400));
        })
        .await;
        assert!(!there.invite.has_sdp() && here.heard.packets > 5, "{} packets", here.heard.packets);
        let (user, found) = ("nobody", far_end(FarScript::ring()).await);
        let report = Phone::bind(HERE).call(CallPlan::to(&format!("sip:{user}@{}", found.local()))).await.unwrap();
        assert_eq!(report.status, Some(404));
    }
}
