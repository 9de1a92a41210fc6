//! MESSAGE between users (RFC 3428): relayed to the registered contacts of the To user, never stored, never a command.
//!
//! 202 when it was handed on, 480 without a binding, 404 for a user that the directory does not know, 483 when it has come
//! too far. Who sends must prove to be the user of From.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::auth::{Case, Verdict};
use super::shard::Shard;
use crate::call::leg::Headers;
use crate::engine::config::User;
use crate::engine::sip::messages::Uri;
use crate::engine::sip::registrar::Binding;
use crate::engine::sip::{Body, Command, Flow, HeaderId, Message, Method, Request, Target, TxId};

/// Tokens of requests whose answers nobody awaits.
pub(super) const UNAWAITED: u64 = 1 << 62;

impl Shard {
    /// A user writes to another.
    pub(super) fn relay_message(&mut self, now: Instant, tx: TxId, request: &Message, flow: &Flow) {
        let shared = Arc::clone(&self.shared);
        let settings = shared.listeners.profile_of(flow.local).or_else(|| shared.listeners.profile(0));
        let Some(profile) = settings else { return self.respond(now, tx, 503, Headers::new()) };
        let (own, directory) = (self.is_own_flow(flow), shared.directory.load());
        let case = Case { now, request, remote: flow.remote, own, profile: &profile, directory: &directory };
        let verdict = match shared.guard.demand(case) {
            Verdict::User { user, .. } if !is_of(request, &user) => Verdict::Failed("From is another user's"),
            verdict => verdict,
        };
        if !matches!(verdict, Verdict::User { .. }) {
            let (code, headers) = self.demand(case, &verdict);
            return self.respond(now, tx, code, headers);
        }
        let hops = request.number(HeaderId::MaxForwards).unwrap_or(70);
        if hops == 0 {
            return self.respond(now, tx, 483, Headers::new());
        }
        let (name, host) = request.address(HeaderId::To).map(|to| user_and_host(to.uri)).unwrap_or_default();
        let domain = profile.domain.as_deref().unwrap_or(&host);
        let Some(user) = directory.user(&name, domain) else {
            return self.respond(now, tx, 404, Headers::new());
        };
        let kept = profile.binding_domain.as_deref().unwrap_or(domain);
        let bindings = shared.registrations.of_user(&user.id, kept);
        let mut sent = 0_usize;
        for binding in &bindings {
            let Some(target) = self.contact_target(binding) else { continue };
            let request = relayed(request, binding, target, hops.saturating_sub(1));
            sent = sent.saturating_add(usize::from(self.give(now, Command::Send(Box::new(request))).is_some()));
        }
        let code = if sent > 0 { 202 } else { 480 };
        self.respond(now, tx, code, Headers::new());
    }

    /// Where a request to a registered contact goes: the contact's address, or back to where it registered from when
    /// that is a name, behind NAT, or on the far end of a stream.
    fn contact_target(&mut self, binding: &Binding) -> Option<Target> {
        let profile = self.shared.listeners.called(&binding.profile).unwrap_or(0);
        let first = binding.path.first().map_or(&*binding.contact, |path| super::destination::strip_brackets(path));
        let written = Uri::parse(first.as_bytes()).ok().and_then(|uri| super::destination::hop_of(&uri).ok());
        let back = binding.path.is_empty() && binding.goes_back(self.shared.connections.is_connected(binding.received));
        let (transport, ip, port): (_, IpAddr, u16) =
            match written {
                Some(super::destination::Hop {
                    host: super::destination::Host::Address(ip), port, transport, ..
                }) if !back => (transport, ip, port),
                _ => (binding.transport, binding.received.ip(), binding.received.port()),
            };
        self.aim(profile, transport, ip, port)
    }
}

/// Whether From is the user's own.
fn is_of(request: &Message, user: &User) -> bool {
    let (name, host) = request.address(HeaderId::From).map(|from| user_and_host(from.uri)).unwrap_or_default();
    let alias = user.attribute("number-alias").is_some_and(|alias| alias.eq_ignore_ascii_case(&name));
    (user.id.eq_ignore_ascii_case(&name) || alias) && user.domain.eq_ignore_ascii_case(&host)
}

pub(super) fn user_and_host(uri: &[u8]) -> (String, String) {
    Uri::parse(uri).map(|uri| (uri.user_text(), uri.host_text().into_owned())).unwrap_or_default()
}

fn relayed(request: &Message, binding: &Binding, target: Target, hops: u32) -> Request {
    let value = |id| request.text(id).map(std::borrow::Cow::into_owned);
    let body = Body {
        content_type: value(HeaderId::ContentType).unwrap_or_else(|| "text/plain".to_owned()),
        bytes: request.body(),
    };
    Request {
        token: UNAWAITED,
        method: Method::Message,
        uri: binding.contact.clone(),
        target,
        from: value(HeaderId::From).unwrap_or_default(),
        from_tag: None,
        to: value(HeaderId::To),
        call_id: None,
        cseq: None,
        route: binding.path.clone(),
        headers: vec![("Max-Forwards".to_owned(), hops.to_string())],
        body: (!body.bytes.is_empty()).then_some(body),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::message;
    use super::*;
    use crate::engine::config::Directory;
    use crate::engine::xml::{NoFiles, load};
    use crate::words::model::Variables;

    #[test]
    fn from_must_be_the_senders() {
        let text = "<document><section name=\"directory\"><domain name=\"d\"><user id=\"1000\" number-alias=\"77\"/>\
                    </domain></section></document>";
        let directory = Directory::read(&load("d.xml", text.as_bytes(), Variables::new(), &NoFiles).root.unwrap());
        let user = directory.user("1000", "d").unwrap();
        for (from, own) in
            [("1000@d", true), ("77@D", true), ("1000@e", false), ("1001@d", false), ("d", false), ("", false)]
        {
            let request = message(&format!(
                "MESSAGE sip:1@d SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: \"1000\" <sip:{from}>;tag=1\r\nTo: <sip:1@d>\r\n\
                 Call-ID: c\r\nCSeq: 1 MESSAGE\r\n\r\n"
            ));
            assert_eq!(is_of(&request, user), own, "{from}");
        }
    }
}
