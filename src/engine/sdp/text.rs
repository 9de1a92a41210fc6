//! SDP as text (RFC 8866, read leniently): sections of lines, kept as they are, unknown ones included.
//!
//! What was read is printed as it was, odd spacing too, with two exceptions: every line ends in CR LF, and empty lines
//! are left out. Only `m=` lines have to be understood.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, SocketAddr};

use compact_str::{CompactString, format_compact};

/// Most lines of one description.
const MAX_LINES: usize = 1000;
/// Most media sections.
const MAX_MEDIA: usize = 32;

/// A session description.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionDescription {
    /// Lines before the first `m=`.
    pub lines: Vec<Line>,
    /// Media sections in order.
    pub media: Vec<MediaSection>,
}

/// One `m=` line and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaSection {
    /// The `m=` line as written; its words are valid.
    head: Line,
    /// The following lines.
    pub lines: Vec<Line>,
}

/// One line, as written, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(CompactString);

/// Direction attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both ways; also when nothing is said.
    #[default]
    SendRecv,
    /// The writer only sends.
    SendOnly,
    /// The writer only receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

/// Why a text is no SDP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SdpError {
    /// No line of the form `x=…` at all.
    #[error("the body holds no SDP line")]
    Empty,
    /// An `m=` line cannot be read.
    #[error("line {line}: cannot read the media line")]
    Media {
        /// Line number from 1.
        line: usize,
    },
    /// More lines or sections than anyone needs.
    #[error("more than {MAX_LINES} lines or {MAX_MEDIA} media sections")]
    TooLong,
}

impl Line {
    /// A line `kind=value`.
    pub fn new(kind: char, value: impl fmt::Display) -> Self {
        Self(format_compact!("{kind}={value}"))
    }

    /// The type letter; none when the line is not of the form `x=…`.
    pub fn kind(&self) -> Option<char> {
        let mut chars = self.0.trim_start().chars();
        let kind = chars.next()?;
        chars.as_str().trim_start().starts_with('=').then_some(kind)
    }

    /// What follows the first `=`, spaces at both ends cut.
    pub fn value(&self) -> &str {
        self.0.split_once('=').map_or("", |(_, value)| value.trim())
    }

    /// Name and value of an attribute line; a flag has no value.
    fn attribute(&self) -> Option<(&str, &str)> {
        if self.kind() != Some('a') {
            return None;
        }
        let (name, value) = self.value().split_once(':').unwrap_or((self.value(), ""));
        Some((name.trim(), value.trim()))
    }
}

/// A line without its CR, and without zero bytes that fill up a buffer, whatever blanks stand between them.
fn without_padding(line: &str) -> &str {
    let line = line.trim_end_matches(['\r', '\0']);
    let bare = line.trim_end_matches(|letter: char| letter == '\0' || letter.is_whitespace());
    if line.get(bare.len()..).is_some_and(|tail| tail.contains('\0')) { bare } else { line }
}

impl SessionDescription {
    /// Reads a body. Lines end in LF or CR LF; `s=` and `t=` may be missing; bytes that are not UTF-8 are replaced.
    pub fn parse(body: &[u8]) -> Result<Self, SdpError> {
        let text = String::from_utf8_lossy(body);
        let mut description = Self::default();
        let mut any = false;
        for (at, raw) in text.lines().enumerate() {
            if at >= MAX_LINES {
                return Err(SdpError::TooLong);
            }
            let raw = without_padding(raw);
            if raw.trim().is_empty() {
                continue;
            }
            let line = Line(raw.into());
            any |= line.kind().is_some();
            if line.kind() == Some('m') {
                if description.media.len() >= MAX_MEDIA {
                    return Err(SdpError::TooLong);
                }
                description.media.push(MediaSection::parse(line).ok_or(SdpError::Media { line: at + 1 })?);
                continue;
            }
            match description.media.last_mut() {
                Some(section) => section.lines.push(line),
                None => description.lines.push(line),
            }
        }
        if any { Ok(description) } else { Err(SdpError::Empty) }
    }

