//! Parts of messages that both directions need: session descriptions, Reason, and the headers shown to the dialplan.

use bytes::Bytes;

use super::variables::is_custom;
use crate::call::leg::Headers;
use crate::engine::sip::messages::text;
use crate::engine::sip::{HeaderId, Message};
use crate::words::model::clean;

/// Headers of one message that are shown, at most.
pub(super) const MOST_SHOWN: usize = 64;

/// The session description, when the body is one.
pub(super) fn sdp_of(message: &Message) -> Option<Bytes> {
    let body = message.body();
    (!body.is_empty() && message.content_type() == "application/sdp").then_some(body)
}

/// The whole Reason header.
pub(super) fn reason_of(message: &Message) -> Option<String> {
    message.text(HeaderId::Reason).map(|reason| clean(&reason).into_owned())
}

/// The headers that become `sip_ph_`, `sip_rh_` or `sip_bye_h_` variables.
pub(super) fn shown(message: &Message) -> Headers {
    let custom = message.headers().filter(|header| header.id == HeaderId::Other && is_custom(header.name));
    custom
        .take(MOST_SHOWN)
        .map(|header| (text(header.name).into_owned(), clean(&text(header.value)).into_owned()))
        .collect()
}

/// All headers, for requests that the call looks into.
pub(super) fn all(message: &Message) -> Headers {
    message.headers().map(|header| (text(header.name).into_owned(), clean(&text(header.value)).into_owned())).collect()
}

/// The phrase on the wire, without what could expand.
pub(super) fn phrase_of(message: &Message) -> String {
    clean(&message.reason()).into_owned()
}
