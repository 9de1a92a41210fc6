//! The phone's ear and mouth: one RTP socket pair, a 20 ms clock, a recording of everything heard.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::compare;
use super::g711::Codec;
use super::rtp::{Packet, event_of, event_payload, read_event};
use super::sound::{FRAME, RATE, Sound};

/// What was heard, and how it arrived.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    /// Audio, 8 kHz; gaps of lost packets are silence.
    pub samples: Vec<i16>,
    /// Audio packets received.
    pub packets: u64,
    /// Audio packets missing by their sequence numbers.
    pub lost: u64,
    /// Audio packets sent.
    pub sent: u64,
    /// RTCP packets received.
    pub rtcp: u64,
    /// Packets that were no RTP or of a payload nobody agreed on.
    pub odd: u64,
    /// Digits received as telephone events.
    pub digits: String,
    /// Streams (SSRC) heard.
    pub streams: u32,
    /// When the first audio packet came.
    pub first: Option<Instant>,
    /// When the last audio packet came.
    pub last: Option<Instant>,
    /// The longest time between two audio packets.
    pub longest_gap: Duration,
    /// Codec of the last audio packet.
    pub codec: Option<Codec>,
}

impl Heard {
    /// Seconds of audio that arrived.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(RATE)
    }

    /// Seconds of it that were not silence.
    pub fn loud_seconds(&self) -> f64 {
        compare::loud_seconds(&self.samples)
    }
}

/// What was agreed on: where to send, in which codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// The far end's RTP address.
    pub remote: SocketAddr,
    /// Codec and its payload number.
    pub codec: (Codec, u8),
    /// Payload number of telephone events.
    pub events: Option<u8>,
    /// Whether we send.
    pub send: bool,
}

enum Command {
    Stream(Stream),
    Say(Sound),
    Digits(String),
    Peek(oneshot::Sender<Heard>),
}

/// An open RTP socket pair and the task that serves it. Dropping it ends the task and closes the sockets.
#[derive(Debug)]
pub struct AudioPort {
    local: SocketAddr,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

impl AudioPort {
    /// Opens an even RTP port chosen by the kernel, and the odd one above it.
    pub async fn open(ip: IpAddr) -> io::Result<Self> {
        let (rtp, rtcp) = pair(ip).await?;
        let local = rtp.local_addr()?;
        let (commands, queue) = mpsc::channel(64);
        let task = tokio::spawn(Worker::new(rtp, rtcp).run(queue));
        Ok(Self { local, commands, task })
    }

    /// Where it listens.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Starts or changes the stream.
    pub async fn stream(&self, stream: Stream) {
        let _ = self.commands.send(Command::Stream(stream)).await;
    }

    /// Changes what is said; it begins with the stream.
    pub async fn say(&self, sound: Sound) {
        let _ = self.commands.send(Command::Say(sound)).await;
    }

    /// Sends digits as telephone events, 100 ms each with 100 ms between them.
    pub async fn digits(&self, digits: &str) {
        let _ = self.commands.send(Command::Digits(digits.to_owned())).await;
    }