    /// Connection address of a section: its own, else the session's. None when there is none, or it is a name.
    pub fn address(&self, section: &MediaSection) -> Option<IpAddr> {
        let connection = |lines: &[Line]| {
            lines.iter().filter(|line| line.kind() == Some('c')).find_map(|line| {
                let address = line.value().split_whitespace().nth(2)?;
                address.split('/').next()?.parse().ok()
            })
        };
        connection(&section.lines).or_else(|| connection(&self.lines))
    }

    /// Where the first stream of audio is wanted.
    pub fn audio_address(&self) -> Option<SocketAddr> {
        let section = self.media.iter().find(|section| section.kind() == "audio" && section.port() != 0)?;
        Some(SocketAddr::new(self.address(section)?, section.port()))
    }

    /// The same description with an address of ours in place of the writer's: for the first stream of audio; all others
    /// are refused. What would lead around us is left out (`a=rtcp`, `a=candidate` and the rest of ICE).
    #[must_use]
    pub fn relayed_by(&self, address: SocketAddr) -> Self {
        let family = if address.is_ipv4() { "IP4" } else { "IP6" };
        let connection = Line::new('c', format!("IN {family} {}", address.ip()));
        let kept = |line: &&Line| {
            line.kind() != Some('c')
                && !line.attribute().is_some_and(|(name, _)| {
                    let name = name.to_ascii_lowercase();
                    name == "rtcp" || name.contains("candidate") || name.starts_with("ice-")
                })
        };
        let lines = |lines: &[Line]| lines.iter().filter(kept).cloned().collect::<Vec<Line>>();
        let mut session = lines(&self.lines);
        // It stands before the times (RFC 8866 5).
        let at =
            session.iter().position(|line| matches!(line.kind(), Some('b' | 't' | 'k' | 'a'))).unwrap_or(session.len());
        session.insert(at, connection);
        let audio = self.media.iter().position(|section| section.kind() == "audio" && section.port() != 0);
        let section = |(at, section): (usize, &MediaSection)| {
            let port = if Some(at) == audio { address.port() } else { 0 };
            MediaSection {
                lines: lines(&section.lines),
                ..MediaSection::new(section.kind(), port, section.protocol(), section.formats())
            }
        };
        Self { lines: session, media: self.media.iter().enumerate().map(section).collect() }
    }

    /// Direction of a section: its own attribute, else the session's.
    pub fn direction(&self, section: &MediaSection) -> Direction {
        let find =
            |lines: &[Line]| lines.iter().filter_map(Line::attribute).find_map(|(name, _)| Direction::parse(name));
        find(&section.lines).or_else(|| find(&self.lines)).unwrap_or_default()
    }
}

impl MediaSection {
    /// A section without further lines.
    pub fn new<F: fmt::Display>(kind: &str, port: u16, protocol: &str, formats: impl IntoIterator<Item = F>) -> Self {
        let mut value = format!("{kind} {port} {protocol}");
        for format in formats {
            let _ = write!(value, " {format}");
        }
        Self { head: Line::new('m', value), lines: Vec::new() }
    }

    fn parse(head: Line) -> Option<Self> {
        let mut words = head.value().split_whitespace();
        let (_, port, _) = (words.next()?, words.next()?, words.next()?);
        parse_port(port)?;
        Some(Self { head, lines: Vec::new() })
    }

    fn word(&self, at: usize) -> &str {
        self.head.value().split_whitespace().nth(at).unwrap_or_default()
    }

    /// `audio`, `video` …
    pub fn kind(&self) -> &str {
        self.word(0)
    }

    /// Transport port; 0 rejects the section.
    pub fn port(&self) -> u16 {
        parse_port(self.word(1)).unwrap_or(0)
    }

    /// `RTP/AVP` …
    pub fn protocol(&self) -> &str {
        self.word(2)
    }

    /// Formats in order: payload numbers for RTP.
    pub fn formats(&self) -> impl Iterator<Item = &str> {
        self.head.value().split_whitespace().skip(3)
    }

