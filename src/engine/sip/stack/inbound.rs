//! Calls to us: the INVITE, our responses, ACK, CANCEL (RFC 3261 9.2, 13.3, RFC 6026).

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::super::command::{Body, CommandError, Headers, LegId, LegState, TxId};
use super::super::event::Event;
use super::super::flow::{Flow, Target};
use super::super::messages::{HeaderId, Message, Method, Uri};
use super::Stack;
use super::dialog::{Answer, Dialog, Leg, LegTimer, contact_uri, route_set};
use super::reliable::Provisional;
use super::server::Reply;
use super::timers::Timer;

impl Stack {
    /// A new call.
    pub(super) fn incoming(&mut self, now: Instant, tx: TxId, request: Arc<Message>, flow: Flow) {
        self.last_leg += 1;
        let id = LegId(LegId::INBOUND + self.last_leg);
        let tag = self.servers.get(&tx).map(|server| server.tag.clone()).unwrap_or_default();
        let user = Uri::parse(request.uri()).map(|uri| uri.user_text()).unwrap_or_default();
        let user = super::super::messages::percent_encode_user(&user);
        let dialog = Dialog {
            remote_tag: request.from_tag().unwrap_or_default().to_vec(),
            remote_target: contact_uri(&request),
            route: route_set(&request, false),
            remote_cseq: Some(request.cseq()),
            rseq: None,
            hop: Target::back(&flow),
        };
        let call_id = Bytes::copy_from_slice(request.call_id());
        let (to, from) = (request.value(HeaderId::To), request.value(HeaderId::From));
        let contact = Self::contact_for(&user, flow.transport, flow.local);
        let (to, from) = (to.unwrap_or_default(), from.unwrap_or_default());
        let mut leg = Leg::new(LegState::Incoming, call_id, to, tag.clone(), from, contact);
        leg.dialogs.push(dialog);
        leg.server = Some(tx);
        self.tags.insert(tag.into_boxed_str(), id);
        self.legs.insert(id, leg);
        if let Some(server) = self.servers.get_mut(&tx) {
            server.leg = Some(id);
        }
        if self.config.auto_100 {
            self.respond(now, tx, &Reply::plain(100));
        }
        self.events.push_back(Event::Invite { leg: id, request, flow });
    }

    pub(super) fn provisional(
        &mut self,
        now: Instant,
        id: LegId,
        provisional: Provisional,
        reliable: bool,
    ) -> Result<(), CommandError> {
        let code = provisional.code;
        if !(100..=199).contains(&code) {
            return Err(CommandError::Status(code));
        }
        let leg = self.legs.get(&id).ok_or(CommandError::UnknownLeg(id))?;
        let (LegState::Incoming, Some(tx)) = (leg.state, leg.server) else {
            return Err(CommandError::WrongState { leg: id, command: "Provisional", state: leg.state });
        };
        if leg.reliable.holds_answer() {
            return Err(CommandError::WrongState { leg: id, command: "Provisional", state: leg.state });
        }
        if reliable && code > 100 {
            return self.provisional_reliably(now, id, tx, provisional);
        }
        let contact = leg.contact.clone();
        let contact = (code > 100).then_some(contact.as_str());
        let Provisional { code, reason, headers, body } = &provisional;
        let (code, reason, body) = (*code, reason.as_deref(), body.as_ref());
        self.respond(now, tx, &Reply { code, reason, headers, body, contact });
        Ok(())
    }

