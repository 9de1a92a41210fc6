//! Requests outside any dialog: OPTIONS, REGISTER, MESSAGE, SUBSCRIBE, and what has no place here.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::auth::{Case, Verdict};
use super::shard::Shard;
use crate::call::leg::Headers;
use crate::engine::sip::{Command, Flow, HeaderId, Message, Method, Offence, TxId};

impl Shard {
    /// OPTIONS asks whether we live; REGISTER is the registrar's, MESSAGE goes to other users. Everything else outside a dialog has no place here yet.
    pub(super) fn asked_outside(&mut self, now: Instant, tx: TxId, request: &Message, flow: &Flow) {
        match request.method() {
            Some(Method::Register) => self.register(now, tx, request, flow),
            Some(Method::Message) => self.relay_message(now, tx, request, flow),
            Some(Method::Options) if self.shared.draining.load(Ordering::Relaxed) => {
                self.respond(now, tx, 503, Headers::new());
            }
            Some(Method::Options) => {
                self.unauthenticated(now, request, flow);
                self.respond(now, tx, 200, vec![("Accept".to_owned(), "application/sdp".to_owned())]);
            }
            Some(Method::Update | Method::Info) => self.respond(now, tx, 481, Headers::new()),
            Some(Method::Subscribe) => self.subscribed(now, tx, request, flow),
            Some(Method::Publish) => {
                self.unauthenticated(now, request, flow);
                self.respond(now, tx, 405, Headers::new());
            }
            _ => {
                self.unauthenticated(now, request, flow);
                self.respond(now, tx, 501, Headers::new());
            }
        }
    }

    /// Counts a request that nobody vouches for.
    fn unauthenticated(&mut self, now: Instant, request: &Message, flow: &Flow) {
        let shared = std::sync::Arc::clone(&self.shared);
        let Some(profile) = shared.listeners.profile_of(flow.local) else { return };
        let (own, directory) = (self.is_own_flow(flow), shared.directory.load());
        let case = Case { now, request, remote: flow.remote, own, profile: &profile, directory: &directory };
        shared.guard.offence(case, Offence::Unauthenticated);
    }

    /// Status and headers of a request that is challenged or refused; it counts against its source.
    pub(super) fn demand(&self, case: Case<'_>, verdict: &Verdict) -> (u16, Headers) {
        let has = |id| case.request.value(id).is_some();
        let answers = has(HeaderId::Authorization) || has(HeaderId::ProxyAuthorization);
        match verdict {
            Verdict::Challenge(values) => {
                if !answers {
                    self.shared.guard.offence(case, Offence::Unauthenticated);
                }
                let (code, name) = match case.request.method() {
                    Some(Method::Register) => (401, "WWW-Authenticate"),
                    _ => (407, "Proxy-Authenticate"),
                };
                (code, values.iter().map(|value| (name.to_owned(), value.clone())).collect())
            }
            Verdict::Failed(_) => {
                self.shared.guard.offence(case, Offence::Failure);
                (403, Headers::new())
            }
            _ => (403, Headers::new()),
        }
    }

    pub(super) fn respond(&mut self, now: Instant, tx: TxId, code: u16, headers: Headers) {
        self.give(now, Command::Respond { tx, code, reason: None, headers, body: None });
    }
}
