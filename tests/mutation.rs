//! Mutations of real inputs, on the stable toolchain: whatever a file or a wire holds, the parsers end, within bounds and
//! without panic. The seed is fixed, the time is bounded; `fuzz/` runs the same targets longer.
#![allow(clippy::indexing_slicing, reason = "places are drawn within bounds")]
#![allow(clippy::disallowed_methods, reason = "the time is bounded by the real clock")]

use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use switch::engine::audio::{wav_bytes, wav_header};

#[path = "../fuzz/targets.rs"]
mod targets;

/// Time of each target; the first rounds run in any case. `MUTATION_SECONDS` makes it longer, from a seed of the moment.
const TIME: Duration = Duration::from_secs(1);

/// Rounds that run in any case.
const ROUNDS: usize = 200;

/// Mutated files are no longer than this.
const LONGEST: usize = 64 << 10;

/// Documents to begin with.
const DOCUMENTS: &[&[u8]] = &[
    include_bytes!("fixtures/vanilla/dialplan/default.xml"),
    include_bytes!("fixtures/vanilla/dialplan/features.xml"),
    include_bytes!("fixtures/vanilla/vars.xml"),
    include_bytes!("../dialplan/public.xml"),
];

/// Texts to begin with.
const TEXTS: &[&[u8]] = &[
    b"a${b}c${d:1:2}${e[3]}$$${f}",
    b"${cond(${x} == ${y} ? ${expr(1+2)} : no)}",
    b"\\${x}\\\\${y}\\'\\s${strftime %H}",
    b"%[a=1,b='2,3']data ${a} ^^;x=1;y=2",
];

/// Requests of clients of the event socket.
const REQUESTS: &[&[u8]] =
    &[b"\x20auth ClueCon\n\napi status\n\n", b"\x09sendmsg uuid\ncall-command: execute\nContent-Length: 5\n\nhello"];

/// Messages of SIP.
const MESSAGES: &[&[u8]] = &[
    b"INVITE sip:1000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n\
      From: \"A \\\" B\" <sip:a@127.0.0.1;x=y>;tag=1\r\nTo: <sip:1000@127.0.0.1>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\
      Contact: <sip:a@127.0.0.1:5070>\r\nContent-Type: application/sdp\r\nContent-Length: 4\r\n\r\nv=0\n\
      \0BYE sip:1000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK2\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\n\
      To: <sip:1000@127.0.0.1>;tag=2\r\nCall-ID: c1\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n",
    b"SIP/2.0 401 Unauthorized\r\nv: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK3;received=127.0.0.1\r\nf: <sip:b@h>;tag=3\r\n\
      t: <sip:b@h>;tag=4\r\ni: c2\r\nCSeq: 7 REGISTER\r\nm: <sip:b@[::1]:5060>;expires=60, <sip:c@h>\r\n\
      WWW-Authenticate: Digest realm=\"h\", nonce=\"n\", qop=\"auth,auth-int\",\r\n algorithm=MD5\r\nl: 0\r\n\r\n",
    b"OPTIONS sips:u:p@h:1;transport=tcp?a=b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK4, SIP/2.0/UDP i\r\nFrom: a;tag=1\r\n\
      To: b\r\nCall-ID: c3\r\nCSeq: 4294967295 OPTIONS\r\nRoute: <sip:r;lr>\r\nAuthorization: Digest username=\"u\",\
      realm=\"r\",nonce=\"n\",uri=\"x\",response=\"y\",nc=00000001,cnonce=\"c\",qop=auth\r\n\r\n",
];

/// Session descriptions.
const DESCRIPTIONS: &[&[u8]] = &[
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000/2 RTP/AVP 0 8 9 101\r\n\
      a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=maxptime:40\r\na=sendonly\r\n\
      m=video 0 RTP/AVP 31\r\n",
    b"v=0\no=- 18446744073709551615 1 IN IP6 ::1\ns=\nm=audio 9 RTP/AVP 96 97\nc=IN IP6 ::1\na=rtpmap:96 L16/16000/2\n\
      a=rtpmap:97 G722/8000\na=rtcp:5001 IN IP4 192.0.2.1\na=inactive\n",
];

/// Streams: octets of a length, then a packet.
const STREAMS: &[&[u8]] = &[
    b"\x10\x80\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x01abcd\x10\x80\xe5\x00\x00\x00\x00\x00\xa0\x00\x00\x00\x01\x05\x8a\x00\xa0\
      \x14\xb1\x80\x00\x07\x00\x00\x01\x00\x00\x00\x00\x01\x00\x00\x00\x05\xbe\xde\x00\x00\x02",
    b"\x1c\x80\xc8\x00\x06\x00\x00\x00\x01\x83\xaa\x7e\x80\x00\x00\x00\x00\x00\x00\x00\xa0\x00\x00\x00\x01\x00\x00\x00\xa0\
      \x18\x81\xca\x00\x03\x00\x00\x00\x01\x01\x04name\x00\x00\x81\xcb\x00\x01\x00\x00\x00\x01",
];

/// Dial strings.
const DIALS: &[&[u8]] = &[
    b"{a=1,b='x,y'}<c=2>[leg_timeout=5]sofia/internal/1000@h|user/1001@d,group/all@d:_:error/USER_BUSY",
    b"{^^;a=1,2;b=3}loopback/9/default/XML,[x=y]sofia/gateway/g/${n}:_:[^^:a=b]null/x",
];