    pub(super) fn accept(
        &mut self,
        now: Instant,
        id: LegId,
        headers: &Headers,
        body: Option<&Body>,
    ) -> Result<(), CommandError> {
        let leg = self.legs.get(&id).ok_or(CommandError::UnknownLeg(id))?;
        let (LegState::Incoming, Some(tx)) = (leg.state, leg.server) else {
            return Err(CommandError::WrongState { leg: id, command: "Answer", state: leg.state });
        };
        if self.answer_must_wait(id, headers, body) {
            return Ok(());
        }
        // Other requests of the early dialog have counted on meanwhile.
        let cseq = self.servers.get(&tx).and_then(|server| Some(server.request.as_ref()?.cseq())).unwrap_or_default();
        self.respond_2xx(now, id, tx, cseq, headers, body);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.state = LegState::Answered;
            leg.confirmed = Some(0);
            leg.server = None;
        }
        Ok(())
    }

    /// Sends a 2xx to an INVITE and keeps sending it until the ACK is here.
    pub(super) fn respond_2xx(
        &mut self,
        now: Instant,
        id: LegId,
        tx: TxId,
        cseq: u32,
        headers: &Headers,
        body: Option<&Body>,
    ) {
        let Some(leg) = self.legs.get(&id) else { return };
        let contact = leg.contact.clone();
        let Some(flow) = self.servers.get(&tx).map(|server| server.flow) else { return };
        let reply = Reply { code: 200, reason: None, headers, body, contact: Some(&contact) };
        let Some((bytes, destination)) = self.respond(now, tx, &reply) else { return };
        let t1 = self.config.t1;
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let until = now + t1 * 64;
        leg.answer = Some(Answer { cseq, bytes, flow, destination, resend: (now + t1, t1), until });
        self.timers.set(now + t1, Timer::AnswerResend(id));
        self.leg_timer(id, until, LegTimer::Ack);
    }

    pub(super) fn refuse(
        &mut self,
        now: Instant,
        id: LegId,
        code: u16,
        reason: Option<&str>,
        headers: &Headers,
    ) -> Result<(), CommandError> {
        if !(300..=699).contains(&code) {
            return Err(CommandError::Status(code));
        }
        let leg = self.legs.get(&id).ok_or(CommandError::UnknownLeg(id))?;
        let (LegState::Incoming, Some(tx)) = (leg.state, leg.server) else {
            return Err(CommandError::WrongState { leg: id, command: "Reject", state: leg.state });
        };
        self.respond(now, tx, &Reply { code, reason, headers, body: None, contact: None });
        self.drop_leg(id);
        self.events.push_back(Event::Terminated { leg: id });
        Ok(())
    }

    /// A CANCEL, matched with its INVITE by branch.
    pub(super) fn cancelled(&mut self, now: Instant, tx: TxId, request: Arc<Message>) {
        let invite = self.server_keys.get(&super::server::key_of(&request, &Method::Invite)).copied();
        let open = invite.and_then(|invite| {
            let server = self.servers.get(&invite)?;
            let pending = server.state == super::server::ServerState::Proceeding;
            Some((invite, server.tag.clone(), server.leg)).filter(|_| pending)
        });
        let Some((invite, tag, leg)) = open else {
            self.respond(now, tx, &Reply::plain(481));
            return;
        };
        if let Some(server) = self.servers.get_mut(&tx) {
            server.tag = tag;
        }
        self.respond(now, tx, &Reply::plain(200));
        let Some(id) = leg else { return };
        let first = self.legs.get(&id).is_some_and(|leg| leg.server == Some(invite));
        if first {
            self.respond(now, invite, &Reply::plain(487));
            self.drop_leg(id);
            self.events.push_back(Event::Cancelled { leg: id, request });
            self.events.push_back(Event::Terminated { leg: id });
        } else if self.legs.get(&id).is_some_and(|leg| leg.their_offer == Some(invite)) {
            // A re-INVITE that its sender gives up: the call goes on.
            self.respond(now, invite, &Reply::plain(487));
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.their_offer = None;
            }
        }
    }

    /// An ACK: of a refusal (by transaction) or of a 2xx (by dialog).
    pub(super) fn ack_received(&mut self, now: Instant, request: Arc<Message>) {
        if let Some(tx) = self.server_keys.get(&super::server::key_of(&request, &Method::Ack)).copied()
            && self.servers.get(&tx).is_some_and(|server| server.state == super::server::ServerState::Completed)
        {
            self.acknowledged(now, tx);
            return;
        }
        let Some(id) = self.leg_of_request(&request) else {
            self.totals.ignored += 1;
            return;
        };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(answer) = leg.answer.take() else { return };
        if answer.cseq != request.cseq() {
            leg.answer = Some(answer);
            return;
        }
        if leg.timer.is_some_and(|(_, what)| what == LegTimer::Ack) {
            leg.timer = None;
        }
        let bye = leg.bye.take();
        self.events.push_back(Event::AckReceived { leg: id, request });
        if let Some(headers) = bye {
            self.send_bye(now, id, &headers);
        }
    }

    pub(super) fn answer_resend(&mut self, at: Instant, id: LegId) {
        let t2 = self.config.t2;
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(answer) = leg.answer.as_mut().filter(|answer| answer.resend.0 == at) else { return };
        let interval = (answer.resend.1 * 2).min(t2);
        answer.resend = (at + interval, interval);
        let (until, bytes, flow, destination) = (answer.until, answer.bytes.clone(), answer.flow, answer.destination);
        if at + interval < until {
            self.timers.set(at + interval, Timer::AnswerResend(id));
        }
        self.totals.resent += 1;
        let target = Target { destination, ..Target::back(&flow) };
        self.send_to(&target, bytes);
    }
}
