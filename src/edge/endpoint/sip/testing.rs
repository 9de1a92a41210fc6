//! Messages for the tests of this module.

use bytes::Bytes;

use super::settings::ProfileSettings;
use crate::engine::config::SipProfile;
use crate::engine::sip::messages::Framing;
use crate::engine::sip::{Flow, FlowId, Message, Transport};

/// Reads a message.
pub(super) fn message(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes()), Framing::Datagram).unwrap()
}

/// An INVITE of +1000 to 2000 with more headers.
pub(super) fn invite(headers: &str) -> Message {
    message(&format!(
        "INVITE sip:2000@192.0.2.9:5070 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5066;rport;branch=z9hG4bK1\r\n\
         From: \"Alice\" <sip:+1000@example.org>;tag=t1\r\nTo: <sip:2000@example.org>\r\nCall-ID: c1@x\r\n\
         CSeq: 4 INVITE\r\nContact: <sip:1000@192.0.2.1:5066;ob>\r\n{headers}Content-Type: application/sdp\r\n\
         Content-Length: 5\r\n\r\nv=0\r\n"
    ))
}

/// A response with more headers and no body.
pub(super) fn response(status: u16, headers: &str) -> Message {
    message(&format!(
        "SIP/2.0 {status} Some Phrase\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:1@h>;tag=a\r\n\
         To: <sip:2@h>;tag=b\r\nCall-ID: c1@x\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: 0\r\n\r\n"
    ))
}

/// From 192.0.2.1:5066 to 192.0.2.9:5070 over UDP.
pub(super) fn flow() -> Flow {
    Flow {
        id: FlowId(0),
        transport: Transport::Udp,
        local: "192.0.2.9:5070".parse().unwrap(),
        remote: "192.0.2.1:5066".parse().unwrap(),
    }
}

/// The default profile.
pub(super) fn profile() -> ProfileSettings {
    ProfileSettings::from(&SipProfile::default())
}
