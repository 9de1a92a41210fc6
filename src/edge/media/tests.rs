//! The engine as a whole, over sockets of the loopback interface.

use std::time::Duration;

use crate::call::leg::EventSink;
use crate::call::media::{Lane, Level, MediaCommand, MediaEngine, MediaError, MediaEvent, PlayEnd, PlayId, PlaySource};
use crate::engine::audio::{g711, wav_bytes};
use crate::engine::rtp::rtcp::{ReportBlock, Rtcp, compound};
use crate::engine::rtp::{EventPayload, EventReceiver, Packet, sequence_distance, timestamp_distance};

use super::clock::SECOND;
use super::testing::{Line, Phone, Rig};
use super::{MediaConfig, MediaStartError, MediaThreads};

const LOCALHOST: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn ended(id: u32, end: PlayEnd, played_ms: u64) -> MediaEvent {
    MediaEvent::PlayEnded { id: PlayId(id), end, played_ms }
}

fn failed(event: &MediaEvent, id: u32, words: &str) -> bool {
    matches!(event, MediaEvent::PlayEnded { id: told, end: PlayEnd::Failed(text), played_ms: 0 }
        if *told == PlayId(id) && text.contains(words))
}

/// Sends audio on one line until it is heard on the other.
fn prime(from: &mut Line, to: &Line) {
    loop {
        from.phone.speak(0x10);
        if !to.phone.is_quiet(Duration::from_millis(5)) {
            to.phone.flush();
            return;
        }
    }
}

#[test]
fn a_prompt_is_heard_as_it_was_recorded() {
    let rig = Rig::new(1, 1);
    let samples: Vec<i16> = (0..700).map(|n| (n % 90) * 100).collect();
    std::fs::create_dir_all(rig.sounds.path().join("ivr/8000")).unwrap();
    std::fs::write(rig.sounds.path().join("ivr/8000/hello.wav"), wav_bytes(&samples, 8000)).unwrap();
    let mut line = rig.line(None);
    line.setup("PCMU", None, |_| {});
    // The second time from memory, the third from within.
    for (id, start) in [(1, 0), (2, 0), (3, 500)] {
        line.play(id, PlaySource::File { name: "ivr/hello.wav".into(), start_sample: start as u64 });
        let mut expected: Vec<u8> = samples[start..].iter().map(|sample| g711::ulaw_encode(*sample)).collect();
        let played_ms = expected.len() as u64 / 8;
        expected.resize(expected.len().next_multiple_of(160), g711::ULAW_SILENCE);
        let (mut heard, mut last) = (Vec::new(), None);
        while heard.len() < expected.len() {
            let (header, payload) = line.phone.hear();
            if let Some((sequence, timestamp)) = last {
                assert_eq!(sequence_distance(sequence, header.sequence), 1);
                assert_eq!(timestamp_distance(timestamp, header.timestamp), 160);
            }
            // Later ones begin a spurt only when the test was slow.
            assert!(if last.is_none() { header.marker || id > 1 } else { !header.marker });
            last = Some((header.sequence, header.timestamp));
            heard.extend(payload);
        }
        assert_eq!(heard, expected);
        assert_eq!(rig.event(&mut line), ended(id, PlayEnd::Finished, played_ms));
    }
    assert_eq!(line.port.stats().sent, 12);
}

#[test]
fn tones_repeat_and_files_are_found_at_other_rates() {
    let rig = Rig::new(1, 1);
    let mut line = rig.line(None);
    line.setup("PCMA", None, |_| {});
    line.play(1, PlaySource::Tone { script: "%(20,10,440);loops=2".into() });
    let heard: Vec<u8> = (0..3).flat_map(|_| line.phone.hear().1).collect();
    assert_eq!(heard[..240], heard[240..]);
    assert!(heard[160..240].iter().all(|octet| *octet == g711::ALAW_SILENCE));
    assert_eq!(rig.event(&mut line), ended(1, PlayEnd::Finished, 60));
    std::fs::create_dir(rig.sounds.path().join("16000")).unwrap();
    std::fs::write(rig.sounds.path().join("16000/a.wav"), wav_bytes(&[0; 640], 16_000)).unwrap();
    line.play_file(2, "/usr/local/freeswitch/sounds/en/us/callie/a.wav");
    assert_eq!(rig.event(&mut line), ended(2, PlayEnd::Finished, 40));
}

