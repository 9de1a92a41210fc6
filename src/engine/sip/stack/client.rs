//! Client transactions (RFC 3261 17.1, RFC 6026).
//!
//! | state | INVITE | others |
//! |---|---|---|
//! | Calling | resent by A, B gives up | resent by E, F gives up |
//! | Proceeding | waits for the leg's patience | resent every T2, F gives up |
//! | Completed | refused and acknowledged, D ends | answered, K ends |
//! | Accepted | 2xx of all forks are taken, M ends | |

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::command::LegId;
use super::super::flow::{Target, Transmit};
use super::super::identifiers::{base32, from_base32};
use super::super::messages::{Builder, HeaderId, Message, Method};
use super::Stack;
use super::timers::Timer;

/// Where a client transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientState {
    Calling,
    Proceeding,
    Completed,
    Accepted,
}

/// Whose request it is, and who is told of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The INVITE of a leg.
    Invite(LegId),
    /// A new INVITE within a leg's dialog.
    Reinvite(LegId, u64),
    /// BYE of a leg.
    Bye(LegId),
    /// Another request in a leg's dialog.
    InDialog(LegId, u64),
    /// A request outside any dialog.
    Outside(u64),
    /// CANCEL of the INVITE with this branch.
    Cancel(u64),
    /// PRACK, or the BYE of a fork: nobody is told.
    Nobody,
}

/// One client transaction.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) method: Method,
    pub(super) state: ClientState,
    pub(super) target: Target,
    pub(super) bytes: Bytes,
    pub(super) purpose: Purpose,
    /// The ACK of the final refusal.
    ack: Option<Bytes>,
    /// ACKs of 2xx by the tag of their fork, to be repeated.
    acks: Vec<(Vec<u8>, Bytes, Target)>,
    resend: Option<(Instant, Duration)>,
    end: Option<Instant>,
}

/// The branch parameter of a transaction.
pub(super) fn branch_text(id: u64) -> String {
    format!("z9hG4bK{}", base32(id))
}

fn branch_id(branch: &[u8]) -> Option<u64> {
    from_base32(branch.strip_prefix(b"z9hG4bK")?)
}

/// Value of Via for a transaction of ours.
pub(super) fn via_value(target: &Target, branch: &str) -> String {
    format!("SIP/2.0/{} {};rport;branch={branch}", target.transport.name(), target.local)
}

impl Stack {
    /// Starts a transaction: sends the request and sets its timers.
    pub(super) fn open_client(
        &mut self,
        now: Instant,
        id: u64,
        method: Method,
        target: Target,
        bytes: Bytes,
        purpose: Purpose,
    ) {
        let (t1, reliable) = (self.config.t1, target.transport.is_reliable());
        let end = now + t1 * 64;
        self.timers.set(end, Timer::ClientEnd(id));
        let resend = (!reliable).then(|| (now + t1, t1));
        if let Some((at, _)) = resend {
            self.timers.set(at, Timer::ClientResend(id));
        }
        self.clients.insert(
            id,
            Client {
                method,
                state: ClientState::Calling,
                target,
                bytes: bytes.clone(),
                purpose,
                ack: None,
                acks: Vec::new(),
                resend,
                end: Some(end),
            },
        );
        self.send_to(&target, bytes);
    }

    pub(super) fn send_to(&mut self, target: &Target, bytes: Bytes) {
        self.send(Transmit {
            transport: target.transport,
            destination: target.destination,
            flow: target.flow,
            local: target.local,
            bytes,
        });
    }

    /// The transaction that a response belongs to (17.1.3).
    pub(super) fn client_of(&self, response: &Message) -> Option<u64> {
        let mut id = branch_id(response.branch()?)?;
        if response.cseq_method() == Some(&Method::Cancel) {
            // A CANCEL has the branch of its INVITE and a number of its own.
            id = *self.cancels.get(&id)?;
        }
        let client = self.clients.get(&id)?;
        (response.cseq_method() == Some(&client.method)).then_some(id)
    }

    /// Takes a response in. True when it is news for the owner.
    pub(super) fn client_response(&mut self, now: Instant, id: u64, response: &Message) -> bool {
        let (t1, t2, t4) = (self.config.t1, self.config.t2, self.config.t4);
        let code = response.code().unwrap_or_default();
        let Some(client) = self.clients.get_mut(&id) else { return false };
        let invite = client.method == Method::Invite;
        let reliable = client.target.transport.is_reliable();
        let mut end = None;
        let news = match (client.state, code) {
            (ClientState::Calling | ClientState::Proceeding, 100..=199) => {
                client.state = ClientState::Proceeding;
                if invite {
                    client.resend = None;
                    client.end = None;
                } else if let Some((_, interval)) = &mut client.resend {
                    *interval = t2;
                }
                true
            }
            (ClientState::Calling | ClientState::Proceeding, 200..=299) if invite => {
                client.state = ClientState::Accepted;
                end = Some(now + t1 * 64);
                true
            }
            (ClientState::Accepted, 200..=299) => true,
            (ClientState::Calling | ClientState::Proceeding, _) => {
                client.state = ClientState::Completed;
                let life = match (invite, reliable) {
                    (_, true) => Duration::ZERO,
                    (true, false) => t1 * 64,
                    (false, false) => t4,
                };
                end = Some(now + life);
                true
            }
            _ => false,
        };
        if let Some(end) = end {
            let end = if end > now { self.timers.rounded(end) } else { end };
            let Some(client) = self.clients.get_mut(&id) else { return false };
            client.resend = None;
            client.end = Some(end);
            self.timers.set(end, Timer::ClientEnd(id));
        }
        if invite && code >= 300 {
            self.acknowledge_refusal(id, response);
        }
        news
    }

