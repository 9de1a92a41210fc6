//! `respond`: refuses an unanswered call with a SIP status. Other than 400 to 699 is ignored, as FreeSWITCH does; text that is
//! no number is 488. An answered call is hung up with the cause of the status. Other than SIP legs ignore it.

use super::{Application, Run};
use crate::call::task::Call;
use crate::call::task::Refusal;
use crate::words::model::Cause;

/// The application.
pub(super) static RESPOND: Application = Application {
    name: "respond",
    doc: "Refuses an unanswered call with a SIP status",
    syntax: "<code>[ <phrase>]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    if call.a.profile.source != "mod_sofia" || !call.a.up() {
        return;
    }
    let (code, text) = data.trim().split_once(' ').unwrap_or((data.trim(), ""));
    let status: u16 = code.parse().unwrap_or(488);
    if !(400..=699).contains(&status) {
        if status != 100 {
            tracing::warn!(status, "respond: only a refusal (400 to 699) can be given");
        }
        return;
    }
    if call.a.answered {
        call.hangup(Cause::from_sip_status(status));
        return;
    }
    let phrase = (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let challenged = [401, 407].contains(&status);
    let challenge = challenged.then(|| call.a.get("sip_challenge_realm").unwrap_or_default().to_owned());
    call.refusal = Some(if challenged {
        // FreeSWITCH sends either as a proxy's challenge.
        Refusal { status: 407, challenge, ..Refusal::default() }
    } else {
        Refusal { status, phrase, ..Refusal::default() }
    });
    call.hangup(if status == 401 { Cause::USER_CHALLENGE } else { Cause::from_sip_status(status) });
}
