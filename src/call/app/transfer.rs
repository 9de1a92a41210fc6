//! `transfer`: looks for another extension and leaves this list. `-aleg`, which the corpus has and FreeSWITCH does not know,
//! means this channel.

use super::{Application, Run};
use crate::call::task::Call;
use crate::words::expand::split;

/// The application.
pub(super) static TRANSFER: Application = Application {
    name: "transfer",
    doc: "Looks for another extension and leaves this list",
    syntax: "[-bleg|-both] <extension> [<dialplan> [<context>]]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    let mut words = split(data, ' ', 4);
    if words.first().is_some_and(|word| ["-aleg", "-bleg", "-both"].iter().any(|flag| word.eq_ignore_ascii_case(flag)))
    {
        let flag = words.remove(0);
        if !flag.eq_ignore_ascii_case("-aleg") {
            tracing::warn!(flag, "transfer: this channel has no partner while it runs its dialplan");
        }
        if flag.eq_ignore_ascii_case("-bleg") {
            return;
        }
    }
    let word = |at: usize| words.get(at).map(String::as_str);
    call.transfer(word(0).unwrap_or_default(), word(1), word(2));
}
