//! Telephones that speak: each says one octet of PCMU all the time, so that whoever hears it knows who speaks.

use std::net::UdpSocket;
use std::time::Duration;

use tokio::time::Instant;

use super::peer::{Message, Peer};
use super::support::LOOPBACK;

const TYPE: &str = "Content-Type: application/sdp\r\n";
/// Longest time for anything to be heard.
const PATIENCE: Duration = Duration::from_secs(10);

/// A telephone, and what it says and hears.
pub(crate) struct Voice {
    pub(crate) peer: Peer,
    rtp: UdpSocket,
    says: u8,
    sequence: u16,
    timestamp: u32,
    /// Where it speaks to.
    to: u16,
    invite: Option<Message>,
    /// The last packet that was heard.
    pub(crate) heard: Vec<u8>,
}

impl Voice {
    pub(crate) fn new(user: &str, says: u8) -> Self {
        let rtp = UdpSocket::bind((LOOPBACK, 0)).expect("a socket");
        rtp.set_nonblocking(true).expect("it does not wait");
        let peer = Peer::new("127.0.0.1:9".parse().expect("an address"), user, "far.test");
        Self { peer, rtp, says, sequence: 1, timestamp: 1, to: 0, invite: None, heard: Vec::new() }
    }

    fn sdp(&self) -> String {
        let port = self.rtp.local_addr().expect("an address").port();
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n\
             a=rtpmap:101 telephone-event/8000\r\n"
        )
    }

    fn speaks_to(&mut self, description: &Message) {
        let line = description.0.lines().find(|line| line.starts_with("m=audio ")).unwrap_or_default();
        self.to = line.split(' ').nth(1).and_then(|port| port.parse().ok()).expect("a port");
    }

    /// Calls somebody.
    pub(crate) fn call(&mut self, whom: &str) {
        let more = format!("Contact: {}\r\n{TYPE}", self.peer.contact());
        let sdp = self.sdp();
        self.peer.send("INVITE", &format!("sip:{whom}@127.0.0.1"), &more, &sdp);
    }

    /// Its call is answered.
    pub(crate) fn is_answered(&mut self) {
        let answer = self.peer.response();
        assert_eq!(answer.code(), 200, "{}", answer.0);
        self.speaks_to(&answer);
        self.peer.acknowledge(&answer, "", "");
    }

    /// It is called, and rings.
    pub(crate) fn rings(&mut self) {
        let invite = self.peer.request("INVITE");
        self.speaks_to(&invite);
        self.peer.answer(&invite, "180 Ringing", "", "");
        self.invite = Some(invite);
    }

    pub(crate) fn answers(&mut self) {
        let invite = self.invite.take().expect("it rings");
        self.peer.answer(&invite, "200 OK", &format!("Contact: {}\r\n{TYPE}", self.peer.contact()), &self.sdp());
        self.peer.request("ACK");
    }

    pub(crate) fn refuses(&mut self, status: &str) {
        let invite = self.invite.take().expect("it rings");
        self.peer.answer(&invite, status, "", "");
    }

    /// It is called, and answers.
    pub(crate) fn take(&mut self) {
        self.rings();
        self.answers();
    }

    /// Its call is over: the next one is answered from another port.
    pub(crate) fn forget(&mut self) {
        self.rtp = UdpSocket::bind((LOOPBACK, 0)).expect("a socket");
        self.rtp.set_nonblocking(true).expect("it does not wait");
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: char) {
        let event = "0123456789*#".find(key).expect("a key") as u8;
        for (end, duration) in [(0, 160u16), (0, 320), (0, 480), (0x80, 640), (0x80, 640), (0x80, 640)] {
            let [high, low] = duration.to_be_bytes();
            self.put(101, &[event, end | 0x0a, high, low]);
        }
        self.timestamp += 800;
    }

    fn put(&mut self, payload_type: u8, payload: &[u8]) {
        let mut packet = vec![0x80, payload_type];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend([0, 0, 0, self.says]);
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.rtp.send_to(&packet, (LOOPBACK, self.to)).expect("it is sent");
    }

    /// Says one packet, and hears what has come.
    fn step(&mut self) {
        if self.to > 0 {
            self.put(0, &[self.says; 160]);
        }
        self.timestamp += 160;
        let mut buffer = [0; 2000];
        while let Ok((length, _)) = self.rtp.recv_from(&mut buffer) {
            let payload = buffer.get(12..length).filter(|_| matches!(buffer, [_, 0 | 0x80, ..]));
            if let Some(payload) = payload.filter(|payload| !payload.is_empty()) {
                self.heard = payload.to_vec();
            }
        }
    }

    /// Whether the last packet was that of another.
    pub(crate) fn hears(&self, other: u8) -> bool {
        !self.heard.is_empty() && self.heard.iter().all(|octet| *octet == other)
    }

    /// All speak and listen until this is so.
    #[expect(clippy::disallowed_methods, reason = "a phone sends a packet every 20 ms, whatever it hears")]
    pub(crate) fn until(what: &str, all: &mut [&mut Voice], mut is_so: impl FnMut(&[&mut Voice]) -> bool) {
        let end = Instant::now() + PATIENCE;
        for voice in all.iter_mut() {
            voice.heard.clear();
        }
        while !is_so(all) {
            assert!(Instant::now() < end, "{what} is not heard");
            for voice in all.iter_mut() {
                voice.step();
            }
            // As long as the packet that was said.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the last packet was the sum of what others say.
    pub(crate) fn hears_all(&self, others: &[u8]) -> bool {
        let sum: i32 = others.iter().map(|octet| linear(*octet)).sum();
        // Once more through the codec: its steps are coarse.
        !self.heard.is_empty() && self.heard.iter().all(|octet| (linear(*octet) - sum).abs() <= sum.abs() / 16 + 8)
    }

    /// Two hear one another.
    pub(crate) fn talk(two: &mut [&mut Voice; 2]) {
        let [one, other] = two.each_ref().map(|voice| voice.says);
        Self::until("each other", two, |two| matches!(two, [a, b] if a.hears(other) && b.hears(one)));
    }
}

/// The sample of an octet of PCMU (G.711).
fn linear(octet: u8) -> i32 {
    let code = i32::from(!octet);
    let size = (((code & 0xf) << 3) + 0x84) << ((code & 0x70) >> 4);
    if code & 0x80 == 0 { size - 0x84 } else { 0x84 - size }
}
