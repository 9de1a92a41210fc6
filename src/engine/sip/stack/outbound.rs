//! Calls of ours: the INVITE, its forks, ACK, CANCEL, PRACK (RFC 3261 9.1, 13.2, RFC 3262).

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::super::command::{CommandError, Headers, Invite, LegId, LegState};
use super::super::event::{Event, Outcome};
use super::super::flow::{Flow, Target, Transport};
use super::super::messages::{Builder, Framing, HeaderId, Message, Method};
use super::Stack;
use super::client::{Purpose, branch_text, via_value};
use super::dialog::{Dialog, InDialog, Leg, LegTimer, contact_uri, route_set};

/// Dialogs one INVITE may open.
const MAX_FORKS: usize = 64;

impl Stack {
    pub(super) fn invite(&mut self, now: Instant, invite: Box<Invite>) -> Result<(), CommandError> {
        let id = invite.leg;
        if id.is_inbound() || self.legs.contains_key(&id) {
            return Err(CommandError::LegTaken(id));
        }
        if self.legs.len() >= self.config.max_legs || self.transactions() >= self.config.max_transactions {
            return Err(CommandError::Full);
        }
        let tag = self.names.tag();
        let target = invite.target;
        let to = invite.to.clone().unwrap_or_else(|| format!("<{}>", invite.uri));
        let contact = invite.contact.clone().unwrap_or_else(|| Self::contact_for("", target.transport, target.local));
        let call_id = invite.call_id.clone().unwrap_or_else(|| self.names.call_id());
        let (call_id, local) = (Bytes::from(call_id), invite.from.as_bytes());
        let mut leg = Leg::new(LegState::Calling, call_id, local, tag.clone(), to.as_bytes(), contact);
        leg.cseq = self.names.cseq();
        leg.invite = Some(invite);
        self.tags.insert(tag.into_boxed_str(), id);
        self.legs.insert(id, leg);
        self.send_invite(now, id);
        Ok(())
    }

