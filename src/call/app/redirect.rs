//! `redirect`: sends an unanswered caller elsewhere: 302, or 300 for several or with a cause.

use super::{Application, Run};
use crate::call::task::Call;
use crate::call::task::Refusal;
use crate::words::model::Cause;

/// The application.
pub(super) static REDIRECT: Application = Application {
    name: "redirect",
    doc: "Sends an unanswered caller elsewhere: 302, or 300 for several or with a cause",
    syntax: "<uri>[,<uri> ...] [<cause>]",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    if call.a.answered {
        tracing::warn!("redirect: the call is answered");
        return;
    }
    let (uris, cause) = data.trim().split_once(' ').unwrap_or((data.trim(), ""));
    let contacts = contacts(uris);
    let status = if contacts.len() > 1 || !cause.is_empty() { 300 } else { 302 };
    call.refusal = Some(Refusal { status, contact: Some(contacts.join(",")), ..Refusal::default() });
    call.hangup(if cause.is_empty() { Cause::NORMAL_UNSPECIFIED } else { Cause::parse(cause.trim()) });
}

/// Contact values; several get a falling preference.
fn contacts(uris: &str) -> Vec<String> {
    let uris: Vec<&str> = uris.split(',').map(str::trim).filter(|uri| !uri.is_empty()).take(100).collect();
    let several = uris.len() > 1;
    uris.iter()
        .enumerate()
        .map(|(at, uri)| match uri {
            uri if uri.contains(['<', '>']) => (*uri).to_owned(),
            uri if several => format!("\"unknown\" <{uri}>;q=0.{:03}", 129_usize.saturating_sub(at)),
            uri => format!("\"unknown\" <{uri}>"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::contacts;

    #[test]
    fn several_contacts_have_a_falling_preference() {
        assert_eq!(contacts("sip:1@h"), ["\"unknown\" <sip:1@h>"]);
        assert_eq!(
            contacts("sip:1@h, <sip:2@h>,sip:3@h"),
            ["\"unknown\" <sip:1@h>;q=0.129", "<sip:2@h>", "\"unknown\" <sip:3@h>;q=0.127"]
        );
    }
}