/// Patterns and what they are asked about.
const PATTERNS: &[&[u8]] = &[
    b"^(?:\\+?1)?([2-9]\\d{2}[2-9]\\d{6})$\n+12125551234",
    b"^\\*(\\d{2,})\\*?(?P<n>a|b|[[:alpha:]]+)?(?i)x(?=y)\\1$\n*12*ax",
    b"(?<!0)(a+)+$|\\Q.\\E{0,3}\\x{41}\\101[^]a-z-]\naaaaaaaaaaaaaaaaaaaaaaaab",
];

/// Tone scripts.
const TONES: &[&[u8]] = &[b"v=-7;%(2000,4000,440,480);loops=-1", b"L=2;%(100,50,1400);>=1;+=3;%(10,0,350,440)|r=16000"];

/// What is put in somewhere.
const PIECES: &[&[u8]] = &[
    b"<",
    b">",
    b"</",
    b"/>",
    b"\"",
    b"'",
    b"&",
    b"&#0;",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?",
    b"<include>",
    b"$${",
    b"${",
    b"}",
    b"(",
    b")",
    b"[",
    b"]",
    b"\\",
    b"^^",
    b"%[",
    b"ARRAY::",
    b"|:",
    b"\0",
    b"\xff",
    b"\xfe\xff",
    b"\r",
    b"\n",
    b"<X-PRE-PROCESS cmd=\"set\" data=\"x=$${x}$${x}\"/>\n",
    b"<!--#set ",
    b"<condition>",
    b"</condition>",
    b"regex=\"xor\"",
    b"break=\"never\"",
    b"expression=\"((((\"",
    b"{1,65535}",
    b"(?<=",
    b"\\Q",
    b"999999999999999999",
    b"\r\n",
    b"\r\n ",
    b"Content-Length: 4294967296\r\n",
    b"SIP/2.0",
    b";branch=",
    b";tag=",
    b"%00",
    b"@",
    b",",
    b"m=audio 65536 RTP/AVP 128\r\n",
    b"a=rtpmap:0 PCMU/0/0\r\n",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"data",
    b"fmt ",
    b"loops=",
    b":_:",
    b"(?R)",
];

fn mutate(from: &[u8], random: &mut SmallRng) -> Vec<u8> {
    let mut bytes = from.to_vec();
    for _ in 0..random.random_range(1..8) {
        let at = random.random_range(0..=bytes.len());
        let end = (at + random.random_range(0..40)).min(bytes.len());
        let piece = PIECES[random.random_range(0..PIECES.len())];
        match random.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..end, piece.iter().copied())),
            3 => drop(bytes.splice(at..at, piece.repeat(random.random_range(1..200)))),
            4 => {
                let copy = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, copy));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

/// Runs one target on mutations of what it begins with, and of what came of them.
fn run(seeds: &[&[u8]], target: impl Fn(&[u8])) {
    let longer = std::env::var("MUTATION_SECONDS").ok().and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let seed = if longer.is_some() { rand::random() } else { 5060 };
    let (time, mut random) = (longer.unwrap_or(TIME), SmallRng::seed_from_u64(seed));
    let started = Instant::now();
    let mut pool: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_vec()).collect();
    let mut rounds = 0;
    while rounds < ROUNDS || started.elapsed() < time {
        let from = random.random_range(0..pool.len());
        let bytes = mutate(&pool[from], &mut random);
        target(&bytes);
        rounds += 1;
        if pool.len() < 64 {
            pool.push(bytes);
        } else if longer.is_some() && rounds % 1000 == 0 {
            // The pool changes, but never loses what it began with.
            let at = random.random_range(seeds.len()..pool.len());
            pool[at] = bytes;
        }
    }
    assert!(rounds >= ROUNDS);
    if longer.is_some() {
        eprintln!("{rounds} rounds, seed {seed}");
    }
}

#[test]
fn the_loader_and_the_compiler_take_anything() {
    run(DOCUMENTS, targets::loader);
}

#[test]
fn the_expander_takes_anything() {
    run(TEXTS, targets::expander);
}

#[test]
fn the_parsers_of_the_wire_take_anything() {
    run(REQUESTS, targets::event_socket);
    run(MESSAGES, targets::sip_message);
    run(MESSAGES, targets::sip_stack);
    run(DESCRIPTIONS, targets::sdp);
    run(STREAMS, targets::rtp);
}

#[test]
fn the_parsers_of_files_and_settings_take_anything() {
    run(DIALS, targets::dial_string);
    run(PATTERNS, targets::pattern);
    run(TONES, targets::tones);
    let (short, long) = (wav_bytes(&[1, -2, 3, -4], 8000), wav_header(44_100, 2, u64::from(u32::MAX)));
    run(&[&short, &[&long[..], &[7; 64]].concat()], targets::wav);
}

/// Inputs that broke a target, or are made to: `tests/fixtures/fuzz/<target>-<what is wrong with it>`.
#[test]
fn hard_inputs_are_kept() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/fuzz");
    let mut tried = 0;
    for entry in std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().into_string().expect("a name");
        let (target, _) = name.split_once('-').expect("<target>-<what is wrong with it>");
        let (_, run) = targets::TARGETS.iter().find(|(known, _)| *known == target).expect("a target");
        run(&std::fs::read(entry.path()).expect("a file"));
        tried += 1;
    }
    assert!(tried > 0);
}
