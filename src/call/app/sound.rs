//! `set_audio_level`, `set_mute`, `start_dtmf`, `stop_dtmf`: what is done to the sound of a call while it goes on.

use super::{Application, Run};
use crate::call::media::{Lane, Level, MediaCommand};
use crate::call::task::Call;
use crate::words::model::truthy;

/// Louder or softer.
pub(super) static SET_AUDIO_LEVEL: Application = Application {
    name: "set_audio_level",
    doc: "Changes the volume of what is heard (read) or told (write)",
    syntax: "read|write <-4..4>",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Now(|call, data| level(call, data, |text| text.parse().ok().map(Level::Step))),
};

/// Silent.
pub(super) static SET_MUTE: Application = Application {
    name: "set_mute",
    doc: "Silences what is heard (read) or told (write), or not any more",
    syntax: "read|write true|false",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Now(|call, data| {
        level(call, data, |text| {
            // A number is a level of noise: we put silence in its place.
            let on = truthy(text) || text.parse::<u32>().is_ok_and(|level| level > 0);
            Some(if on { Level::Mute } else { Level::Plain })
        });
    }),
};

/// Listens.
pub(super) static START_DTMF: Application = Application {
    name: "start_dtmf",
    doc: "Takes digits that are only heard as tones",
    syntax: "",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Now(|call, _| call.audio.command(MediaCommand::Listen(true))),
};

/// Does not listen any more.
pub(super) static STOP_DTMF: Application = Application {
    name: "stop_dtmf",
    doc: "Does not listen for tones of digits any more",
    syntax: "",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(|call, _| call.audio.command(MediaCommand::Listen(false))),
};

/// `read` or `write`, as FreeSWITCH calls the directions of a leg.
pub fn lane(word: &str) -> Option<Lane> {
    match word.to_ascii_lowercase().as_str() {
        "read" => Some(Lane::Heard),
        "write" => Some(Lane::Told),
        _ => None,
    }
}

fn level(call: &Call, data: &str, value: impl Fn(&str) -> Option<Level>) {
    let (word, text) = data.trim().split_once(' ').unwrap_or((data.trim(), ""));
    if let (Some(lane), Some(level)) = (lane(word), value(text.trim())) {
        call.audio.command(MediaCommand::Level { lane, level });
    } else {
        tracing::error!(data, "no direction (read or write), or no level");
    }
}
