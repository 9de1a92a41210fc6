//! `tone_detect` and `stop_tone_detect`.

use super::{Application, Run};
use crate::call::task::Call;

/// Waits for a tone beside what the call does.
pub(super) static TONE_DETECT: Application = Application {
    name: "tone_detect",
    doc: "Runs an application when a tone is heard, beside what the call does",
    syntax: "<key> <f1,f2...> [r|w [[+]<timeout> [<app> <data> <hits>]]]",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Now(Call::detect_tone),
};

/// Waits no longer.
pub(super) static STOP_TONE_DETECT: Application = Application {
    name: "stop_tone_detect",
    doc: "Waits for no tone any more",
    syntax: "",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(|call, _| call.forget_tones()),
};
