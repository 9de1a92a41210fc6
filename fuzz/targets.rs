//! What is fed with anything: one function each. `fuzz_targets/` runs them for hours with coverage, `tests/mutation.rs`
//! for a second each on the stable toolchain. A target may not panic, and checks what holds for all inputs.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use switch::call::app::Catalog;
use switch::call::dial::DialString;
use switch::engine::audio::{ToneScript, Wav, WavReader};
use switch::engine::dialplan::Dialplan;
use switch::engine::event_socket::Requests;
use switch::engine::rtp::{EventReceiver, JitterBuffer, JitterConfig, Packet, Reception, rtcp};
use switch::engine::sdp::{Codec, Direction, Local, Preference, SessionDescription};
use switch::engine::sip::auth::{Challenge, Credentials};
use switch::engine::sip::messages::{Framing, Via};
use switch::engine::sip::{Flow, FlowId, Framer, HeaderId, Message, NameAddr, Stack, StackConfig, Transport, Uri};
use switch::engine::xml::{NoFiles, load};
use switch::words::expand::{Api, Lookup, expand, split};
use switch::words::model::Variables;
use switch::words::pattern::Pattern;
use switch::words::text::render;

/// A target: its name, and what it does with an input.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    ("loader", loader),
    ("expander", expander),
    ("event_socket", event_socket),
    ("sip_message", sip_message),
    ("sip_stack", sip_stack),
    ("sdp", sdp),
    ("rtp", rtp),
    ("dial_string", dial_string),
    ("pattern", pattern),
    ("wav", wav),
    ("tones", tones),
];

/// A configuration: loaded, compiled, its mistakes rendered.
pub(crate) fn loader(bytes: &[u8]) {
    let loaded = load("fuzz.xml", bytes, Variables::new(), &NoFiles);
    assert!(loaded.root.is_some() || loaded.has_errors(), "refused without an error");
    render(&loaded.sources, &loaded.diagnostics);
    if let Some(root) = &loaded.root {
        Dialplan::compile(root, &Catalog);
    }
}

/// Variables whose values hold references to one another.
struct Names;

impl Lookup for Names {
    fn variable(&self, name: &str, _index: Option<usize>) -> Option<Cow<'_, str>> {
        Some(if name.len().is_multiple_of(2) { "${y}${z}".into() } else { "value".into() })
    }

    fn api(&mut self, _name: &str, args: &str) -> Api {
        Api::Value(args.to_owned())
    }
}

/// A text: expanded, split.
pub(crate) fn expander(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = expand(&text, &mut Names);
    split(&text, ',', 100);
}

/// Two pieces of an input; the first byte says where it is cut.
fn pieces(bytes: &[u8]) -> [&[u8]; 2] {
    let Some((at, rest)) = bytes.split_first() else { return [bytes, &[]] };
    let (first, second) = rest.split_at(usize::from(*at).min(rest.len()));
    [first, second]
}

/// Requests of a client of the event socket, in two pieces.
pub(crate) fn event_socket(bytes: &[u8]) {
    let mut requests = Requests::default();
    for piece in pieces(bytes) {
        requests.feed(piece);
        while let Ok(Some(request)) = requests.take() {
            let _ = (request.header("Content-Length"), requests.is_partial());
        }
    }
}

/// Everything that is read out of a SIP message.
fn read(message: &Message) {
    let ids = [HeaderId::From, HeaderId::To, HeaderId::Contact, HeaderId::Route, HeaderId::RecordRoute];
    for id in ids {
        let _ = (message.value(id), message.text(id), message.number(id), message.lists(id, "a"));
        for value in message.list(id) {
            if let Some(address) = NameAddr::parse(value) {
                let _ = (address.display_text(), address.uri_text(), address.tag());
                if let Ok(uri) = address.parsed_uri() {
                    let _ = (uri.user_text(), uri.host_text());
                }
            }
        }
    }
    for id in [HeaderId::WwwAuthenticate, HeaderId::Authorization] {
        for value in message.values(id) {
            let text = String::from_utf8_lossy(value);
            let _ = (Challenge::parse(&text), Credentials::parse(&text));
        }
    }
    let _ =
        (message.via(), message.branch(), message.sent_by(), message.call_id(), message.cseq(), message.cseq_method());
    let _ = (message.from_tag(), message.to_tag(), message.content_type(), message.reason(), message.uri());
    assert!(message.body().len() <= message.raw().len());
    assert!(message.headers().all(|header| !header.name.contains(&b'\n')));
}

/// A datagram and a stream as SIP messages; the bytes also as a URI, an address and a Via.
pub(crate) fn sip_message(bytes: &[u8]) {
    if let Ok(message) = Message::parse(Bytes::copy_from_slice(bytes), Framing::Datagram) {
        read(&message);
    }
    let mut framer = Framer::new(64 << 10);
    for piece in pieces(bytes) {
        framer.push(piece);
        while let Ok(Some(whole)) = framer.next_message() {
            if let Ok(message) = Message::parse(whole, Framing::Stream) {
                read(&message);
            }
        }
        framer.pings();
    }
    let _ = (Uri::parse(bytes), NameAddr::parse(bytes), Via::parse(bytes));
}

