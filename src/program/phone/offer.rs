//! The little SDP a phone needs: one audio stream of G.711 and telephone events (RFC 4566, RFC 3264).
//!
//! Written apart from `engine::sdp` for the reason given in [`super::message`].

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::g711::Codec;

/// Payload number the phone proposes for telephone events.
pub(super) const EVENTS: u8 = 101;

/// One side of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    /// Where RTP is wanted; port 0 refuses the stream.
    pub address: SocketAddr,
    /// Codecs with their payload numbers, most wanted first.
    pub codecs: Vec<(Codec, u8)>,
    /// Payload number of telephone events.
    pub events: Option<u8>,
    /// `sendrecv`, `sendonly`, `recvonly`, `inactive`.
    pub direction: String,
}

impl Description {
    /// An offer of these codecs.
    pub(super) fn offer(address: SocketAddr, codecs: &[Codec]) -> Self {
        Self {
            address,
            codecs: codecs.iter().map(|codec| (*codec, codec.payload())).collect(),
            events: Some(EVENTS),
            direction: "sendrecv".to_owned(),
        }
    }

    /// The answer to this offer by a phone at `address` that speaks `codecs`: the first common one. `None` when there is
    /// none.
    pub(super) fn answer(&self, address: SocketAddr, codecs: &[Codec]) -> Option<Self> {
        let common = self.codecs.iter().find(|(codec, _)| codecs.contains(codec))?;
        let direction = match self.direction.as_str() {
            "sendonly" => "recvonly",
            "recvonly" => "sendonly",
            other => other,
        };
        Some(Self { address, codecs: vec![*common], events: self.events, direction: direction.to_owned() })
    }

    /// As text.
    pub(super) fn to_text(&self, version: u32) -> Vec<u8> {
        let ip = self.address.ip();
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let mut out = format!(
            "v=0\r\no=phone 1 {version} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP",
            self.address.port()
        );
        let numbers = self.codecs.iter().map(|(_, payload)| *payload).chain(self.events);
        for payload in numbers {
            let _ = write!(out, " {payload}");
        }
        out.push_str("\r\n");
        for (codec, payload) in &self.codecs {
            let _ = write!(out, "a=rtpmap:{payload} {}/8000\r\n", codec.name());
        }
        if let Some(events) = self.events {
            let _ = write!(out, "a=rtpmap:{events} telephone-event/8000\r\na=fmtp:{events} 0-15\r\n");
        }
        let _ = write!(out, "a={}\r\na=ptime:20\r\n", self.direction);
        out.into_bytes()
    }

    /// Reads the first audio stream; `None` when there is none that the phone understands.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body);
        let (mut ip, mut port, mut numbers) = (None::<IpAddr>, None::<u16>, Vec::<u8>::new());
        let (mut maps, mut direction) = (Vec::new(), "sendrecv");
        for line in text.lines() {
            if let Some(address) = line.strip_prefix("c=") {
                ip = address.split_whitespace().nth(2).and_then(|word| word.parse().ok());
            } else if let Some(media) = line.strip_prefix("m=") {
                if port.is_some() {
                    break;
                }
                let mut words = media.split_whitespace();
                if words.next() == Some("audio") {
                    port = words.next().and_then(|word| word.parse().ok());
                    numbers = words.skip(1).filter_map(|word| word.parse().ok()).collect();
                }
            } else if let Some(map) = line.strip_prefix("a=rtpmap:") {
                maps.extend(map.split_once(' ').and_then(|(payload, name)| Some((payload.parse::<u8>().ok()?, name))));
            } else if let Some(way @ ("sendrecv" | "sendonly" | "recvonly" | "inactive")) = line.strip_prefix("a=") {
                direction = way;
            }
        }
        let name_of = |payload: u8| maps.iter().find(|(number, _)| *number == payload).map(|(_, name)| *name);
        let is_events = |payload: &u8| {
            name_of(*payload).is_some_and(|name| name.to_ascii_lowercase().starts_with("telephone-event/"))
        };
        let codec_of = |payload: u8| match name_of(payload) {
            Some(name) => Codec::from_name(name.split('/').next()?),
            None => [Codec::Pcmu, Codec::Pcma].into_iter().find(|codec| codec.payload() == payload),
        };
        Some(Self {
            address: SocketAddr::new(ip?, port?),
            codecs: numbers.iter().filter_map(|payload| Some((codec_of(*payload)?, *payload))).collect(),
            events: numbers.iter().copied().find(is_events),
            direction: direction.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_offer_reads_back_and_is_answered() {
        for address in ["127.0.0.1:4000", "[::1]:4000"] {
            let offer = Description::offer(address.parse().unwrap(), &[Codec::Pcma, Codec::Pcmu]);
            let back = Description::parse(&offer.to_text(1)).unwrap();
            assert_eq!(back, offer);
            let answer = back.answer("127.0.0.1:6".parse().unwrap(), &[Codec::Pcmu]).unwrap();
            assert_eq!(answer.codecs, [(Codec::Pcmu, 0)]);
            assert_eq!(back.answer("127.0.0.1:6".parse().unwrap(), &[]), None);
        }
    }

    #[test]
    fn odd_descriptions_are_read() {
        let text = "v=0\nc=IN IP4 10.0.0.1\nm=video 5 RTP/AVP 99\nm=audio 7 RTP/AVP 9 96 8 97\na=rtpmap:96 pcmu/8000\n\
            a=rtpmap:97 TELEPHONE-EVENT/8000\na=sendonly\n";
        // The phone stops at the first stream that is no audio only when it had audio before.
        let got = Description::parse(text.as_bytes());
        let got = got.unwrap();
        assert_eq!(got.codecs, [(Codec::Pcmu, 96), (Codec::Pcma, 8)]);
        assert_eq!((got.events, got.direction.as_str()), (Some(97), "sendonly"));
        assert_eq!(Description::parse(b"v=0\r\n"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "([vcma]=[ -~]{0,30}\r\n){0,8}") {
            let _ = Description::parse(text.as_bytes());
        }
    }
}
