//! Requests within a dialog, both ways: BYE, re-INVITE, UPDATE, INFO … (RFC 3261 12.2, 14, 15, RFC 3311).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::command::{Body, CommandError, Headers, LegId, LegState, TxId};
use super::super::event::{Event, Outcome};
use super::super::messages::{Message, Method};
use super::Stack;
use super::client::Purpose;
use super::dialog::{InDialog, LegTimer, Reinvite, contact_uri};
use super::server::Reply;

impl Stack {
    /// A request with a To tag, other than ACK and CANCEL.
    pub(super) fn in_dialog(&mut self, now: Instant, tx: TxId, request: Arc<Message>) {
        let Some(id) = self.leg_of_request(&request) else {
            self.respond(now, tx, &Reply::plain(481));
            return;
        };
        let Some(method) = request.method().cloned() else { return };
        let from = request.from_tag().unwrap_or_default().to_vec();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let (answered, confirmed) = (leg.is_answered(), leg.confirmed);
        let at = leg.dialogs.iter().position(|dialog| dialog.remote_tag == from);
        if confirmed.is_some() && at != confirmed {
            self.respond(now, tx, &Reply::plain(481));
            return;
        }
        let Some(dialog) = leg.dialog_of(&from) else { return };
        if dialog.remote_cseq.is_some_and(|last| request.cseq() < last) {
            let headers = vec![("Retry-After".to_owned(), "0".to_owned())];
            self.respond(now, tx, &Reply { headers: &headers, ..Reply::plain(500) });
            return;
        }
        dialog.remote_cseq = Some(request.cseq());
        if let Some(server) = self.servers.get_mut(&tx) {
            server.leg = Some(id);
        }
        match method {
            Method::Bye => self.bye_received(now, id, tx, request),
            Method::Prack => self.prack_received(now, id, tx, request),
            Method::Invite | Method::Update => self.offer_received(now, id, tx, request, answered),
            _ => self.events.push_back(Event::InDialog { leg: id, tx, request }),
        }
    }

    fn bye_received(&mut self, now: Instant, id: LegId, tx: TxId, request: Arc<Message>) {
        let Some(leg) = self.legs.get(&id) else { return };
        let early_outbound = !id.is_inbound() && !leg.is_answered();
        if early_outbound {
            // A callee refuses an early dialog, it does not hang it up (15).
            self.respond(now, tx, &Reply::plain(481));
            return;
        }
        let (invite, offer) = (leg.server, leg.their_offer);
        self.respond(now, tx, &Reply::plain(200));
        for open in [invite, offer].into_iter().flatten() {
            self.respond(now, open, &Reply::plain(487));
        }
        self.drop_leg(id);
        self.events.push_back(Event::Bye { leg: id, request });
        self.events.push_back(Event::Terminated { leg: id });
    }