/// Datagrams, parted by a zero byte, into a stack; then its timers, until it is at rest.
pub(crate) fn sip_stack(bytes: &[u8]) {
    let mut now = Instant::now();
    let mut stack = Stack::new(StackConfig::default(), 1);
    let [local, remote] = [5060, 5070].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let flow = Flow { id: FlowId(0), transport: Transport::Udp, local, remote };
    let settle = |stack: &mut Stack| {
        let mut sent = 0;
        while stack.poll_send().is_some() {
            sent += 1;
            assert!(sent < 1000, "it answers without end");
        }
        while stack.poll_event().is_some() {}
    };
    for datagram in bytes.split(|byte| *byte == 0).take(16) {
        stack.on_datagram(now, flow, Bytes::copy_from_slice(datagram));
        settle(&mut stack);
        now += Duration::from_millis(100);
    }
    let mut turns = 0;
    while let Some(deadline) = stack.next_deadline() {
        now = now.max(deadline);
        stack.on_timer(now);
        settle(&mut stack);
        turns += 1;
        if turns > 1000 {
            // Legs that wait for their call stay; their timers must not spin.
            assert!(now.duration_since(deadline) < Duration::from_secs(1));
            break;
        }
    }
}

/// A session description: read, agreed with, answered, relayed; what is written reads the same.
pub(crate) fn sdp(bytes: &[u8]) {
    let Ok(description) = SessionDescription::parse(bytes) else { return };
    let address = SocketAddr::from(([127, 0, 0, 1], 4000));
    let local = Local {
        name: "fuzz".to_owned(),
        session: 1,
        version: 1,
        address,
        dtmf: Some(101),
        direction: Direction::SendRecv,
    };
    let (ours, _) = Codec::list("PCMU,PCMA,G722@20i,L16@16000h");
    for preference in [Preference::Generous, Preference::Greedy, Preference::Scrooge] {
        if let Ok(agreed) = description.agree(&ours, preference) {
            let answer = description.answer(&local, &agreed).to_string();
            assert!(SessionDescription::parse(answer.as_bytes()).is_ok(), "{answer}");
        }
    }
    let _ = (description.audio(), description.audio_address());
    for text in [description.to_string(), description.relayed_by(address).to_string()] {
        let again = SessionDescription::parse(text.as_bytes()).expect("what is written can be read").to_string();
        assert_eq!(again, text);
    }
}

/// A stream of media: packets of RTP or compounds of RTCP, each behind a byte that tells its length.
pub(crate) fn rtp(bytes: &[u8]) {
    let (mut events, mut reception) = (EventReceiver::default(), Reception::default());
    let mut buffer = JitterBuffer::new(JitterConfig::new(8000, 20));
    let (mut rest, mut now) = (bytes, 0);
    while let Some((length, more)) = rest.split_first() {
        let (datagram, more) = more.split_at(usize::from(*length).min(more.len()));
        rest = more;
        now += 20;
        if let Ok(packets) = rtcp::parse(datagram) {
            packets.for_each(drop);
        }
        let Ok(packet) = Packet::parse(datagram) else { continue };
        let header = packet.header;
        reception.receive(header.ssrc, header.sequence, header.timestamp, now);
        let _ = events.receive(&packet);
        buffer.push(header.sequence, header.timestamp, (), u64::from(now));
        buffer.pull(u64::from(now));
        assert!(buffer.len() < 4096);
    }
    let _ = (reception.report(0, 0), reception.lost(), events.expire());
}

/// A dial string.
pub(crate) fn dial_string(bytes: &[u8]) {
    let _ = DialString::parse(&String::from_utf8_lossy(bytes));
}

/// A pattern, a new line, and what it is asked about.
pub(crate) fn pattern(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (text, subject) = text.split_once('\n').unwrap_or((&text, "5551234"));
    let pattern = Pattern::new(text);
    let compiles = pattern.compile().is_ok();
    assert_eq!(compiles, pattern.error().is_none());
    let _ = (pattern.shape(), pattern.heads(16), pattern.all_texts(16), pattern.is_backtracking());
    let matches = pattern.is_match(subject);
    if let (Ok(matches), Ok(groups)) = (matches, pattern.groups(subject)) {
        assert_eq!(matches, groups.is_some());
        if let Some(groups) = groups {
            (0..groups.len()).for_each(|group| drop(groups.text(group, subject)));
            groups.substitute("$1$0${12}\\1%{1}", subject);
        }
    }
    if compiles {
        for example in pattern.examples(4) {
            let _ = pattern.is_match(&example);
        }
    }
}

/// A WAV file: whole, and piece by piece.
pub(crate) fn wav(bytes: &[u8]) {
    let whole = Wav::parse(bytes);
    let Ok(mut reader) = WavReader::new(bytes) else { return };
    if let Ok(whole) = whole {
        let samples = whole.samples();
        assert!(samples.len() <= bytes.len());
        let mut pieces = Vec::new();
        while reader.read(&mut pieces, 160).is_ok_and(|count| count > 0) {}
        assert_eq!(samples, pieces);
        let _ = (whole.ms(), whole.samples_from(7));
    }
}

/// A tone script, its first second.
pub(crate) fn tones(bytes: &[u8]) {
    if let Ok(script) = ToneScript::parse(&String::from_utf8_lossy(bytes)) {
        assert!(script.samples(8000, 8000).len() <= 8000);
        let _ = (script.passes(), script.once().samples(16_000, 160));
    }
}
