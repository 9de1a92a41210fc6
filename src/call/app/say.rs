//! `say`: numbers, dates and other things from recorded words.

use super::{Application, Run};
use crate::call::task::{Call, DigitRule, Played};

/// The application.
pub(super) static SAY: Application = Application {
    name: "say",
    doc: "Says numbers, dates and other things from recorded words",
    syntax: "<module>[:<language>] <type> <method> [<gender>] <text>",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(run(call, data))),
};

async fn run(call: &mut Call, data: &str) {
    let words: Vec<&str> = data.split_whitespace().collect();
    let ([module, kind, method, text] | [module, kind, method, _, text]) = words[..] else {
        tracing::error!(data, "say: <module> <type> <method> [<gender>] <text> are needed");
        return;
    };
    let keys = super::playback::terminators(call);
    if let Played::Terminated(key) = call.say(module, kind, method, text, DigitRule::Terminate(&keys)).await {
        call.a.variables.set("playback_terminator_used", &key.to_string());
    }
}
