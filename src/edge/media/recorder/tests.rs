//! Recordings of ports, over sockets of the loopback interface, and their files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::call::media::{MediaCommand, MediaEvent, PlaySource, RecordChange, RecordEnd, RecordId, RecordSpec, Tracks};
use crate::engine::audio::{Wav, g711};

use super::super::testing::{Line, Rig};

/// A loud octet of µ-law, and its sample.
const LOUD: u8 = 0x10;

fn spec(path: &Path) -> RecordSpec {
    RecordSpec {
        path: path.to_owned(),
        tracks: Tracks::Mixed,
        rate: 0,
        append: false,
        make_folders: true,
        limit_ms: 0,
        min_ms: 0,
        silence: None,
    }
}

fn record(line: &Line, id: u32, spec: RecordSpec) {
    line.port.command(MediaCommand::Record { id: RecordId(id), spec: Box::new(spec) });
}

fn stop(line: &Line, id: u32) {
    line.port.command(MediaCommand::StopRecord { id: RecordId(id) });
}

/// Waits for the end of a recording: how, ms, octets.
fn ended(rig: &Rig, line: &mut Line) -> (RecordEnd, u64, u64) {
    loop {
        if let MediaEvent::RecordEnded { end, ms, octets, .. } = rig.event(line) {
            return (end, ms, octets);
        }
    }
}

fn wait_for_start(rig: &Rig, line: &mut Line, id: u32) {
    rig.wait_for(line, &MediaEvent::RecordStarted { id: RecordId(id) });
}

/// Speaks for a time, at the pace of a phone.
#[expect(clippy::disallowed_methods, reason = "a phone sends a packet every 20 ms, whatever it hears")]
fn speak(line: &mut Line, octet: u8, packets: u32) {
    for _ in 0..packets {
        line.phone.speak(octet);
        std::thread::sleep(Duration::from_millis(20));
    }
}

struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn both_directions_are_in_the_file() {
    let (rig, folder) = (Rig::new(1, 1), Folder::new());
    let path = folder.path("a/b/both.wav");
    let mut line = rig.talking("PCMU", None);
    record(&line, 1, RecordSpec { tracks: Tracks::Stereo, ..spec(&path) });
    wait_for_start(&rig, &mut line, 1);
    line.play(7, PlaySource::Tone { script: "%(2000,0,440)".into() });
    speak(&mut line, LOUD, 25);
    stop(&line, 1);
    let (end, ms, octets) = ended(&rig, &mut line);
    assert_eq!(end, RecordEnd::Stopped);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len() as u64, octets);
    let wav = Wav::parse(&bytes).unwrap();
    assert_eq!((wav.format.channels, wav.format.rate, wav.format.bits), (2, 8000, 16));
    assert!((400..=3000).contains(&ms) && wav.ms().abs_diff(ms) <= 1, "{ms} {}", wav.ms());
    let data: Vec<i16> = bytes[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let loud = g711::ulaw_decode(LOUD);
    let heard = data.iter().step_by(2).filter(|sample| **sample == loud).count();
    assert!(heard >= 15 * 160, "what the far end says is on the left: {heard} samples");
    let told = data.iter().skip(1).step_by(2).filter(|sample| sample.unsigned_abs() > 1000).count();
    assert!(told >= 1600, "what it is told is on the right: {told} samples");
}

#[test]
fn a_limit_ends_it_exactly_and_other_formats_are_written() {
    let (rig, folder) = (Rig::new(1, 1), Folder::new());
    let mut line = rig.talking("PCMA", None);
    for (id, name, octets) in [(1, "x.raw", 4800), (2, "x.ul", 2400), (3, "x.WAV", 4844), (4, "y.wav", 9644)] {
        let path = folder.path(name);
        let rate = if name == "y.wav" { 16_000 } else { 0 };
        record(&line, id, RecordSpec { limit_ms: 300, rate, tracks: Tracks::Heard, ..spec(&path) });
        let (end, ms, told) = ended(&rig, &mut line);
        assert_eq!((end, ms), (RecordEnd::Limit, 300), "{name}");
        // A resampler keeps some of the last samples.
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size == told && size <= octets && size + 200 > octets, "{name}: {size}");
    }
}

#[test]
fn silence_ends_it() {
    let (rig, folder) = (Rig::new(1, 1), Folder::new());
    let mut line = rig.talking("PCMU", None);
    record(&line, 1, RecordSpec { silence: Some((200, 500)), ..spec(&folder.path("s.wav")) });
    wait_for_start(&rig, &mut line, 1);
    speak(&mut line, LOUD, 20);
    let (end, ms, _) = ended(&rig, &mut line);
    assert_eq!(end, RecordEnd::Silence);
    assert!(ms >= 850, "the voice is in it, and half a second after it: {ms} ms");
}

#[test]
fn a_file_is_continued_only_by_its_like() {
    let (rig, folder) = (Rig::new(1, 1), Folder::new());
    let path = folder.path("more.wav");
    let mut line = rig.talking("PCMU", None);
    for (id, append, octets) in [(1, false, 44 + 3200), (2, true, 44 + 6400), (3, false, 44 + 3200)] {
        record(&line, id, RecordSpec { append, limit_ms: 200, ..spec(&path) });
        assert_eq!(ended(&rig, &mut line), (RecordEnd::Limit, 200, octets));
        assert_eq!(Wav::parse(&std::fs::read(&path).unwrap()).unwrap().ms(), (octets - 44) / 16);
    }
    record(&line, 4, RecordSpec { append: true, rate: 16_000, ..spec(&path) });
    let (end, ..) = ended(&rig, &mut line);
    assert!(matches!(&end, RecordEnd::Failed(why) if why.contains("cannot be continued")), "{end:?}");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 44 + 3200, "the file is as it was");
}

