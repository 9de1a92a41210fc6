//! SUBSCRIBE and NOTIFY: messages that wait (`message-summary`) and busy lamps (`dialog`, by `presence_id`). Each shard keeps
//! the subscriptions whose Call-ID is its own; what they are about is one for all.
//!
//! A leg counts for the user that its variable `presence_id` names when it begins: the proven caller, or whom the dial
//! string names. Subscriptions are authenticated unless the profile says `auth-subscriptions=false`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::auth::{Case, Verdict};
use super::listeners::transport_param;
use super::messaging::user_and_host;
use super::shard::Shard;
use super::shared::ToShard;
use crate::call::event::Subscription;
use crate::call::leg::Headers;
use crate::engine::sip::messages::{NameAddr, percent_encode_user, text};
use crate::engine::sip::presence::{Asked, DialogState, Notice, Package, Reason, Refused, States, Subscriber, Waiting};
use crate::engine::sip::{
    Body, Command, Flow, FlowId, HeaderId, LegId, Message, Method, Outcome, Request, Target, Transport, TxId,
};

/// Tokens of NOTIFYs: this and the number of the subscription.
pub(super) const NOTIFIES: u64 = 1 << 63;

/// What all shards know of users.
#[derive(Debug, Default)]
pub(super) struct Presence {
    states: Mutex<States>,
    /// Somebody has subscribed to something: changes are worth telling.
    watched: AtomicBool,
}