    fn send_invite(&mut self, now: Instant, id: LegId) {
        let branch = self.names.branch();
        let Some(leg) = self.legs.get(&id) else { return };
        let Some(invite) = &leg.invite else { return };
        let mut target = invite.target;
        let mut bytes = self.write_invite(leg, invite, &target, branch);
        if target.transport == Transport::Udp && self.config.udp_limit.is_some_and(|limit| bytes.len() > limit) {
            target = Target { transport: Transport::Tcp, flow: None, ..target };
            bytes = self.write_invite(leg, invite, &target, branch);
        }
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.client = Some(branch);
            leg.state = LegState::Calling;
            leg.timer = None;
            leg.dialogs.clear();
        }
        self.open_client(now, branch, Method::Invite, target, bytes, Purpose::Invite(id));
    }

    fn write_invite(&self, leg: &Leg, invite: &Invite, target: &Target, branch: u64) -> Bytes {
        let mut builder = Builder::request("INVITE", invite.uri.as_bytes());
        builder.header("Via", via_value(target, &branch_text(branch)));
        for route in &invite.route {
            builder.header("Route", route);
        }
        let given = |id| invite.headers.iter().any(|(name, _)| HeaderId::of(name.as_bytes()) == id);
        if !given(HeaderId::MaxForwards) {
            builder.header("Max-Forwards", "70");
        }
        builder.pieces("From", &[&leg.local, b";tag=", leg.local_tag.as_bytes()]);
        builder.header("To", &leg.remote);
        builder.header("Call-ID", &leg.call_id);
        builder.header("CSeq", format!("{} INVITE", leg.cseq));
        if !given(HeaderId::Contact) {
            builder.header("Contact", &leg.contact);
        }
        if !self.config.user_agent.is_empty() && !given(HeaderId::UserAgent) {
            builder.header("User-Agent", &self.config.user_agent);
        }
        if !given(HeaderId::Allow) {
            builder.header("Allow", &self.allow);
        }
        if !self.supported.is_empty() && !given(HeaderId::Supported) {
            builder.header("Supported", &self.supported);
        }
        builder.headers(&invite.headers, invite.body.as_ref());
        builder.finish(invite.body.as_ref())
    }

    /// The same INVITE once more: with further headers, or to another place.
    pub(super) fn retry(
        &mut self,
        now: Instant,
        id: LegId,
        headers: Headers,
        place: Option<(String, Target)>,
    ) -> Result<(), CommandError> {
        let leg = self.legs.get_mut(&id).ok_or(CommandError::UnknownLeg(id))?;
        let (LegState::Refused, Some(invite)) = (leg.state, leg.invite.as_mut()) else {
            return Err(CommandError::WrongState { leg: id, command: "Retry", state: leg.state });
        };
        for (name, value) in headers {
            invite.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            invite.headers.push((name, value));
        }
        if let Some((uri, target)) = place {
            invite.uri = uri;
            invite.target = target;
        }
        leg.cseq = leg.cseq.wrapping_add(1) & 0x7fff_ffff;
        self.send_invite(now, id);
        Ok(())
    }

    pub(super) fn give_up(&mut self, now: Instant, id: LegId, headers: Headers) -> Result<(), CommandError> {
        let leg = self.legs.get_mut(&id).ok_or(CommandError::UnknownLeg(id))?;
        match leg.state {
            LegState::Calling => {
                leg.cancel = Some(headers);
                leg.state = LegState::Cancelling;
            }
            LegState::Proceeding => {
                leg.cancel = Some(headers);
                leg.state = LegState::Cancelling;
                self.send_cancel(now, id);
            }
            LegState::Refused => {
                self.drop_leg(id);
            }
            state => return Err(CommandError::WrongState { leg: id, command: "Cancel", state }),
        }
        Ok(())
    }

    /// CANCEL goes the way of its INVITE, with its branch (9.1).
    fn send_cancel(&mut self, now: Instant, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let (Some(client), Some(headers)) = (leg.client, leg.cancel.clone()) else { return };
        if leg.cancel_sent {
            return;
        }
        leg.cancel_sent = true;
        let Some(transaction) = self.clients.get(&client) else { return };
        let target = transaction.target;
        let Ok(invite) = Message::parse(transaction.bytes.clone(), Framing::Datagram) else {
            return;
        };
        let mut builder = Builder::request("CANCEL", invite.uri());
        builder.header("Via", via_value(&target, &branch_text(client)));
        for route in invite.values(HeaderId::Route) {
            builder.header("Route", route);
        }
        builder.header("Max-Forwards", "70");
        builder.header("From", invite.value(HeaderId::From).unwrap_or_default());
        builder.header("To", invite.value(HeaderId::To).unwrap_or_default());
        builder.header("Call-ID", invite.call_id());
        builder.header("CSeq", format!("{} CANCEL", invite.cseq()));
        builder.headers(&headers, None);
        let bytes = builder.finish(None);
        // Its transaction is found by a number of its own: responses carry the INVITE's branch and the method CANCEL.
        let number = self.names.branch();
        self.cancels.insert(client, number);
        self.open_client(now, number, Method::Cancel, target, bytes, Purpose::Cancel(client));
        let patience = now + self.config.t1 * 64;
        self.limit_client(patience, client);
    }

    /// A response to the INVITE of a leg.
    pub(super) fn invite_response(&mut self, now: Instant, id: LegId, client: u64, response: Arc<Message>, flow: Flow) {
        let code = response.code().unwrap_or_default();
        match code {
            100..=199 => self.invite_progress(now, id, response, flow),
            200..=299 => self.invite_success(now, id, client, response, flow),
            _ => self.invite_refused(now, id, response),
        }
    }

    fn invite_progress(&mut self, now: Instant, id: LegId, response: Arc<Message>, flow: Flow) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if leg.state == LegState::Cancelling {
            self.send_cancel(now, id);
            return;
        }
        if !matches!(leg.state, LegState::Calling | LegState::Proceeding) {
            return;
        }
        leg.state = LegState::Proceeding;
        let fork = if response.to_tag().is_some() { open_dialog(leg, &response, &flow) } else { Some(0) };
        let Some(fork) = fork else { return };
        let reliable = response.lists(HeaderId::Require, "100rel") && response.code() != Some(100);
        if let Some(rseq) = response.number(HeaderId::RSeq).filter(|_| reliable) {
            let expected = leg.dialogs.get(fork).and_then(|dialog| dialog.rseq);
            if expected.is_some_and(|last| rseq != last.wrapping_add(1)) {
                // A repeated one is acknowledged by the transaction that is still there; one out of order waits.
                return;
            }
            if let Some(dialog) = leg.dialogs.get_mut(fork) {
                dialog.rseq = Some(rseq);
            }
            self.send_prack(now, id, fork, rseq, &response);
        }
        self.events.push_back(Event::Provisional { leg: id, fork: fork as u32, response, flow });
    }

    fn send_prack(&mut self, now: Instant, id: LegId, fork: usize, rseq: u32, response: &Message) {
        let branch = self.names.branch();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.cseq = leg.cseq.wrapping_add(1) & 0x7fff_ffff;
        let cseq = leg.cseq;
        let headers = vec![("RAck".to_owned(), format!("{rseq} {} INVITE", response.cseq()))];
        let Some((leg, dialog)) = self.legs.get(&id).and_then(|leg| Some((leg, leg.dialogs.get(fork)?))) else {
            return;
        };
        let request = InDialog { method: &Method::Prack, cseq, headers: &headers, body: None };
        let (bytes, target) = self.write_in_dialog(leg, dialog, branch, &request);
        self.open_client(now, branch, Method::Prack, target, bytes, Purpose::Nobody);
    }

    fn invite_success(&mut self, now: Instant, id: LegId, client: u64, response: Arc<Message>, flow: Flow) {
        if self.repeat_ack(client, response.to_tag().unwrap_or_default()) {
            return;
        }
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(fork) = open_dialog(leg, &response, &flow) else { return };
        if let Some(dialog) = leg.dialogs.get_mut(fork) {
            // A 2xx decides target and routes (13.2.2.4).
            dialog.remote_target = contact_uri(&response);
            dialog.route = route_set(&response, true);
        }
        let cseq = response.cseq();
        match leg.state {
            LegState::Calling | LegState::Proceeding => {
                leg.state = LegState::Answered;
                leg.confirmed = Some(fork);
                let offered = leg.invite.take().is_some_and(|invite| invite.body.is_some());
                if offered {
                    self.send_ack(id, fork, cseq, Some(client), None);
                } else {
                    leg.owed_ack = Some((cseq, client));
                }
                self.events.push_back(Event::Success { leg: id, fork: fork as u32, response, flow });
            }
            LegState::Cancelling => {
                let headers = leg.cancel.take().unwrap_or_default();
                self.send_ack(id, fork, cseq, Some(client), None);
                self.bye_fork(now, id, fork, &headers);
                self.drop_leg(id);
                self.events.push_back(Event::Failure { leg: id, outcome: Outcome::Cancelled });
            }
            // The loop has not acknowledged it yet.
            _ if leg.confirmed == Some(fork) => {}
            _ => {
                self.send_ack(id, fork, cseq, Some(client), None);
                self.bye_fork(now, id, fork, &Headers::new());
            }
        }
    }

    /// The ACK of a 2xx, kept with the INVITE's transaction.
    pub(super) fn send_ack(
        &mut self,
        id: LegId,
        fork: usize,
        cseq: u32,
        client: Option<u64>,
        body: Option<&super::super::command::Body>,
    ) {
        let branch = self.names.branch();
        let Some((leg, dialog)) = self.legs.get(&id).and_then(|leg| Some((leg, leg.dialogs.get(fork)?))) else {
            return;
        };
        let headers = Headers::new();
        let tag = dialog.remote_tag.clone();
        let request = InDialog { method: &Method::Ack, cseq, headers: &headers, body };
        let (bytes, target) = self.write_in_dialog(leg, dialog, branch, &request);
        self.keep_ack(client, &tag, bytes, target);
    }

    /// Ends one fork that is not wanted.
    fn bye_fork(&mut self, now: Instant, id: LegId, fork: usize, headers: &Headers) {
        let branch = self.names.branch();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.cseq = leg.cseq.wrapping_add(1) & 0x7fff_ffff;
        let cseq = leg.cseq;
        let Some((leg, dialog)) = self.legs.get(&id).and_then(|leg| Some((leg, leg.dialogs.get(fork)?))) else {
            return;
        };
        let request = InDialog { method: &Method::Bye, cseq, headers, body: None };
        let (bytes, target) = self.write_in_dialog(leg, dialog, branch, &request);
        self.open_client(now, branch, Method::Bye, target, bytes, Purpose::Nobody);
    }

    fn invite_refused(&mut self, now: Instant, id: LegId, response: Arc<Message>) {
        let code = response.code().unwrap_or_default();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if !matches!(leg.state, LegState::Calling | LegState::Proceeding | LegState::Cancelling) {
            return;
        }
        let may_retry = matches!(code, 300..=399 | 401 | 407 | 422) && leg.state != LegState::Cancelling;
        if may_retry {
            leg.state = LegState::Refused;
            leg.client = None;
            self.leg_timer(id, now + self.config.t1 * 64, LegTimer::Refused);
        } else {
            self.drop_leg(id);
        }
        self.events.push_back(Event::Failure { leg: id, outcome: Outcome::Response(response) });
    }

    /// The INVITE of a leg got no final response.
    pub(super) fn invite_lost(&mut self, id: LegId, outcome: Outcome) {
        let open = self
            .legs
            .get(&id)
            .is_some_and(|leg| matches!(leg.state, LegState::Calling | LegState::Proceeding | LegState::Cancelling));
        if open {
            self.drop_leg(id);
            self.events.push_back(Event::Failure { leg: id, outcome });
        }
    }
}

/// The dialog that a response belongs to, opened when it is new; none when there are too many.
fn open_dialog(leg: &mut Leg, response: &Message, flow: &Flow) -> Option<usize> {
    let tag = response.to_tag().unwrap_or_default();
    if let Some(at) = leg.dialogs.iter().position(|dialog| dialog.remote_tag == tag) {
        return Some(at);
    }
    if leg.dialogs.len() >= MAX_FORKS {
        return None;
    }
    leg.dialogs.push(Dialog {
        remote_tag: tag.to_vec(),
        remote_target: contact_uri(response),
        route: route_set(response, true),
        remote_cseq: None,
        rseq: None,
        hop: Target::back(flow),
    });
    leg.dialogs.len().checked_sub(1)
}