    /// What was heard so far.
    pub async fn heard(&self) -> Heard {
        let (answer, heard) = oneshot::channel();
        let _ = self.commands.send(Command::Peek(answer)).await;
        heard.await.unwrap_or_default()
    }
}

impl Drop for AudioPort {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pair(ip: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for _ in 0..64 {
        let rtp = UdpSocket::bind((ip, 0)).await?;
        let port = rtp.local_addr()?.port();
        if port % 2 == 1 {
            continue;
        }
        match UdpSocket::bind((ip, port + 1)).await {
            Ok(rtcp) => return Ok((rtp, rtcp)),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// A digit on its way out.
struct Press {
    event: u8,
    timestamp: u32,
    ticks: u32,
}

/// 20 ms ticks of a digit, of the quiet after it, and copies of its last packet (RFC 4733 2.5.1.4).
const PRESS_TICKS: u32 = 5;
const PAUSE_TICKS: u32 = 5;
const END_COPIES: u32 = 3;

struct Worker {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    stream: Option<Stream>,
    sound: Sound,
    said: u64,
    digits: VecDeque<char>,
    press: Option<Press>,
    pause: u32,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    talking: bool,
    heard: Heard,
    source: Option<Source>,
}

/// Where the recording stands with the stream being heard.
struct Source {
    ssrc: u32,
    next_sequence: u16,
    next_timestamp: u32,
    last_event: Option<u32>,
}

impl Worker {
    fn new(rtp: UdpSocket, rtcp: UdpSocket) -> Self {
        Self {
            rtp,
            rtcp,
            stream: None,
            sound: Sound::Quiet,
            said: 0,
            digits: VecDeque::new(),
            press: None,
            pause: 0,
            sequence: rand::random(),
            timestamp: rand::random(),
            ssrc: rand::random(),
            talking: false,
            heard: Heard::default(),
            source: None,
        }
    }

    async fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut clock = tokio::time::interval(Duration::from_millis(20));
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut packet = vec![0; 2048];
        let mut report = vec![0; 2048];
        loop {
            tokio::select! {
                command = queue.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                received = self.rtp.recv_from(&mut packet) => {
                    if let Ok((length, _)) = received {
                        self.hear(packet.get(..length).unwrap_or_default());
                    }
                }
                received = self.rtcp.recv_from(&mut report) => {
                    self.heard.rtcp += u64::from(received.is_ok());
                }
                _ = clock.tick() => self.tick().await,
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Stream(stream) => self.stream = Some(stream),
            Command::Say(sound) => {
                self.sound = sound;
                self.said = 0;
            }
            Command::Digits(digits) => self.digits.extend(digits.chars()),
            Command::Peek(answer) => {
                let _ = answer.send(self.heard.clone());
            }
        }
    }

    async fn tick(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        let Some(stream) = self.stream.filter(|stream| stream.send && stream.remote.port() != 0) else { return };
        if self.press_tick(stream).await {
            return;
        }
        let Some(frame) = self.sound.frame(self.said) else {
            self.talking = false;
            return;
        };
        self.said += FRAME as u64;
        let (codec, payload_type) = stream.codec;
        let payload: Vec<u8> = frame.iter().map(|sample| codec.encode(*sample)).collect();
        let marker = !std::mem::replace(&mut self.talking, true);
        self.send(stream, payload_type, marker, self.timestamp, &payload).await;
        self.heard.sent += 1;
    }

    /// One tick of the digit being pressed; false when none is.
    async fn press_tick(&mut self, stream: Stream) -> bool {
        let Some(payload_type) = stream.events else { return false };
        if self.press.is_none() {
            if self.pause > 0 {
                self.pause -= 1;
                return false;
            }
            let Some(event) = self.digits.pop_front().and_then(event_of) else { return false };
            self.press = Some(Press { event, timestamp: self.timestamp, ticks: 0 });
        }
        let Some(press) = &mut self.press else { return false };
        press.ticks += 1;
        let (event, ticks, timestamp) = (press.event, press.ticks, press.timestamp);
        let end = ticks > PRESS_TICKS;
        let duration = (ticks.min(PRESS_TICKS) * FRAME as u32) as u16;
        let payload = event_payload(event, end, duration);
        for _ in 0..if end { END_COPIES } else { 1 } {
            self.send(stream, payload_type, ticks == 1, timestamp, &payload).await;
        }
        if end {
            self.press = None;
            self.pause = PAUSE_TICKS;
        }
        true
    }

    async fn send(&mut self, stream: Stream, payload_type: u8, marker: bool, timestamp: u32, payload: &[u8]) {
        self.sequence = self.sequence.wrapping_add(1);
        let packet = Packet { payload_type, marker, sequence: self.sequence, timestamp, ssrc: self.ssrc, payload };
        // A port that nobody listens on any more is no concern of the speaker.
        let _ = self.rtp.send_to(&packet.to_bytes(), stream.remote).await;
    }

    fn hear(&mut self, bytes: &[u8]) {
        let Some(packet) = Packet::parse(bytes) else {
            self.heard.odd += 1;
            return;
        };
        if self.source.as_ref().is_none_or(|source| source.ssrc != packet.ssrc) {
            self.heard.streams += 1;
            self.source = Some(Source {
                ssrc: packet.ssrc,
                next_sequence: packet.sequence,
                next_timestamp: packet.timestamp,
                last_event: None,
            });
        }
        let Some(source) = &mut self.source else { return };
        let ahead = packet.sequence.wrapping_sub(source.next_sequence);
        if ahead < 0x8000 {
            self.heard.lost += u64::from(ahead);
            source.next_sequence = packet.sequence.wrapping_add(1);
        } else {
            self.heard.lost = self.heard.lost.saturating_sub(1);
        }
        if self.stream.is_some_and(|stream| stream.events == Some(packet.payload_type)) {
            if let Some((digit, true)) = read_event(packet.payload)
                && source.last_event.replace(packet.timestamp) != Some(packet.timestamp)
            {
                self.heard.digits.push(digit);
            }
            return;
        }
        let agreed = self.stream.map(|stream| stream.codec).filter(|(_, number)| *number == packet.payload_type);
        let fixed = [Codec::Pcmu, Codec::Pcma].into_iter().find(|codec| codec.payload() == packet.payload_type);
        let Some(codec) = agreed.map(|(codec, _)| codec).or(fixed) else {
            self.heard.odd += 1;
            return;
        };
        self.write(codec, &packet);
    }

    /// Places a packet in the recording: after a gap of up to a second at its own time, else right behind.
    fn write(&mut self, codec: Codec, packet: &Packet<'_>) {
        let Some(source) = &mut self.source else { return };
        let now = Instant::now();
        if let Some(last) = self.heard.last.replace(now) {
            self.heard.longest_gap = self.heard.longest_gap.max(now - last);
        }
        self.heard.first.get_or_insert(now);
        self.heard.packets += 1;
        self.heard.codec = Some(codec);
        let samples = &mut self.heard.samples;
        let decoded = packet.payload.iter().map(|byte| codec.decode(*byte));
        let ahead = packet.timestamp.wrapping_sub(source.next_timestamp);
        let behind = source.next_timestamp.wrapping_sub(packet.timestamp) as usize;
        if ahead > RATE && behind > 0 && behind <= RATE as usize && behind <= samples.len() {
            let start = samples.len() - behind;
            for (place, sample) in samples.iter_mut().skip(start).zip(decoded) {
                *place = sample;
            }
            return;
        }
        if ahead <= RATE {
            samples.resize(samples.len() + ahead as usize, 0);
        }
        samples.extend(decoded);
        source.next_timestamp = packet.timestamp.wrapping_add(packet.payload.len() as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    async fn until(port: &AudioPort, wanted: impl Fn(&Heard) -> bool) -> Heard {
        let waited = tokio::time::timeout(Duration::from_secs(10), async {
            let mut look = tokio::time::interval(Duration::from_millis(10));
            loop {
                look.tick().await;
                let heard = port.heard().await;
                if wanted(&heard) {
                    return heard;
                }
            }
        });
        waited.await.expect("heard in time")
    }

    #[tokio::test]
    async fn two_ports_hear_each_other() {
        let (one, two) = (AudioPort::open(HERE).await.unwrap(), AudioPort::open(HERE).await.unwrap());
        let stream =
            |remote, codec: Codec| Stream { remote, codec: (codec, codec.payload()), events: Some(101), send: true };
        one.say(Sound::tone(440.0)).await;
        two.say(Sound::tone(880.0)).await;
        one.stream(stream(two.local(), Codec::Pcma)).await;
        two.stream(stream(one.local(), Codec::Pcma)).await;
        one.digits("5#").await;
        let at_two = until(&two, |heard| heard.digits == "5#" && heard.packets >= 20).await;
        let at_one = until(&one, |heard| heard.packets >= 20).await;
        assert!(compare::tone_share(&at_two.samples, 440.0) > 0.9);
        assert!(compare::tone_share(&at_one.samples, 880.0) > 0.9);
        assert_eq!((at_one.lost, at_two.lost, at_one.odd, at_two.streams), (0, 0, 0, 1));
        assert_eq!(at_one.codec, Some(Codec::Pcma));
    }

    #[tokio::test]
    async fn lost_and_late_packets_keep_their_places() {
        let port = AudioPort::open(HERE).await.unwrap();
        let socket = UdpSocket::bind((HERE, 0)).await.unwrap();
        for sequence in [65_534u16, 65_535, 1, 0, 3] {
            let timestamp = u32::from(sequence.wrapping_sub(65_534)) * 160;
            let payload = [Codec::Pcmu.encode(i16::try_from(sequence.wrapping_sub(65_533)).unwrap() * 1000); 160];
            let packet = Packet { payload_type: 0, marker: false, sequence, timestamp, ssrc: 1, payload: &payload };
            socket.send_to(&packet.to_bytes(), port.local()).await.unwrap();
        }
        socket.send_to(b"no rtp", port.local()).await.unwrap();
        let heard = until(&port, |heard| heard.odd == 1).await;
        assert_eq!((heard.packets, heard.lost), (5, 1));
        let levels: Vec<i16> = heard.samples.chunks(160).map(|frame| (frame[80] + 500) / 1000).collect();
        assert_eq!(levels, [1, 2, 3, 4, 0, 6]);
    }
}