    /// The ACK of a final refusal goes the way of the INVITE, with its branch (17.1.1.3).
    fn acknowledge_refusal(&mut self, id: u64, response: &Message) {
        let Some(client) = self.clients.get(&id) else { return };
        if client.state != ClientState::Completed {
            return;
        }
        let target = client.target;
        if client.ack.is_none() {
            let Ok(invite) = Message::parse(client.bytes.clone(), super::super::messages::Framing::Datagram) else {
                return;
            };
            let mut builder = Builder::request("ACK", invite.uri());
            builder.header("Via", via_value(&target, &branch_text(id)));
            for route in invite.values(HeaderId::Route) {
                builder.header("Route", route);
            }
            builder.header("Max-Forwards", "70");
            builder.header("From", invite.value(HeaderId::From).unwrap_or_default());
            builder.header("To", response.value(HeaderId::To).unwrap_or_default());
            builder.header("Call-ID", invite.call_id());
            builder.header("CSeq", format!("{} ACK", invite.cseq()));
            let ack = builder.finish(None);
            if let Some(client) = self.clients.get_mut(&id) {
                client.ack = Some(ack);
            }
        }
        if let Some(ack) = self.clients.get(&id).and_then(|client| client.ack.clone()) {
            self.send_to(&target, ack);
        }
    }

    pub(super) fn client_resend(&mut self, at: Instant, id: u64) {
        let t2 = self.config.t2;
        let Some(client) = self.clients.get_mut(&id) else { return };
        let Some((_, interval)) = client.resend.filter(|(due, _)| *due == at) else { return };
        let doubled = interval * 2;
        // An INVITE doubles without bound until B; others rest at T2.
        let interval = if client.method == Method::Invite { doubled } else { doubled.min(t2) };
        client.resend = Some((at + interval, interval));
        let (target, bytes) = (client.target, client.bytes.clone());
        self.timers.set(at + interval, Timer::ClientResend(id));
        self.totals.resent += 1;
        self.send_to(&target, bytes);
    }

    /// The end timer of a transaction. Gives its purpose when it was still waiting for a final response.
    pub(super) fn client_end(&mut self, at: Instant, id: u64) -> Option<(Purpose, Method)> {
        if self.clients.get(&id)?.end != Some(at) {
            return None;
        }
        let client = self.drop_client(id)?;
        let waiting = matches!(client.state, ClientState::Calling | ClientState::Proceeding);
        waiting.then_some((client.purpose, client.method))
    }

    pub(super) fn drop_client(&mut self, id: u64) -> Option<Client> {
        let client = self.clients.remove(&id)?;
        if let Purpose::Cancel(invite) = client.purpose {
            self.cancels.remove(&invite);
        }
        Some(client)
    }

    /// Keeps the ACK of a 2xx with its INVITE's transaction, which repeats it, and sends it.
    pub(super) fn keep_ack(&mut self, id: Option<u64>, tag: &[u8], bytes: Bytes, target: Target) {
        if let Some(client) = id.and_then(|id| self.clients.get_mut(&id)) {
            client.acks.retain(|(known, ..)| known != tag);
            client.acks.push((tag.to_vec(), bytes.clone(), target));
        }
        self.send_to(&target, bytes);
    }

    /// A 2xx of a fork came again: so does its ACK. False when that fork has none yet.
    pub(super) fn repeat_ack(&mut self, id: u64, tag: &[u8]) -> bool {
        let kept = self.clients.get(&id).and_then(|client| client.acks.iter().find(|(known, ..)| known == tag));
        let Some((_, bytes, target)) = kept.cloned() else { return false };
        self.totals.resent += 1;
        self.send_to(&target, bytes);
        true
    }

    /// Gives an unanswered INVITE no more than this long from now.
    pub(super) fn limit_client(&mut self, until: Instant, id: u64) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.end = Some(until);
            self.timers.set(until, Timer::ClientEnd(id));
        }
    }

    pub(super) fn client_timer_lives(&self, at: Instant, timer: Timer) -> bool {
        match timer {
            Timer::ClientResend(id) => {
                self.clients.get(&id).is_some_and(|client| client.resend.is_some_and(|(due, _)| due == at))
            }
            Timer::ClientEnd(id) => self.clients.get(&id).is_some_and(|client| client.end == Some(at)),
            _ => true,
        }
    }
}