    fn offer_received(&mut self, now: Instant, id: LegId, tx: TxId, request: Arc<Message>, answered: bool) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let invite = request.is(&Method::Invite);
        if leg.state == LegState::Ending {
            self.respond(now, tx, &Reply::plain(481));
            return;
        }
        if leg.our_offer.is_some() && (invite || !request.body().is_empty()) {
            self.respond(now, tx, &Reply::plain(491));
            return;
        }
        if leg.their_offer.is_some() || (invite && !answered) || (invite && leg.answer.is_some()) {
            let seconds = self.names.below(10);
            let headers = vec![("Retry-After".to_owned(), seconds.to_string())];
            self.respond(now, tx, &Reply { headers: &headers, ..Reply::plain(500) });
            return;
        }
        let contact = contact_uri(&request);
        if let Some(dialog) = leg.dialog_of(request.from_tag().unwrap_or_default())
            && !contact.is_empty()
        {
            dialog.remote_target = contact;
        }
        if invite {
            leg.their_offer = Some(tx);
            self.respond(now, tx, &Reply::plain(100));
        }
        self.events.push_back(Event::InDialog { leg: id, tx, request });
    }

    /// The loop's answer to a request.
    pub(super) fn respond_command(
        &mut self,
        now: Instant,
        tx: TxId,
        code: u16,
        reason: Option<&str>,
        headers: &Headers,
        body: Option<&Body>,
    ) -> Result<(), CommandError> {
        if !(100..=699).contains(&code) {
            return Err(CommandError::Status(code));
        }
        let server = self.servers.get(&tx).ok_or(CommandError::UnknownRequest(tx))?;
        let request = server.request.clone().ok_or(CommandError::UnknownRequest(tx))?;
        let leg = server.leg;
        let first = leg.is_some_and(|id| self.legs.get(&id).is_some_and(|leg| leg.server == Some(tx)));
        if first {
            // The call's own INVITE has commands of its own.
            return Err(CommandError::UnknownRequest(tx));
        }
        let offer = leg.filter(|id| self.legs.get(id).is_some_and(|leg| leg.their_offer == Some(tx)));
        if let Some(id) = offer.filter(|_| code >= 200) {
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.their_offer = None;
            }
            if code / 100 == 2 {
                self.respond_2xx(now, id, tx, request.cseq(), headers, body);
                return Ok(());
            }
        }
        let contact = leg.and_then(|id| self.legs.get(&id)).map(|leg| leg.contact.clone());
        let shows = code / 100 == 2 && (request.is(&Method::Update) || request.is(&Method::Refer));
        let contact = contact.as_deref().filter(|_| shows);
        self.respond(now, tx, &Reply { code, reason, headers, body, contact });
        Ok(())
    }

    /// Any request of ours in the dialog.
    fn send_in_dialog(
        &mut self,
        now: Instant,
        id: LegId,
        method: &Method,
        headers: &Headers,
        body: Option<&Body>,
        purpose: Purpose,
    ) {
        let branch = self.names.branch();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.cseq = leg.cseq.wrapping_add(1) & 0x7fff_ffff;
        let cseq = leg.cseq;
        let Some((leg, dialog)) = self.legs.get(&id).and_then(|leg| Some((leg, leg.dialog()?))) else { return };
        let (bytes, target) = self.write_in_dialog(leg, dialog, branch, &InDialog { method, cseq, headers, body });
        self.open_client(now, branch, method.clone(), target, bytes, purpose);
    }

    /// Ends an answered leg, once our 2xx is acknowledged.
    pub(super) fn bye(&mut self, now: Instant, id: LegId, headers: Headers) -> Result<(), CommandError> {
        let leg = self.legs.get_mut(&id).ok_or(CommandError::UnknownLeg(id))?;
        if leg.state == LegState::Incoming && leg.reliable.holds_answer() {
            // Nobody was told of the answer.
            return self.refuse(now, id, 480, None, &headers);
        }
        if leg.state != LegState::Answered {
            return Err(CommandError::WrongState { leg: id, command: "Bye", state: leg.state });
        }
        leg.state = LegState::Ending;
        if leg.answer.is_some() {
            leg.bye = Some(headers);
            return Ok(());
        }
        if let Some((cseq, client)) = leg.owed_ack.take() {
            let fork = leg.confirmed.unwrap_or(0);
            self.send_ack(id, fork, cseq, Some(client), None);
        }
        self.send_bye(now, id, &headers);
        Ok(())
    }

    pub(super) fn send_bye(&mut self, now: Instant, id: LegId, headers: &Headers) {
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.state = LegState::Ending;
            leg.answer = None;
            leg.timer = None;
        }
        self.send_in_dialog(now, id, &Method::Bye, headers, None, Purpose::Bye(id));
    }

    pub(super) fn reinvite(
        &mut self,
        now: Instant,
        id: LegId,
        token: u64,
        headers: Headers,
        body: Option<Body>,
    ) -> Result<(), CommandError> {
        self.answered_leg(id, "Reinvite")?;
        let leg = self.legs.get_mut(&id).ok_or(CommandError::UnknownLeg(id))?;
        if leg.our_offer.is_some() || leg.their_offer.is_some() || leg.answer.is_some() || leg.owed_ack.is_some() {
            return Err(CommandError::OfferOpen(id));
        }
        leg.our_offer = Some(Reinvite { token, headers: headers.clone(), body: body.clone(), repeated: false });
        self.send_in_dialog(now, id, &Method::Invite, &headers, body.as_ref(), Purpose::Reinvite(id, token));
        Ok(())
    }

    pub(super) fn request_in_dialog(
        &mut self,
        now: Instant,
        id: LegId,
        token: u64,
        method: &Method,
        headers: &Headers,
        body: Option<&Body>,
    ) -> Result<(), CommandError> {
        if matches!(method, Method::Invite | Method::Ack | Method::Bye | Method::Cancel | Method::Prack) {
            return Err(CommandError::Method(method.clone()));
        }
        let leg = self.legs.get(&id).ok_or(CommandError::UnknownLeg(id))?;
        if leg.dialogs.is_empty() || leg.state == LegState::Ending {
            return Err(CommandError::WrongState { leg: id, command: "Request", state: leg.state });
        }
        self.send_in_dialog(now, id, method, headers, body, Purpose::InDialog(id, token));
        Ok(())
    }

    fn answered_leg(&self, id: LegId, command: &'static str) -> Result<(), CommandError> {
        let leg = self.legs.get(&id).ok_or(CommandError::UnknownLeg(id))?;
        if leg.state == LegState::Answered {
            return Ok(());
        }
        Err(CommandError::WrongState { leg: id, command, state: leg.state })
    }

    /// The loop's ACK, with our answer to the far end's offer.
    pub(super) fn ack_command(&mut self, id: LegId, body: Option<&Body>) -> Result<(), CommandError> {
        let leg = self.legs.get_mut(&id).ok_or(CommandError::UnknownLeg(id))?;
        let state = leg.state;
        let Some((cseq, client)) = leg.owed_ack.take() else {
            return Err(CommandError::WrongState { leg: id, command: "Ack", state });
        };
        let fork = leg.confirmed.unwrap_or(0);
        self.send_ack(id, fork, cseq, Some(client), body);
        Ok(())
    }

    /// A final response to our re-INVITE.
    pub(super) fn reinvite_response(&mut self, now: Instant, id: LegId, client: u64, response: Arc<Message>) {
        let code = response.code().unwrap_or_default();
        if code / 100 == 2 && self.repeat_ack(client, response.to_tag().unwrap_or_default()) {
            return;
        }
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(offer) = leg.our_offer.take() else { return };
        if code / 100 == 2 {
            let contact = contact_uri(&response);
            let fork = leg.confirmed.unwrap_or(0);
            if let Some(dialog) = leg.dialogs.get_mut(fork).filter(|_| !contact.is_empty()) {
                dialog.remote_target = contact;
            }
            if offer.body.is_some() {
                self.send_ack(id, fork, response.cseq(), Some(client), None);
            } else {
                leg.owed_ack = Some((response.cseq(), client));
            }
        } else if code == 491 && !offer.repeated && leg.state == LegState::Answered {
            // Glare (14.1): the owner of the Call-ID waits 2.1 to 4 s, the other side up to 2 s.
            leg.our_offer = Some(Reinvite { repeated: true, ..offer });
            let base = if id.is_inbound() { 0 } else { 2100 };
            let wait = Duration::from_millis(base + self.names.below(1900));
            self.leg_timer(id, now + wait, LegTimer::Glare);
            return;
        }
        self.events.push_back(Event::Response {
            leg: Some(id),
            token: offer.token,
            method: Method::Invite,
            outcome: Outcome::Response(response),
        });
    }

    /// Our re-INVITE once more, after glare.
    pub(super) fn reinvite_again(&mut self, now: Instant, id: LegId) {
        let Some(leg) = self.legs.get(&id) else { return };
        let Some(offer) = &leg.our_offer else { return };
        let (headers, body, token) = (offer.headers.clone(), offer.body.clone(), offer.token);
        self.send_in_dialog(now, id, &Method::Invite, &headers, body.as_ref(), Purpose::Reinvite(id, token));
    }

    /// A leg whose BYE is answered, or never will be.
    pub(super) fn leg_over(&mut self, id: LegId) {
        if self.drop_leg(id).is_some() {
            self.events.push_back(Event::Terminated { leg: id });
        }
    }
}
