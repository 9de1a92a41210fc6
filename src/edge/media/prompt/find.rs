//! Where a prompt lies.
//!
//! As FreeSWITCH looks: the folder named after the call's sampling rate first, then those of 48, 32, 16 and 8 kHz, then
//! the plain path. A name without extension is tried with the codec's name (audio as it goes on the wire), then as WAV.
//! A path into the sounds folder of a FreeSWITCH installation that is not there is looked up in ours, by ever shorter
//! ends down to the bare file name.

use std::fs::Metadata;
use std::path::{Component, Path, PathBuf};

use crate::engine::audio::AudioCodec;

/// Sounds folders of FreeSWITCH installations.
const ELSEWHERE: [&str; 2] = ["/usr/local/freeswitch/sounds", "/usr/share/freeswitch/sounds"];
/// Folders of sampling rates, after the call's own.
const RATES: [u32; 4] = [48_000, 32_000, 16_000, 8000];

/// The file of a prompt. `name` is absolute, or relative to `sounds`.
pub(super) fn find(name: &Path, sounds: &Path, codec: &AudioCodec) -> Option<(PathBuf, Metadata)> {
    if name.as_os_str().is_empty() {
        return None;
    }
    // Joining an absolute path yields that path.
    find_at(&sounds.join(name), codec).or_else(|| {
        let rest = ELSEWHERE.iter().find_map(|folder| name.strip_prefix(folder).ok())?;
        if rest.components().any(|part| part == Component::ParentDir) {
            return None;
        }
        let mut end = rest.components();
        while !end.as_path().as_os_str().is_empty() {
            if let Some(found) = find_at(&sounds.join(end.as_path()), codec) {
                return Some(found);
            }
            end.next();
        }
        None
    })
}

fn find_at(path: &Path, codec: &AudioCodec) -> Option<(PathBuf, Metadata)> {
    if path.extension().is_some() {
        return with_rates(path, codec);
    }
    [codec.name, "wav"].into_iter().find_map(|extension| with_rates(&path.with_extension(extension), codec))
}

fn with_rates(path: &Path, codec: &AudioCodec) -> Option<(PathBuf, Metadata)> {
    let (folder, file) = (path.parent()?, path.file_name()?);
    let rates = std::iter::once(codec.rate).chain(RATES);
    let by_rate = rates.map(|rate| folder.join(rate.to_string()).join(file));
    by_rate.chain([path.to_owned()]).find_map(|path| {
        // Of pipes and devices nobody knows when they answer.
        let metadata = std::fs::metadata(&path).ok().filter(Metadata::is_file)?;
        Some((path, metadata))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_places() {
        let folder = tempfile::tempdir().unwrap();
        let sounds = folder.path();
        for file in ["a/8000/x.wav", "a/16000/x.wav", "a/x.wav", "a/16000/y.wav", "a/y.wav", "z.wav", "n.wav", "m.PCMA"]
        {
            let path = sounds.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::fs::create_dir(sounds.join("d.wav")).unwrap();
        let codec = AudioCodec::find("PCMA", 8000).unwrap();
        let absolute = sounds.join("a/y.wav");
        for (name, expected) in [
            ("a/x.wav", Some("a/8000/x.wav")),
            ("a/y.wav", Some("a/16000/y.wav")),
            (absolute.to_str().unwrap(), Some("a/16000/y.wav")),
            ("a/16000/x.wav", Some("a/16000/x.wav")),
            ("z.wav", Some("z.wav")),
            ("n", Some("n.wav")),
            ("m", Some("m.PCMA")),
            ("d.wav", None),
            ("q.wav", None),
            ("", None),
            ("/usr/local/freeswitch/sounds/en/us/callie/a/x.wav", Some("a/8000/x.wav")),
            ("/usr/share/freeswitch/sounds/en/us/z.wav", Some("z.wav")),
            ("/usr/share/freeswitch/sounds/../z.wav", None),
            ("/usr/share/other/z.wav", None),
        ] {
            let found = find(Path::new(name), sounds, codec).map(|(path, _)| path);
            assert_eq!(found, expected.map(|path| sounds.join(path)), "{name}");
        }
        let ulaw = AudioCodec::find("PCMU", 8000).unwrap();
        assert!(find(Path::new("m"), sounds, ulaw).is_none());
    }
}