    /// Payload numbers among the formats, in order.
    pub fn payloads(&self) -> impl Iterator<Item = u8> {
        self.formats().filter_map(|format| format.parse().ok()).filter(|payload| *payload < 128)
    }

    /// Values of `a=<name>:<value>` in order; of a flag the empty text.
    pub fn attributes<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines
            .iter()
            .filter_map(Line::attribute)
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// `a=rtpmap` of a payload number: name (whose case says nothing), clock, channels.
    pub fn rtpmap(&self, payload: u8) -> Option<(&str, u32, u8)> {
        let mut parts = self.of_payload("rtpmap", payload)?.split('/').map(str::trim);
        let name = parts.next()?;
        let rate = parts.next()?.parse().ok()?;
        let channels = parts.next().and_then(|c| c.parse().ok()).unwrap_or(1);
        Some((name, rate, channels))
    }

    /// `a=fmtp` of a payload number.
    pub fn fmtp(&self, payload: u8) -> Option<&str> {
        self.of_payload("fmtp", payload)
    }

    /// `a=ptime`, ms; fractions are cut.
    pub fn ptime(&self) -> Option<u32> {
        self.number("ptime")
    }

    /// `a=maxptime`, ms.
    pub fn maxptime(&self) -> Option<u32> {
        self.number("maxptime")
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.attributes(name).find_map(|value| value.split(['.', ' ']).next()?.parse().ok())
    }

    fn of_payload<'a>(&'a self, name: &'a str, payload: u8) -> Option<&'a str> {
        self.attributes(name).find_map(|value| {
            let (number, rest) = value.split_once(char::is_whitespace)?;
            (number.parse::<u8>().ok()? == payload).then(|| rest.trim())
        })
    }
}

/// `4000` or `4000/2`.
fn parse_port(word: &str) -> Option<u16> {
    word.split('/').next()?.parse().ok()
}

