//! Offer and answer (RFC 3264) for one audio stream.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::codec::{Codec, valid_ptime};
use super::text::{Direction, Line, MediaSection, SessionDescription};

/// Whose order decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preference {
    /// The remote's order (FreeSWITCH's default).
    #[default]
    Generous,
    /// Ours.
    Greedy,
    /// Ours, also when the remote offers again.
    Scrooge,
}

impl Preference {
    /// By name, ignoring case; anything unknown is generous.
    pub fn parse(text: &str) -> Self {
        if text.eq_ignore_ascii_case("greedy") {
            Self::Greedy
        } else if text.eq_ignore_ascii_case("scrooge") {
            Self::Scrooge
        } else {
            Self::Generous
        }
    }
}

/// What we say about ourselves in every description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// User name of `o=` and text of `s=`: the operator's choice, one word.
    pub name: String,
    /// Session identifier of `o=`.
    pub session: u64,
    /// Version of `o=`; counts up with every change.
    pub version: u64,
    /// Address and port of our RTP.
    pub address: SocketAddr,
    /// Payload number we offer for telephone events; none: we offer none.
    pub dtmf: Option<u8>,
    /// Our direction: what an offer says, and what limits an answer.
    pub direction: Direction,
}

/// What two sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The codec.
    pub codec: Codec,
    /// Its payload number on the wire.
    pub payload: u8,
    /// All codecs in common, the one agreed first.
    pub common: Vec<Codec>,
    /// Where the remote wants RTP.
    pub remote: SocketAddr,
    /// Where it wants RTCP, when it says so.
    pub rtcp: Option<SocketAddr>,
    /// Its payload number for telephone events.
    pub dtmf: Option<u8>,
    /// Its payload number for comfort noise.
    pub comfort_noise: Option<u8>,
    /// Its direction. With a connection address of 0.0.0.0 or `::` it does not receive, which is hold, too.
    pub direction: Direction,
}

/// Why nothing was agreed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoAgreement {
    /// There is no audio section that is not rejected.
    #[error("no audio is offered")]
    NoAudio,
    /// The audio wants a transport we do not speak, encrypted for example.
    #[error("no transport {0}")]
    Transport(String),
    /// No codec is common.
    #[error("no common codec")]
    NoCodec,
    /// No address to send to.
    #[error("no connection address")]
    NoAddress,
}

/// A codec as one side's section names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Named {
    codec: Codec,
    payload: u8,
}

impl SessionDescription {
    /// Codecs of the remote that we prefer too, in the remote's order.
    pub fn common_codecs(&self, ours: &[Codec]) -> Vec<Codec> {
        let Some((_, section)) = self.audio() else { return Vec::new() };
        common(section, ours).into_iter().map(|named| named.codec).collect()
    }

    /// The audio section that counts: the first with a port and a transport we speak, else the first.
    pub fn audio(&self) -> Option<(usize, &MediaSection)> {
        let mut audio = self.media.iter().enumerate().filter(|(_, m)| m.kind().eq_ignore_ascii_case("audio"));
        audio.clone().find(|(_, m)| m.port() != 0 && plain_rtp(m)).or_else(|| audio.next())
    }

    /// Agrees with what the remote wrote, offer or answer.
    pub fn agree(&self, ours: &[Codec], preference: Preference) -> Result<Agreed, NoAgreement> {
        let (_, section) = self.audio().filter(|(_, section)| section.port() != 0).ok_or(NoAgreement::NoAudio)?;
        if !plain_rtp(section) {
            return Err(NoAgreement::Transport(section.protocol().to_owned()));
        }
        let mut common = common(section, ours);
        if preference != Preference::Generous {
            common.sort_by_key(|theirs| ours.iter().position(|own| own.info == theirs.codec.info));
        }
        let chosen = *common.first().ok_or(NoAgreement::NoCodec)?;
        let address = self.address(section).ok_or(NoAgreement::NoAddress)?;
        let direction = self.direction(section);
        Ok(Agreed {
            codec: chosen.codec,
            payload: chosen.payload,
            common: common.iter().map(|named| named.codec).collect(),
            remote: SocketAddr::new(address, section.port()),
            rtcp: rtcp_address(section, address),
            dtmf: telephone_event(section, chosen.codec.info.rate),
            comfort_noise: comfort_noise(section),
            direction: if address.is_unspecified() { direction.limited_to(Direction::SendOnly) } else { direction },
        })
    }