#[test]
fn what_cannot_be_written_is_told_at_once() {
    let (rig, folder) = (Rig::new(1, 1), Folder::new());
    let mut line = rig.talking("PCMU", None);
    for (id, path, make_folders, word) in [
        (1, PathBuf::from("/proc/nowhere/x.wav"), true, "os error"),
        (2, folder.path("none/x.wav"), false, "os error"),
        (3, folder.path("x.mp3"), true, ".mp3"),
        (4, folder.path("bare"), true, "kind"),
    ] {
        record(&line, id, RecordSpec { make_folders, ..spec(&path) });
        let (end, ms, octets) = ended(&rig, &mut line);
        assert!(matches!(&end, RecordEnd::Failed(why) if why.contains(word)), "{end:?}");
        assert_eq!((ms, octets), (0, 0));
    }
}

#[test]
fn a_full_disk_ends_the_recording_not_the_call() {
    let rig = Rig::new(1, 1);
    let mut line = rig.talking("PCMU", None);
    record(&line, 1, RecordSpec { path: "/dev/full".into(), ..spec(Path::new("")) });
    let (end, ..) = ended(&rig, &mut line);
    assert!(matches!(end, RecordEnd::Failed(_)), "a device has no suffix");
    let folder = Folder::new();
    let link = folder.path("full.raw");
    std::os::unix::fs::symlink("/dev/full", &link).unwrap();
    record(&line, 2, spec(&link));
    let (end, ..) = ended(&rig, &mut line);
    assert!(matches!(&end, RecordEnd::Failed(why) if why.contains("No space")), "{end:?}");
    line.play_silence(3, 20);
    line.phone.hear();
}

#[test]
fn masked_is_silence_and_paused_is_nothing() {
    let (rig, folder) = (Rig::new(1, 1), Folder::new());
    let (masked, paused) = (folder.path("m.wav"), folder.path("p.wav"));
    let mut line = rig.talking("PCMU", None);
    for (id, path) in [(1, &masked), (2, &paused)] {
        record(&line, id, spec(path));
        wait_for_start(&rig, &mut line, id);
    }
    line.port.command(MediaCommand::ChangeRecord { id: RecordId(1), change: RecordChange::Mask(true) });
    line.port.command(MediaCommand::ChangeRecord { id: RecordId(2), change: RecordChange::Pause(true) });
    speak(&mut line, LOUD, 20);
    line.port.command(MediaCommand::ChangeRecord { id: RecordId(2), change: RecordChange::Pause(false) });
    stop(&line, 1);
    let (_, masked_ms, _) = ended(&rig, &mut line);
    stop(&line, 2);
    let (_, paused_ms, _) = ended(&rig, &mut line);
    assert!(masked_ms >= 380, "{masked_ms}");
    assert!(paused_ms + 300 < masked_ms, "the pause is not in it: {paused_ms} of {masked_ms}");
    let bytes = std::fs::read(&masked).unwrap();
    let late = &Wav::parse(&bytes).unwrap().samples()[1600..];
    assert!(late.iter().all(|sample| *sample == 0), "nothing of what was said");
}

#[test]
fn what_is_truncated_begins_anew() {
    let (rig, folder) = (Rig::new(1, 1), Folder::new());
    let path = folder.path("t.wav");
    let mut line = rig.talking("PCMU", None);
    record(&line, 1, spec(&path));
    wait_for_start(&rig, &mut line, 1);
    speak(&mut line, LOUD, 30);
    line.port.command(MediaCommand::ChangeRecord { id: RecordId(1), change: RecordChange::Truncate });
    speak(&mut line, LOUD, 10);
    stop(&line, 1);
    let (end, ..) = ended(&rig, &mut line);
    assert_eq!(end, RecordEnd::Stopped);
    let bytes = std::fs::read(&path).unwrap();
    let samples = Wav::parse(&bytes).unwrap().samples().len();
    assert!((1..30 * 160).contains(&samples), "{samples} samples of 40 frames");
}

#[test]
fn the_end_of_a_port_closes_its_files_and_short_ones_are_deleted() {
    let (rig, folder) = (Rig::new(1, 1), Folder::new());
    let (kept, short) = (folder.path("kept.wav"), folder.path("short.wav"));
    let mut line = rig.talking("PCMU", None);
    record(&line, 1, spec(&kept));
    record(&line, 2, RecordSpec { min_ms: 60_000, ..spec(&short) });
    for id in [1, 2] {
        wait_for_start(&rig, &mut line, id);
    }
    speak(&mut line, LOUD, 10);
    stop(&line, 2);
    let (end, _, octets) = ended(&rig, &mut line);
    assert_eq!((end, octets, short.exists()), (RecordEnd::Stopped, 0, false));
    drop(line);
    rig.wait_until_closed();
    drop(rig);
    let wav = std::fs::read(&kept).unwrap();
    assert!(Wav::parse(&wav).unwrap().ms() >= 180);
}