#[test]
fn every_playback_ends_with_one_event() {
    let rig = Rig::new(1, 2);
    let mut line = rig.line(None);
    line.setup("PCMU", None, |_| {});
    line.play_silence(1, -1);
    line.phone.hear();
    line.play_file(2, "nothing.wav");
    assert!(matches!(rig.event(&mut line), MediaEvent::PlayEnded { id: PlayId(1), end: PlayEnd::Stopped, .. }));
    assert_eq!(rig.event(&mut line), ended(2, PlayEnd::NotFound, 0));
    std::fs::write(rig.sounds.path().join("bad.wav"), "no sound").unwrap();
    line.play_file(3, "bad.wav");
    assert!(failed(&rig.event(&mut line), 3, "bad.wav"));
    line.play(4, PlaySource::Tone { script: "nothing".into() });
    assert!(failed(&rig.event(&mut line), 4, "no tone"));
    line.play_silence(5, 0);
    assert_eq!(rig.event(&mut line), ended(5, PlayEnd::Finished, 0));
    line.play_silence(6, 40);
    assert_eq!(rig.event(&mut line), ended(6, PlayEnd::Finished, 40));
    line.play_silence(7, -1);
    line.port.command(MediaCommand::Stop { id: PlayId(6) });
    line.port.command(MediaCommand::Stop { id: PlayId(7) });
    line.port.command(MediaCommand::Stop { id: PlayId(7) });
    assert!(matches!(rig.event(&mut line), MediaEvent::PlayEnded { id: PlayId(7), end: PlayEnd::Stopped, .. }));
    line.setup("G729", None, |_| {});
    line.play_silence(8, 40);
    assert!(failed(&rig.event(&mut line), 8, "G729"));

    let mut early = rig.line(None);
    early.play_silence(1, 20);
    early.setup("PCMU", None, |_| {});
    assert_eq!(rig.event(&mut early), ended(1, PlayEnd::Finished, 20));
    early.play_silence(2, -1);
    rig.media.stop();
    assert!(matches!(rig.event(&mut early), MediaEvent::PlayEnded { id: PlayId(2), .. }));
    early.play_silence(3, 10);
    assert!(failed(&rig.event(&mut early), 3, "no more commands"));
}

fn relays_without_a_break(from: &mut Phone, to: &Phone) {
    let mut last = None;
    for octet in 20..60 {
        from.speak(octet);
        let (header, payload) = to.hear();
        assert_eq!(payload, [octet; 160]);
        if let Some((sequence, timestamp, ssrc)) = last {
            assert_eq!(sequence_distance(sequence, header.sequence), 1);
            assert_eq!(timestamp_distance(timestamp, header.timestamp), 160);
            assert_eq!(ssrc, header.ssrc);
        }
        assert!(header.ssrc != from.next.ssrc);
        last = Some((header.sequence, header.timestamp, header.ssrc));
    }
}

#[test]
fn joined_ports_relay_both_ways_without_a_break() {
    let rig = Rig::new(2, 2);
    // Two threads: one of the ports has to move.
    let (mut a, mut b) = (rig.talking("PCMU", None), rig.talking("PCMU", None));
    b.phone.next.ssrc = 9;
    for _ in 0..3 {
        b.join(&a);
        prime(&mut a, &b);
        prime(&mut b, &a);
        relays_without_a_break(&mut a.phone, &b.phone);
        relays_without_a_break(&mut b.phone, &a.phone);
        a.port.command(MediaCommand::Part);
        a.play_silence(1, 20);
        assert_eq!(rig.event(&mut a), ended(1, PlayEnd::Finished, 20));
        a.phone.speak(61);
        assert!(b.phone.is_quiet(Duration::from_millis(10)));
        a.phone.flush();
    }
    assert_eq!((a.port.stats().lost, b.port.stats().lost), (0, 0));
}