    /// An offer of these codecs. Codecs without a static payload number get the free ones from 96 on.
    pub fn offer(local: &Local, codecs: &[Codec]) -> Self {
        let mut free = (96..=127).filter(|payload| Some(*payload) != local.dtmf);
        let named: Vec<Named> = codecs
            .iter()
            .filter_map(|codec| Some(Named { codec: *codec, payload: codec.info.payload.or_else(|| free.next())? }))
            .collect();
        let ptime = codecs.first().map_or(20, |codec| codec.ptime);
        let section = local_section(local, &named, local.dtmf, ptime, local.direction, "RTP/AVP");
        Self { lines: session_lines(local), media: vec![section] }
    }

    /// The answer to this offer, with what was agreed; every other section is rejected. The direction is the offer's
    /// mirrored, as far as ours allows.
    #[must_use]
    pub fn answer(&self, local: &Local, agreed: &Agreed) -> Self {
        let chosen = [Named { codec: agreed.codec, payload: agreed.payload }];
        let at = self.audio().map(|(at, _)| at);
        let direction = agreed.direction.mirrored().limited_to(local.direction);
        let media = self
            .media
            .iter()
            .enumerate()
            .map(|(index, theirs)| {
                if Some(index) == at {
                    let dtmf = agreed.dtmf.filter(|_| local.dtmf.is_some());
                    return local_section(local, &chosen, dtmf, agreed.codec.ptime, direction, theirs.protocol());
                }
                MediaSection::new(theirs.kind(), 0, theirs.protocol(), theirs.formats().take(1))
            })
            .collect();
        Self { lines: session_lines(local), media }
    }
}

/// RTP without encryption; feedback (RFC 4585) is accepted and not used.
fn plain_rtp(section: &MediaSection) -> bool {
    ["RTP/AVP", "RTP/AVPF"].iter().any(|known| section.protocol().eq_ignore_ascii_case(known))
}

/// `a=rtcp:<port> [IN IP4 <address>]` (RFC 3605).
fn rtcp_address(section: &MediaSection, address: IpAddr) -> Option<SocketAddr> {
    let mut words = section.attributes("rtcp").next()?.split_whitespace();
    let port: u16 = words.next()?.parse().ok().filter(|port| *port != 0)?;
    let own = words.nth(2).and_then(|text| text.parse().ok()).unwrap_or(address);
    Some(SocketAddr::new(own, port))
}

fn session_lines(local: &Local) -> Vec<Line> {
    let address = local.address.ip().to_canonical();
    let family = if address.is_ipv4() { "IP4" } else { "IP6" };
    let name = if local.name.is_empty() { "-" } else { &local.name };
    // A space would end the user name of o= (RFC 8866 5.2).
    let user: String = name.chars().map(|c| if c.is_whitespace() || c.is_control() { '-' } else { c }).collect();
    vec![
        Line::new('v', 0),
        Line::new('o', format_args!("{user} {} {} IN {family} {address}", local.session, local.version)),
        Line::new('s', &user),
        Line::new('c', format_args!("IN {family} {address}")),
        Line::new('t', "0 0"),
    ]
}

fn local_section(
    local: &Local,
    codecs: &[Named],
    dtmf: Option<u8>,
    ptime: u32,
    direction: Direction,
    protocol: &str,
) -> MediaSection {
    let payloads = codecs.iter().map(|named| named.payload).chain(dtmf);
    let mut section = MediaSection::new("audio", local.address.port(), protocol, payloads);
    let mut attribute = |text: fmt::Arguments<'_>| section.lines.push(Line::new('a', text));
    for Named { codec, payload } in codecs {
        let info = codec.info;
        if info.channels > 1 {
            attribute(format_args!("rtpmap:{payload} {}/{}/{}", info.name, info.rate, info.channels));
        } else {
            attribute(format_args!("rtpmap:{payload} {}/{}", info.name, info.rate));
        }
        if !info.fmtp.is_empty() {
            attribute(format_args!("fmtp:{payload} {}", info.fmtp));
        }
    }
    if let Some(payload) = dtmf {
        attribute(format_args!("rtpmap:{payload} telephone-event/8000"));
        attribute(format_args!("fmtp:{payload} 0-15"));
    }
    attribute(format_args!("ptime:{ptime}"));
    attribute(format_args!("{}", direction.as_str()));
    section
}

