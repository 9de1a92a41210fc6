//! Reliable provisional responses that we send (RFC 3262): one at a time, resent until its PRACK is here.
//!
//! What comes meanwhile waits: further reliable responses, and the 200, which must not overtake a description that may
//! be lost. Without a PRACK within 64·T1 the call is refused with 504.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::command::{Body, CommandError, Headers, LegId, TxId};
use super::super::event::Event;
use super::super::flow::{Flow, Target};
use super::super::messages::{HeaderId, Message, text};
use super::Stack;
use super::server::Reply;
use super::timers::Timer;

/// Responses that may wait behind the one that is under way.
const MOST_WAITING: usize = 16;

/// A provisional response to be sent.
#[derive(Debug)]
pub(super) struct Provisional {
    pub(super) code: u16,
    pub(super) reason: Option<String>,
    pub(super) headers: Headers,
    pub(super) body: Option<Body>,
}

/// A response that was sent and not acknowledged yet.
#[derive(Debug)]
struct Unacknowledged {
    bytes: Bytes,
    flow: Flow,
    destination: SocketAddr,
    resend: (Instant, Duration),
    until: Instant,
}

/// The reliable responses of one leg.
#[derive(Debug, Default)]
pub(super) struct Reliable {
    /// RSeq of the last one; 0: none was sent.
    rseq: u32,
    /// CSeq of the INVITE.
    cseq: u32,
    open: Option<Unacknowledged>,
    waiting: VecDeque<Provisional>,
    /// The answer, when it has to wait.
    answer: Option<(Headers, Option<Body>)>,
}

impl Reliable {
    /// When the open response is sent again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.resend.0)
    }

    /// Whether the call was answered, and nobody was told yet.
    pub(super) fn holds_answer(&self) -> bool {
        self.answer.is_some()
    }
}

impl Stack {
    /// Sends a provisional response reliably, or keeps it for later.
    pub(super) fn provisional_reliably(
        &mut self,
        now: Instant,
        id: LegId,
        tx: TxId,
        provisional: Provisional,
    ) -> Result<(), CommandError> {
        let first = self.names.below(0x7fff_fff0);
        let cseq = self.servers.get(&tx).and_then(|server| Some(server.request.as_ref()?.cseq()));
        let Some(leg) = self.legs.get_mut(&id) else { return Err(CommandError::UnknownLeg(id)) };
        let reliable = &mut leg.reliable;
        if reliable.open.is_some() {
            if reliable.waiting.len() >= MOST_WAITING {
                return Err(CommandError::Full);
            }
            reliable.waiting.push_back(provisional);
            return Ok(());
        }
        reliable.rseq = if reliable.rseq == 0 { first as u32 + 1 } else { reliable.rseq.wrapping_add(1) };
        reliable.cseq = cseq.unwrap_or_default();
        let Provisional { code, reason, mut headers, body } = provisional;
        headers.push(("Require".to_owned(), "100rel".to_owned()));
        headers.push(("RSeq".to_owned(), reliable.rseq.to_string()));
        let contact = leg.contact.clone();
        let reply =
            Reply { code, reason: reason.as_deref(), headers: &headers, body: body.as_ref(), contact: Some(&contact) };
        let Some(flow) = self.servers.get(&tx).map(|server| server.flow) else { return Ok(()) };
        let Some((bytes, destination)) = self.respond(now, tx, &reply) else { return Ok(()) };
        let t1 = self.config.t1;
        if let Some(leg) = self.legs.get_mut(&id) {
            let open = Unacknowledged { bytes, flow, destination, resend: (now + t1, t1), until: now + t1 * 64 };
            leg.reliable.open = Some(open);
        }
        self.timers.set(now + t1, Timer::ReliableResend(id));
        Ok(())
    }

    /// Keeps the answer while a response with a description is not acknowledged. True: it was kept.
    pub(super) fn answer_must_wait(&mut self, id: LegId, headers: &Headers, body: Option<&Body>) -> bool {
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.reliable.open.is_some()) else { return false };
        leg.reliable.waiting.clear();
        leg.reliable.answer = Some((headers.clone(), body.cloned()));
        true
    }

    /// A PRACK: it must name the response that is open (RFC 3262 3). With a description of its own it is an offer that
    /// somebody has to answer.
    pub(super) fn prack_received(&mut self, now: Instant, id: LegId, tx: TxId, request: Arc<Message>) {
        let matches = self.legs.get(&id).is_some_and(|leg| {
            let reliable = &leg.reliable;
            reliable.open.is_some() && names(&request, reliable.rseq, reliable.cseq)
        });
        if !matches {
            self.respond(now, tx, &Reply::plain(481));
            return;
        }
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.reliable.open = None;
        let (next, answer, invite) = (leg.reliable.waiting.pop_front(), leg.reliable.answer.take(), leg.server);
        if request.body().is_empty() {
            self.respond(now, tx, &Reply::plain(200));
        } else {
            self.events.push_back(Event::InDialog { leg: id, tx, request });
        }
        if let Some((headers, body)) = answer {
            // It fits the state, or it would not have been kept.
            let _ = self.accept(now, id, &headers, body.as_ref());
        } else if let (Some(next), Some(invite)) = (next, invite) {
            let _ = self.provisional_reliably(now, id, invite, next);
        }
    }

    pub(super) fn reliable_resend(&mut self, now: Instant, at: Instant, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(open) = leg.reliable.open.as_mut().filter(|open| open.resend.0 == at) else { return };
        if at >= open.until {
            // Nobody hears us (RFC 3262 3).
            self.events.push_back(Event::AckTimeout { leg: id });
            let _ = self.refuse(now, id, 504, None, &Headers::new());
            return;
        }
        let interval = open.resend.1 * 2;
        let next = (at + interval).min(open.until);
        open.resend = (next, interval);
        let (bytes, target) =
            (open.bytes.clone(), Target { destination: open.destination, ..Target::back(&open.flow) });
        self.timers.set(next, Timer::ReliableResend(id));
        self.totals.resent += 1;
        self.send_to(&target, bytes);
    }
}

/// Whether RAck names this response: `<RSeq> <CSeq> INVITE`.
fn names(request: &Message, rseq: u32, cseq: u32) -> bool {
    let value = request.value(HeaderId::RAck).map(|value| text(value).into_owned()).unwrap_or_default();
    let mut parts = value.split_whitespace();
    let mut number = || parts.next().and_then(|part| part.parse::<u32>().ok());
    number() == Some(rseq) && number() == Some(cseq) && parts.next() == Some("INVITE")
}