#[test]
fn no_packet_is_lost_while_ports_are_joined() {
    let rig = Rig::new(2, 2);
    let (mut a, b) = (rig.talking("PCMU", None), rig.talking("PCMU", None));
    b.join(&a);
    let mut sent = 0_u8;
    let mut first = None;
    while first.is_none() || sent < 240 {
        sent = sent.wrapping_add(1);
        a.phone.speak(sent);
        if first.is_none() && !b.phone.is_quiet(Duration::from_micros(100)) {
            // That one was heard, and so must be all that follow it.
            first = Some(sent);
        }
    }
    let heard: Vec<u8> = std::iter::from_fn(|| Some(b.phone.hear().1[0])).take_while(|octet| *octet != sent).collect();
    assert!(heard.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{heard:?}");
    assert_eq!((a.port.stats().lost, heard.last()), (0, Some(&(sent - 1))));
}

#[test]
fn laws_are_transcoded_and_numbers_kept() {
    let rig = Rig::new(1, 2);
    let (mut a, mut b) = (rig.talking("PCMU", None), rig.talking("PCMA", None));
    a.join(&b);
    prime(&mut a, &b);
    prime(&mut b, &a);
    a.phone.speak(0x31);
    let (header, payload) = b.phone.hear();
    assert_eq!((header.payload_type, payload), (8, vec![g711::ULAW_TO_ALAW[0x31]; 160]));
    b.phone.speak(0x31);
    let (header, payload) = a.phone.hear();
    assert_eq!((header.payload_type, payload), (0, vec![g711::ALAW_TO_ULAW[0x31]; 160]));
    // A re-INVITE changes the codec of one side.
    a.setup("PCMA", None, |_| {});
    a.phone.next.payload_type = 8;
    prime(&mut a, &b);
    a.phone.speak(0x31);
    assert_eq!(b.phone.hear().1, [0x31; 160]);
}

#[test]
fn what_was_withheld_shows_no_gap() {
    let rig = Rig::new(1, 2);
    let (mut a, b) = (rig.talking("PCMU", None), rig.talking("PCMU", None));
    a.join(&b);
    prime(&mut a, &b);
    a.phone.speak(1);
    let mut last = b.phone.hear().0.sequence;
    for mute in [true, false] {
        a.port.command(MediaCommand::Mute(mute));
        // Some get through before the command does.
        let (mut heard, mut quiet) = (0, 0);
        while (mute && quiet < 5) || (!mute && heard < 5) {
            a.phone.speak(2);
            match b.phone.hear_within(Duration::from_millis(5)) {
                Some(header) => {
                    assert_eq!(sequence_distance(last, header.sequence), 1);
                    (last, heard, quiet) = (header.sequence, heard + 1, 0);
                }
                None => quiet += 1,
            }
        }
    }
}

#[test]
fn digits_are_told_and_relayed_with_the_other_sides_number() {
    let rig = Rig::new(1, 2);
    let (mut a, mut b) = (rig.talking("PCMU", Some(101)), rig.talking("PCMU", Some(96)));
    a.join(&b);
    prime(&mut a, &b);
    let dial = |phone: &mut Phone, payload_type, event| {
        for (duration, end) in [(160, false), (320, false), (480, true), (480, true), (480, true)] {
            phone.send(payload_type, &EventPayload { event, end, volume: 10, duration }.to_bytes());
        }
        phone.next.timestamp += 480;
    };
    a.phone.speak(0x20);
    let before = b.phone.hear().0;
    dial(&mut a.phone, 101, 5);
    let mut receiver = EventReceiver::default();
    let mut heard = Vec::new();
    for n in 1..=5 {
        let (header, payload) = b.phone.hear();
        assert_eq!((header.payload_type, sequence_distance(before.sequence, header.sequence)), (96, n));
        heard.extend(receiver.receive(&Packet { header, payload: &payload }));
    }
    assert_eq!(heard, [('5', 480)]);
    assert_eq!(rig.event(&mut a), MediaEvent::Dtmf { digit: '5', duration: 480 });
    // To a side without events only the call is told, and the numbers show no gap.
    b.setup("PCMU", None, |_| {});
    b.port.command(MediaCommand::SendDtmf { digits: "1".into(), duration: 400 });
    prime(&mut a, &b);
    a.phone.speak(0x21);
    let before = b.phone.hear().0;
    dial(&mut a.phone, 101, 11);
    a.phone.speak(0x22);
    assert_eq!(sequence_distance(before.sequence, b.phone.hear().0.sequence), 1);
    assert_eq!(rig.event(&mut a), MediaEvent::Dtmf { digit: '#', duration: 480 });
    // A digit whose end is lost.
    a.phone.send(101, &EventPayload { event: 1, end: false, volume: 10, duration: 160 }.to_bytes());
    assert_eq!(rig.event(&mut a), MediaEvent::Dtmf { digit: '1', duration: 160 });
    a.port.command(MediaCommand::Mute(true));
    a.port.command(MediaCommand::Part);
    b.play_silence(1, 10);
    rig.event(&mut b);
    a.phone.next.timestamp += 1000;
    dial(&mut a.phone, 101, 7);
    a.play_silence(2, 40);
    assert_eq!(rig.event(&mut a), ended(2, PlayEnd::Finished, 40));
}

#[test]
fn digits_are_sent_with_three_ends_and_silence_the_rest() {
    let rig = Rig::new(1, 2);
    let (mut a, b) = (rig.talking("PCMU", None), rig.talking("PCMU", Some(101)));
    a.join(&b);
    prime(&mut a, &b);
    b.port.command(MediaCommand::SendDtmf { digits: "7".into(), duration: 480 });
    let (mut receiver, mut ends, mut heard) = (EventReceiver::default(), 0, Vec::new());
    let mut last: Option<u16> = None;
    while ends < 3 {
        a.phone.speak(1);
        let (header, payload) = b.phone.hear();
        if let Some(last) = last.replace(header.sequence) {
            assert_eq!(sequence_distance(last, header.sequence), 1);
        }
        if header.payload_type == 101 {
            ends += u32::from(EventPayload::parse(&payload).unwrap().end);
            heard.extend(receiver.receive(&Packet { header, payload: &payload }));
        } else {
            assert!(!receiver.is_open() && ends == 0, "audio within a digit");
        }
    }
    assert_eq!(heard, [('7', 480)]);
    prime(&mut a, &b);
}

#[test]
fn strangers_are_dropped_and_counted() {
    let rig = Rig::new(1, 1);
    let mut line = rig.talking("PCMU", None);
    line.port.command(MediaCommand::Echo(true));
    let mut stranger = Phone::new(line.port.local());
    let received = loop {
        line.phone.speak(1);
        if !line.phone.is_quiet(Duration::from_millis(5)) {
            break line.port.stats().received;
        }
    };
    for _ in 0..5 {
        stranger.speak(2);
    }
    line.phone.speak(3);
    line.phone.hear_octet(3);
    assert!(stranger.is_quiet(Duration::from_millis(5)));
    let stats = line.port.stats();
    assert_eq!((stats.foreign, stats.received), (5, received + 1));
}

#[test]
fn packets_go_to_where_they_come_from() {
    let rig = Rig::new(1, 2);
    for (auto_adjust, moves) in [(true, true), (false, false)] {
        let mut line = rig.line(None);
        let mut real = Phone::new(line.port.local());
        line.setup("PCMU", None, |setup| setup.auto_adjust = auto_adjust);
        line.port.command(MediaCommand::Echo(true));
        real.next.payload_type = 8;
        real.speak(9);
        real.next.payload_type = 0;
        let listener = |line: &Line, real: &Phone| {
            let (here, there) = if moves { (real, &line.phone) } else { (&line.phone, real) };
            !here.is_quiet(Duration::from_millis(5)) && there.is_quiet(Duration::from_millis(1))
        };
        while !listener(&line, &real) {
            real.speak(1);
        }
        assert_eq!(rig.event(&mut line), MediaEvent::FirstPacket);
    }
}

#[test]
fn silence_of_the_far_end_is_told_once_per_silence() {
    let rig = Rig::new(1, 1);
    let mut line = rig.line(None);
    line.setup("PCMU", None, |setup| setup.timeout_ms = 30);
    assert_eq!(rig.event(&mut line), MediaEvent::Timeout);
    line.phone.speak(1);
    assert_eq!(rig.event(&mut line), MediaEvent::FirstPacket);
    assert_eq!(rig.event(&mut line), MediaEvent::Timeout);
    line.play_silence(1, 80);
    assert_eq!(rig.event(&mut line), ended(1, PlayEnd::Finished, 80));
    // Nothing is expected of a far end that is on hold.
    line.setup("PCMU", None, |setup| (setup.timeout_ms, setup.receive) = (20, false));
    line.play_silence(2, 60);
    assert_eq!(rig.event(&mut line), ended(2, PlayEnd::Finished, 60));
}

#[test]
fn idle_ports_send_silence_and_held_ones_nothing() {
    let rig = Rig::new(1, 1);
    let mut line = rig.line(None);
    line.port.command(MediaCommand::IdleSilence(true));
    line.setup("PCMA", None, |_| {});
    for _ in 0..3 {
        assert_eq!(line.phone.hear().1, [g711::ALAW_SILENCE; 160]);
    }
    line.play(1, PlaySource::Tone { script: "%(40,0,440)".into() });
    while line.phone.hear().1 == [g711::ALAW_SILENCE; 160] {}
    assert_eq!(rig.event(&mut line), ended(1, PlayEnd::Finished, 40));
    line.phone.flush();
    line.phone.hear();
    line.setup("PCMA", None, |setup| setup.send = false);
    line.play_silence(2, 20);
    assert_eq!(rig.event(&mut line), ended(2, PlayEnd::Finished, 20));
    line.phone.flush();
    assert!(line.phone.is_quiet(Duration::from_millis(50)));
    line.setup("PCMA", None, |_| {});
    line.phone.hear();
}

#[test]
fn reports_are_read_and_closing_says_goodbye() {
    let rig = Rig::new(1, 1);
    let mut line = rig.line(None);
    line.setup("PCMU", None, |_| {});
    line.play_silence(1, 40);
    let ssrc = line.phone.hear().0.ssrc;
    rig.event(&mut line);
    let block = ReportBlock { ssrc, fraction_lost: 77, ..ReportBlock::default() };
    let report = compound(&[Rtcp::ReceiverReport { ssrc: 5, blocks: vec![block] }]);
    let mut to = line.port.local();
    to.set_port(to.port() + 1);
    while line.port.stats().remote_loss != 77 {
        line.phone.rtcp.send_to(&report, to).unwrap();
        line.phone.speak(1);
        std::thread::yield_now();
    }
    let Line { port, phone, .. } = line;
    drop(port);
    let packets = phone.hear_rtcp();
    assert!(
        matches!(&packets[..], [Rtcp::SenderReport { ssrc: own, sender, blocks }, Rtcp::Description { .. }, Rtcp::Bye { sources }]
            if *own == ssrc && sender.packets == 2 && sender.octets == 320 && blocks[0].ssrc == 5 && *sources == [ssrc]),
        "{packets:?}"
    );
}

#[test]
fn nothing_is_left_behind() {
    let rig = Rig::new(2, 3);
    {
        let lines: Vec<Line> = (0..3).map(|_| rig.talking("PCMU", None)).collect();
        lines[0].join(&lines[1]);
        lines[2].play_silence(1, -1);
        assert_eq!(rig.media.open_ports(), 3);
        let (sink, _events) = EventSink::new();
        assert!(matches!(rig.media.open(LOCALHOST, None, sink), Err(MediaError::NoPort { .. })));
    }
    rig.wait_until_closed();
    let line = rig.talking("PCMU", None);
    rig.media.stop();
    assert_eq!(rig.media.open_ports(), 0);
    let (sink, _events) = EventSink::new();
    assert_eq!(rig.media.open(LOCALHOST, None, sink).err(), Some(MediaError::Stopping));
    drop(line);
    assert_eq!(std::sync::Arc::strong_count(&rig.media.engine), 1);
    rig.media.stop();
}

#[test]
fn a_thread_that_does_not_come_round_is_noticed() {
    let rig = Rig::new(2, 1);
    assert!(rig.media.is_alive());
    // Ten seconds and a half after the start they live only if they came round since: the idle ones do within a second.
    let later = 10 * SECOND + SECOND / 2;
    rig.wait_until("the threads come round", || rig.media.lives_at(later));
    let now = rig.media.engine.clock.now();
    assert!(rig.media.is_alive() && !rig.media.lives_at(now + 11 * SECOND), "that late they are stuck");
}

#[test]
fn a_range_without_a_pair_is_refused() {
    let config = MediaConfig { rtp_low: 7001, rtp_high: 7002, ..MediaConfig::default() };
    assert!(matches!(MediaThreads::start(config), Err(MediaStartError::EmptyRange { low: 7001, high: 7002 })));
}

#[test]
fn a_port_is_small() {
    assert!(std::mem::size_of::<super::port::Port>() < 2048, "{}", std::mem::size_of::<super::port::Port>());
}

#[test]
fn either_direction_is_louder_or_silent() {
    let rig = Rig::new(1, 2);
    let (mut a, mut b) = (rig.talking("PCMU", None), rig.talking("PCMU", None));
    a.join(&b);
    prime(&mut a, &b);
    let codec = crate::engine::audio::AudioCodec::find("PCMU", 8000).unwrap();
    let octet = |level: Level| level.table(codec).unwrap()[0xb0];
    // What a says is heard at b as a's reading and b's writing side make it.
    let cases = [
        (Lane::Heard, Level::Step(-2), octet(Level::Step(-2))),
        (Lane::Heard, Level::Plain, 0xb0),
        (Lane::Told, Level::Mute, octet(Level::Mute)),
        (Lane::Told, Level::Plain, 0xb0),
    ];
    for (lane, level, expected) in cases {
        let port = if lane == Lane::Heard { &a.port } else { &b.port };
        port.command(MediaCommand::Level { lane, level });
        // Some are on their way before the command is.
        let heard = (0..50).find(|_| {
            a.phone.speak(0xb0);
            b.phone.hear().1 == [expected; 160]
        });
        assert!(heard.is_some(), "{lane:?} {level:?}");
    }
    // A playback is told at that volume, too.
    b.port.command(MediaCommand::Part);
    b.port.command(MediaCommand::Level { lane: Lane::Told, level: Level::Mute });
    b.play(1, PlaySource::Tone { script: "%(100,0,440)".to_owned() });
    let silent = octet(Level::Mute);
    assert!((0..50).any(|_| b.phone.hear().1 == [silent; 160]));
    rig.wait_for(&mut b, &ended(1, PlayEnd::Finished, 100));
}

#[test]
fn digits_that_are_only_heard() {
    let rig = Rig::new(1, 2);
    let mut a = rig.talking("PCMU", None);
    let codec = crate::engine::audio::AudioCodec::find("PCMU", 8000).unwrap();
    let mut octets = Vec::new();
    codec.encoder().encode(&crate::engine::audio::dtmf_samples('7', 100, 8000).unwrap(), &mut octets);
    octets.resize(1600, 0xff);
    let dial = |a: &mut Line| {
        for payload in octets.chunks(160) {
            a.phone.send(0, payload);
        }
    };
    dial(&mut a);
    a.port.command(MediaCommand::Listen(true));
    a.play_silence(1, 20);
    rig.wait_for(&mut a, &ended(1, PlayEnd::Finished, 20));
    dial(&mut a);
    assert_eq!(rig.event(&mut a), MediaEvent::Dtmf { digit: '7', duration: 800 }, "the first time nobody listened");
}