/// The codecs of a section that we prefer too, in its order. The packet time is the remote's where we can send it, else
/// ours, never longer than the remote's longest.
fn common(section: &MediaSection, ours: &[Codec]) -> Vec<Named> {
    let wanted = section.ptime().and_then(valid_ptime);
    let longest = section.maxptime().map_or(60, |ms| ms.clamp(10, 60) / 10 * 10);
    let mut common = Vec::<Named>::new();
    for payload in section.payloads() {
        let info = match section.rtpmap(payload) {
            Some((name, rate, channels)) => Codec::find(name, rate).filter(|info| info.channels == channels),
            None => Codec::of_payload(payload),
        };
        let Some(own) = info.and_then(|info| ours.iter().find(|own| own.info == info)) else { continue };
        if !common.iter().any(|named| named.codec.info == own.info) {
            let ptime = wanted.unwrap_or(own.ptime).min(longest);
            common.push(Named { codec: Codec { info: own.info, ptime }, payload });
        }
    }
    common
}

/// Payload number of telephone events, of the codec's clock if there are several (RFC 4733 2.1).
fn telephone_event(section: &MediaSection, rate: u32) -> Option<u8> {
    let of_clock = |rate: u32| {
        section.payloads().find(|payload| {
            section
                .rtpmap(*payload)
                .is_some_and(|(name, clock, _)| name.eq_ignore_ascii_case("telephone-event") && clock == rate)
        })
    };
    of_clock(rate).or_else(|| of_clock(8000))
}