impl Presence {
    fn states(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A subject whose watchers are to be told.
#[derive(Debug, Clone)]
pub(super) struct Change {
    package: Package,
    subject: Arc<str>,
    ended: Option<LegId>,
}

impl Shard {
    /// A telephone wants to be told, or no longer.
    pub(super) fn subscribed(&mut self, now: Instant, tx: TxId, request: &Message, flow: &Flow) {
        let shared = Arc::clone(&self.shared);
        let settings = shared.listeners.profile_of(flow.local).or_else(|| shared.listeners.profile(0));
        let Some(profile) = settings else { return self.respond(now, tx, 503, Headers::new()) };
        let (own, directory) = (self.is_own_flow(flow), shared.directory.load());
        let case = Case { now, request, remote: flow.remote, own, profile: &profile, directory: &directory };
        if profile.auth_subscriptions {
            let verdict = shared.guard.demand(case);
            if !matches!(verdict, Verdict::User { .. }) {
                let (code, headers) = self.demand(case, &verdict);
                return self.respond(now, tx, code, headers);
            }
        }
        let event = request.text(HeaderId::Event).map(std::borrow::Cow::into_owned).unwrap_or_default();
        let Some(package) = Package::of(&event) else {
            return self.respond(now, tx, 489, vec![("Allow-Events".to_owned(), Package::ALLOW.to_owned())]);
        };
        let takes = |kind: &[u8]| {
            let kind = text(kind);
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind == "*/*" || kind == "application/*" || kind.eq_ignore_ascii_case(package.content_type())
        };
        let mut kinds = request.list(HeaderId::Accept).peekable();
        if kinds.peek().is_some() && !kinds.any(takes) {
            return self.respond(now, tx, 406, vec![("Accept".to_owned(), package.content_type().to_owned())]);
        }
        let (name, host) = request.address(HeaderId::To).map(|to| user_and_host(to.uri)).unwrap_or_default();
        let domain = profile.domain.clone().unwrap_or(host);
        let asked = Asked {
            package,
            subject: format!("{name}@{domain}"),
            expires: request.number(HeaderId::Expires),
            cseq: request.cseq(),
        };
        let Some(subscriber) = self.subscriber(tx, request, flow, event).filter(|_| !name.is_empty()) else {
            return self.respond(now, tx, 400, Headers::new());
        };
        let granted = asked.granted();
        let contact = own_contact(&name, &subscriber.target);
        shared.presence.watched.store(true, Ordering::Relaxed);
        match self.watchers.subscribe(now, subscriber, asked, request.to_tag().is_some()) {
            Ok(_) => {
                let headers = vec![("Expires".to_owned(), granted.to_string()), ("Contact".to_owned(), contact)];
                self.respond(now, tx, 200, headers);
                self.notify(now);
            }
            Err(Refused::Unknown) => self.respond(now, tx, 481, Headers::new()),
            Err(Refused::OutOfOrder) => {
                self.respond(now, tx, 500, vec![("Retry-After".to_owned(), "1".to_owned())]);
            }
            Err(_) => self.respond(now, tx, 503, vec![("Retry-After".to_owned(), "60".to_owned())]),
        }
    }

    /// The dialog that a SUBSCRIBE opens or renews.
    fn subscriber(&self, tx: TxId, request: &Message, flow: &Flow, event: String) -> Option<Subscriber> {
        let contact = request.list(HeaderId::Contact).next().and_then(NameAddr::parse)?;
        contact.parsed_uri().ok()?;
        let local_tag = match request.to_tag() {
            Some(tag) => text(tag).into_owned(),
            None => self.stack.response_tag(tx)?.to_owned(),
        };
        let stream: Option<FlowId> = (flow.transport == Transport::Tcp).then_some(flow.id);
        let target = Target { transport: flow.transport, destination: flow.remote, local: flow.local, flow: stream };
        Some(Subscriber {
            call_id: text(request.call_id()).into_owned(),
            local_tag,
            remote_tag: text(request.from_tag()?).into_owned(),
            local: request.text(HeaderId::To)?.into_owned(),
            remote: request.text(HeaderId::From)?.into_owned(),
            contact: text(contact.uri).into_owned(),
            route: request.list(HeaderId::RecordRoute).map(|route| text(route).into_owned()).collect(),
            target,
            event,
        })
    }

    /// Sends the NOTIFYs that are due.
    pub(super) fn notify(&mut self, now: Instant) {
        for notice in self.watchers.due(now) {
            let id = notice.id;
            let body = {
                let states = self.shared.presence.states();
                match notice.package {
                    Package::MessageSummary => states.summary(&notice.subject),
                    Package::Dialog => states.dialog_info(&notice.subject, notice.version, notice.ended),
                }
            };
            let request = Self::notification(notice, body);
            if self.give(now, Command::Send(Box::new(request))).is_none() {
                self.watchers.answered(id, 503);
            }
        }
    }

    fn notification(notice: Notice, body: String) -> Request {
        let Notice { id, to, package, subject, cseq, reason, .. } = notice;
        let state = match reason {
            Reason::Active(seconds) => format!("active;expires={seconds}"),
            Reason::Timeout => "terminated;reason=timeout".to_owned(),
        };
        let user = subject.rsplit_once('@').map_or(&*subject, |(user, _)| user);
        let headers = vec![
            ("Event".to_owned(), to.event),
            ("Subscription-State".to_owned(), state),
            ("Contact".to_owned(), own_contact(user, &to.target)),
        ];
        Request {
            token: NOTIFIES | id,
            method: Method::Notify,
            uri: to.contact,
            target: to.target,
            from: to.local,
            from_tag: Some(to.local_tag),
            to: Some(to.remote),
            call_id: Some(to.call_id),
            cseq: Some(cseq),
            route: to.route,
            headers,
            body: Some(Body { content_type: package.content_type().to_owned(), bytes: body.into() }),
        }
    }

    /// A NOTIFY was answered, or was not.
    pub(super) fn notified(&mut self, now: Instant, token: u64, outcome: &Outcome) {
        self.watchers.answered(token & !NOTIFIES, super::events::status_of(outcome));
        self.notify(now);
    }

    /// A leg of a user moved on.
    pub(super) fn lamp(&self, leg: LegId, subject: &Arc<str>, state: DialogState) {
        if !self.shared.presence.states().set_dialog(subject, leg, state) {
            return;
        }
        let ended = (state == DialogState::Terminated).then_some(leg);
        self.tell_watchers(&Change { package: Package::Dialog, subject: Arc::clone(subject), ended });
    }

    fn tell_watchers(&self, change: &Change) {
        if self.shared.presence.watched.load(Ordering::Relaxed) {
            self.shared.inboxes.iter().for_each(|inbox| inbox.tell(ToShard::Changed(change.clone())));
        }
    }

    /// Something changed that watchers of this shard may want to hear.
    pub(super) fn changed(&mut self, now: Instant, change: &Change) {
        self.watchers.changed(change.package, &change.subject, change.ended);
        self.notify(now);
    }

    /// Hears of messages that wait, from now on.
    pub(super) fn listen(&self, mut events: Subscription) {
        let Some(inbox) = self.shared.inboxes.get(self.index).cloned() else { return };
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let Some((account, waiting)) = Waiting::of_event(event.headers()) {
                    inbox.tell(ToShard::Waiting(account.into(), waiting));
                }
            }
        });
    }

    /// A mailbox has new counts.
    pub(super) fn waiting(&self, subject: &Arc<str>, waiting: Waiting) {
        self.shared.presence.states().set_waiting(subject, waiting);
        let subject = Arc::clone(subject);
        self.tell_watchers(&Change { package: Package::MessageSummary, subject, ended: None });
    }
}

/// Our Contact in a subscription.
fn own_contact(user: &str, target: &Target) -> String {
    format!("<sip:{}@{}{}>", percent_encode_user(user), target.local, transport_param(target.transport))
}