impl Direction {
    /// The attribute's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// What the other side answers.
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// What both allow.
    #[must_use]
    pub fn limited_to(self, other: Self) -> Self {
        Self::of(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// Whether the writer wants to send.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the writer wants to receive.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|direction| direction.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sections = self.media.iter().flat_map(|section| std::iter::once(&section.head).chain(&section.lines));
        for line in self.lines.iter().chain(sections) {
            write!(f, "{line}\r\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPICAL: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendonly\r\nm=video 0 RTP/AVP 96\r\n";

    fn parse(text: &str) -> SessionDescription {
        SessionDescription::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn another_address_for_the_audio() {
        let text = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\na=ice-lite\r\n\
                    m=video 4002 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 0 18\r\nc=IN IP4 10.0.0.2\r\na=rtpmap:18 G729/8000\r\n\
                    a=rtcp:5\r\na=candidate:1 1 UDP 1 10.0.0.3 9 typ host\r\n";
        let description = SessionDescription::parse(text.as_bytes()).unwrap();
        assert_eq!(description.audio_address(), Some("10.0.0.2:4000".parse().unwrap()));
        let ours = description.relayed_by("192.0.2.1:6000".parse().unwrap()).to_string();
        assert_eq!(
            ours,
            "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
             m=audio 6000 RTP/AVP 0 18\r\na=rtpmap:18 G729/8000\r\n"
        );
        assert_eq!(SessionDescription::parse(b"v=0\r\n").unwrap().audio_address(), None);
    }

    #[test]
    fn a_typical_description_prints_as_it_was() {
        let sdp = parse(TYPICAL);
        assert_eq!(sdp.to_string(), TYPICAL);
        let audio = sdp.media.first().unwrap();
        assert_eq!((audio.kind(), audio.port(), audio.protocol()), ("audio", 4000, "RTP/AVP"));
        assert_eq!(audio.payloads().collect::<Vec<_>>(), [8, 0, 101]);
        assert_eq!(sdp.address(audio).unwrap().to_string(), "10.0.0.1");
        assert_eq!(sdp.direction(audio), Direction::SendOnly);
        assert_eq!(audio.rtpmap(101), Some(("telephone-event", 8000, 1)));
        assert_eq!((audio.fmtp(101), audio.ptime(), audio.maxptime()), (Some("0-16"), Some(20), None));
    }

    #[test]
    fn odd_but_readable_texts_are_read_and_kept() {
        let odd =
            "v=0\nx-unknown line\nm=audio  4000/2\tRTP/AVP 0  8\n\nc=IN  IP6 ::1\n a=sendonly \na = ptime : 30\nk=é\n";
        let sdp = parse(odd);
        let audio = sdp.media.first().unwrap();
        assert_eq!((audio.port(), sdp.address(audio).unwrap().to_string().as_str()), (4000, "::1"));
        assert_eq!((sdp.direction(audio), audio.ptime()), (Direction::SendOnly, Some(30)));
        assert_eq!(sdp.to_string(), odd.replace("\n\n", "\n").replace('\n', "\r\n"));
    }

    #[test]
    fn faults_are_told() {
        let many = "a=x\n".repeat(MAX_LINES + 1);
        let media = "m=audio 1 RTP/AVP 0\n".repeat(MAX_MEDIA + 1);
        for (text, error) in [
            ("hello", SdpError::Empty),
            ("", SdpError::Empty),
            ("v=0\nm=audio x RTP/AVP 0", SdpError::Media { line: 2 }),
            ("m=audio 70000 RTP/AVP 0", SdpError::Media { line: 1 }),
            ("m=audio 7000", SdpError::Media { line: 1 }),
            (many.as_str(), SdpError::TooLong),
            (media.as_str(), SdpError::TooLong),
        ] {
            assert_eq!(SessionDescription::parse(text.as_bytes()), Err(error), "{text:.40}");
        }
    }

    #[test]
    fn the_sections_own_lines_win() {
        let sdp = parse(
            "v=0\nc=IN IP4 192.0.2.1/127\na=inactive\nm=audio 1 RTP/AVP 0\nm=audio 2 RTP/AVP 0\nc=IN IP4 192.0.2.2\na=recvonly\nm=audio 3 RTP/AVP 0\nc=IN IP4 host.example\n",
        );
        let shown: Vec<_> = sdp
            .media
            .iter()
            .map(|m| (sdp.address(m).map(|address| address.to_string()).unwrap_or_default(), sdp.direction(m)))
            .collect();
        assert_eq!(
            shown,
            [
                ("192.0.2.1".to_owned(), Direction::Inactive),
                ("192.0.2.2".to_owned(), Direction::RecvOnly),
                ("192.0.2.1".to_owned(), Direction::Inactive)
            ]
        );
    }

    #[test]
    fn directions() {
        use Direction::*;
        for (theirs, mirrored) in
            [(SendRecv, SendRecv), (SendOnly, RecvOnly), (RecvOnly, SendOnly), (Inactive, Inactive)]
        {
            assert_eq!(theirs.mirrored(), mirrored);
            assert_eq!(theirs.limited_to(SendRecv), theirs);
            assert_eq!(theirs.limited_to(Inactive), Inactive);
        }
        assert_eq!(SendOnly.limited_to(RecvOnly), Inactive);
    }

    proptest::proptest! {
        #[test]
        fn no_body_panics_and_printing_is_stable(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            if let Ok(sdp) = SessionDescription::parse(&body) {
                let again = SessionDescription::parse(sdp.to_string().as_bytes()).unwrap();
                proptest::prop_assert_eq!(again, sdp);
            }
        }

        #[test]
        fn no_text_of_lines_panics(text in "([vosctabm] ?= ?[a-z0-9:/ .]{0,20}(\r\n|\n|\n\n)){0,20}") {
            if let Ok(sdp) = SessionDescription::parse(text.as_bytes()) {
                let again = SessionDescription::parse(sdp.to_string().as_bytes()).unwrap();
                proptest::prop_assert_eq!(again, sdp);
            }
        }
    }
}