/// Payload number of comfort noise (RFC 3389); 13 needs no map.
fn comfort_noise(section: &MediaSection) -> Option<u8> {
    section.payloads().find(|payload| match section.rtpmap(*payload) {
        Some((name, rate, _)) => name.eq_ignore_ascii_case("CN") && rate == 8000,
        None => *payload == 13,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(port: u16) -> Local {
        Local {
            name: "switch".to_owned(),
            session: 7,
            version: 8,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            dtmf: Some(101),
            direction: Direction::SendRecv,
        }
    }

    fn remote(lines: &str) -> SessionDescription {
        SessionDescription::parse(format!("v=0\r\nc=IN IP4 127.0.0.9\r\n{lines}").as_bytes()).unwrap()
    }

    fn ours(list: &str) -> Vec<Codec> {
        Codec::list(list).0
    }

    #[test]
    fn the_remote_order_wins_unless_we_are_greedy() {
        let offer = remote("m=audio 4000 RTP/AVP 18 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\na=ptime:30\r\n");
        for (preference, name) in
            [(Preference::Generous, "PCMA"), (Preference::Greedy, "PCMU"), (Preference::Scrooge, "PCMU")]
        {
            let agreed = offer.agree(&ours("PCMU,PCMA"), preference).unwrap();
            assert_eq!((agreed.codec.info.name, agreed.codec.ptime, agreed.dtmf), (name, 30, Some(96)));
            assert_eq!(agreed.remote.to_string(), "127.0.0.9:4000");
        }
        assert_eq!(offer.common_codecs(&ours("PCMU,PCMA")).len(), 2);
    }

    #[test]
    fn nothing_in_common_is_told() {
        let wanted = ours("PCMU,PCMA");
        for (lines, error) in [
            ("m=audio 4000 RTP/AVP 18\r\n", NoAgreement::NoCodec),
            ("m=audio 0 RTP/AVP 0\r\n", NoAgreement::NoAudio),
            ("m=video 4000 RTP/AVP 96\r\n", NoAgreement::NoAudio),
            ("m=audio 4000 RTP/SAVP 0\r\n", NoAgreement::Transport("RTP/SAVP".to_owned())),
            ("m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/16000\r\n", NoAgreement::NoCodec),
            ("m=audio 4000 RTP/AVP 300 x\r\n", NoAgreement::NoCodec),
        ] {
            assert_eq!(remote(lines).agree(&wanted, Preference::Generous), Err(error), "{lines}");
        }
    }

    #[test]
    fn an_answer_rejects_other_sections_and_mirrors_the_direction() {
        let offer = remote(
            "m=video 5000 RTP/AVP 96 97\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n",
        );
        let agreed = offer.agree(&ours("PCMU,PCMA"), Preference::Generous).unwrap();
        let answer = offer.answer(&local(6000), &agreed).to_string();
        assert!(answer.contains("m=video 0 RTP/AVP 96\r\nm=audio 6000 RTP/AVP 8 101\r\n"), "{answer}");
        assert!(answer.contains("a=rtpmap:8 PCMA/8000\r\n") && answer.ends_with("a=recvonly\r\n"), "{answer}");
    }

    #[test]
    fn an_address_of_zero_is_hold() {
        let offer = SessionDescription::parse(b"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n").unwrap();
        let agreed = offer.agree(&ours("PCMU"), Preference::Generous).unwrap();
        assert_eq!(agreed.direction, Direction::SendOnly);
    }

    #[test]
    fn an_offer_can_be_agreed_with() {
        let offer = SessionDescription::offer(&local(6000), &ours("PCMA,PCMU"));
        let text = offer.to_string();
        assert!(text.starts_with("v=0\r\no=switch 7 8 IN IP4 127.0.0.1\r\n"), "{text}");
        assert!(text.contains("m=audio 6000 RTP/AVP 8 0 101\r\n"), "{text}");
        let agreed =
            SessionDescription::parse(text.as_bytes()).unwrap().agree(&ours("PCMU,PCMA"), Preference::Generous);
        assert_eq!(agreed.unwrap().codec.info.name, "PCMA");
    }

    #[test]
    fn an_encrypted_section_beside_a_plain_one_is_rejected() {
        let offer = remote("m=audio 4000 RTP/SAVP 0\r\nm=audio 4002 RTP/AVPF 0\r\n");
        let agreed = offer.agree(&ours("PCMU"), Preference::Generous).unwrap();
        assert_eq!(agreed.remote.port(), 4002);
        let answer = offer.answer(&local(6000), &agreed).to_string();
        assert!(answer.contains("m=audio 0 RTP/SAVP 0\r\nm=audio 6000 RTP/AVPF 0\r\n"), "{answer}");
    }

    #[test]
    fn packet_times() {
        for (lines, preference, ptime) in [
            ("", "PCMU", 20),
            ("", "PCMU@30i", 30),
            ("a=ptime:40\r\n", "PCMU@30i", 40),
            ("a=ptime:25\r\n", "PCMU", 20),
            ("a=maxptime:10\r\n", "PCMU", 10),
            ("a=ptime:60\r\na=maxptime:30\r\n", "PCMU", 30),
            ("a=maxptime:240\r\n", "PCMU", 20),
            ("a=ptime:0\r\na=maxptime:0\r\n", "PCMU", 10),
        ] {
            let offer = remote(&format!("m=audio 4000 RTP/AVP 0\r\n{lines}"));
            let agreed = offer.agree(&ours(preference), Preference::Generous).unwrap();
            assert_eq!(agreed.codec.ptime, ptime, "{lines} {preference}");
        }
    }

    #[test]
    fn directions_are_mirrored_and_limited() {
        use Direction::*;
        for (theirs, own, expected) in [
            ("sendrecv", SendRecv, "sendrecv"),
            ("sendonly", SendRecv, "recvonly"),
            ("recvonly", SendRecv, "sendonly"),
            ("inactive", SendRecv, "inactive"),
            ("sendrecv", SendOnly, "sendonly"),
            ("sendonly", SendOnly, "inactive"),
        ] {
            let offer = remote(&format!("m=audio 4000 RTP/AVP 0\r\na={theirs}\r\n"));
            let agreed = offer.agree(&ours("PCMU"), Preference::Generous).unwrap();
            let answer = offer.answer(&Local { direction: own, ..local(6000) }, &agreed).to_string();
            assert!(answer.ends_with(&format!("a={expected}\r\n")), "{theirs} {own:?}: {answer}");
        }
    }

    #[test]
    fn events_noise_rtcp_and_ipv6() {
        let offer = SessionDescription::parse(
            b"v=0\nm=audio 4000 RTP/AVP 97 98 0 13\nc=IN IP6 2001:db8::1\na=rtcp:4005 IN IP6 2001:db8::2\na=rtpmap:97 telephone-event/48000\na=rtpmap:98 telephone-event/8000\n",
        )
        .unwrap();
        let agreed = offer.agree(&ours("PCMU"), Preference::Generous).unwrap();
        assert_eq!((agreed.dtmf, agreed.comfort_noise), (Some(98), Some(13)));
        assert_eq!(agreed.remote.to_string(), "[2001:db8::1]:4000");
        assert_eq!(agreed.rtcp.unwrap().to_string(), "[2001:db8::2]:4005");
        let local = Local { address: "[::ffff:192.0.2.4]:6000".parse().unwrap(), ..local(0) };
        let answer = offer.answer(&local, &agreed).to_string();
        assert!(
            answer.contains("c=IN IP4 192.0.2.4\r\n") && answer.contains("m=audio 6000 RTP/AVP 0 98\r\n"),
            "{answer}"
        );
        let local = Local { dtmf: None, address: "[2001:db8::9]:6000".parse().unwrap(), ..local };
        let answer = offer.answer(&local, &agreed).to_string();
        assert!(
            answer.contains("c=IN IP6 2001:db8::9\r\n") && answer.contains("m=audio 6000 RTP/AVP 0\r\n"),
            "{answer}"
        );
    }

    #[test]
    fn what_phones_write() {
        let desk = "v=0\r\no=- 20022 20022 IN IP4 192.0.2.20\r\ns=SDP data\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\nm=audio 11812 RTP/AVP 9 0 8 18 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";
        let soft = "v=0\no=user 3931 2081 IN IP6 2001:db8::7\ns=Talk\nc=IN IP6 2001:db8::7\nt=0 0\na=ice-pwd:8c1c\na=ice-ufrag:5a\na=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss\nm=audio 7078 RTP/AVPF 96 97 8 98 99\na=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1\na=rtpmap:97 speex/16000\na=rtpmap:8 pcma/8000/1\na=rtpmap:98 telephone-event/48000\na=rtpmap:99 Telephone-Event/8000\na=candidate:1 1 UDP 2130706303 2001:db8::7 7078 typ host\na=rtcp-fb:* trr-int 5000\nm=video 9078 RTP/AVPF 96\na=rtpmap:96 VP8/90000\n";
        let old = "v=0\r\no=CiscoSystemsSIP-GW-UserAgent 1 2 IN IP4 192.0.2.3\r\ns=SIP Call\r\nt=0 0\r\nm=audio 18000 RTP/AVP 0 100 19\r\nc=IN IP4 192.0.2.3\r\na=rtpmap:100 telephone-event/8000\r\na=rtpmap:19 CN/8000\r\na=ptime:30\r\na=silenceSupp:off - - - -\r\n";
        for (text, name, ptime, dtmf, remote) in [
            (desk, "PCMU", 20, 101, "192.0.2.20:11812"),
            (soft, "PCMA", 20, 99, "[2001:db8::7]:7078"),
            (old, "PCMU", 30, 100, "192.0.2.3:18000"),
        ] {
            let offer = SessionDescription::parse(text.as_bytes()).unwrap();
            let agreed = offer.agree(&ours("PCMA,PCMU"), Preference::Generous).unwrap();
            let shown = (agreed.codec.info.name, agreed.codec.ptime, agreed.dtmf, agreed.remote.to_string());
            assert_eq!(shown, (name, ptime, Some(dtmf), remote.to_owned()));
            assert_eq!(agreed.comfort_noise, (name == "PCMU" && ptime == 30).then_some(19));
            assert_eq!(offer.to_string().replace("\r\n", "\n"), text.replace("\r\n", "\n"));
        }
    }

    #[test]
    fn an_operators_name_cannot_break_the_lines() {
        let local = Local { name: "My Switch\r\nm=".to_owned(), ..local(6000) };
        let text = SessionDescription::offer(&local, &ours("PCMU")).to_string();
        assert!(text.starts_with("v=0\r\no=My-Switch--m= 7 8 IN IP4 127.0.0.1\r\ns=My-Switch--m=\r\nc="), "{text}");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_offered_is_answered_section_by_section(
            lines in "(m=(audio|video) [0-9]{1,4} RTP/AVP( [0-9]{1,3}){0,4}\n(a=(rtpmap:[0-9]{1,3} (PCMU|PCMA|CN|telephone-event)/8000|ptime:[0-9]{1,3}|sendonly|inactive|rtcp:[0-9 ]{1,5})\n){0,4}){0,5}"
        ) {
            let offer = remote(&lines);
            if let Ok(agreed) = offer.agree(&ours("PCMU,PCMA"), Preference::Greedy) {
                proptest::prop_assert_eq!(valid_ptime(agreed.codec.ptime), Some(agreed.codec.ptime));
                let answer = offer.answer(&local(6000), &agreed);
                proptest::prop_assert_eq!(answer.media.len(), offer.media.len());
                proptest::prop_assert_eq!(answer.media.iter().filter(|m| m.port() != 0).count(), 1);
                let back = SessionDescription::parse(answer.to_string().as_bytes()).unwrap();
                let agreed_back = back.agree(&ours("PCMU,PCMA"), Preference::Generous).unwrap();
                proptest::prop_assert_eq!(agreed_back.codec.info, agreed.codec.info);
                proptest::prop_assert_eq!(agreed_back.payload, agreed.payload);
            }
        }
    }
}
