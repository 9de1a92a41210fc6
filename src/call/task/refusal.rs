//! What an unanswered caller is told at the end, and Reason headers (RFC 3326).

use crate::call::leg::Headers;
use crate::words::model::{Cause, Variables, falsy, phrase, truthy};

/// A refusal that the dialplan asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// 300..=699.
    pub status: u16,
    /// None: the standard phrase.
    pub phrase: Option<String>,
    /// Contact of a redirect.
    pub contact: Option<String>,
    /// A digest challenge for this realm (empty: the host of To).
    pub challenge: Option<String>,
}

/// The final response of an unanswered caller.
///
/// In this order, later rules overriding: the status of the cause; the status that the last bridge passed on (unless
/// `sip_ignore_remote_cause`); what `respond` or `redirect` stored.
pub(super) fn refusal(cause: Cause, variables: &Variables, stored: Option<&Refusal>) -> Refusal {
    if let Some(stored) = stored {
        return Refusal {
            phrase: stored.phrase.clone().or_else(|| Some(phrase(stored.status).to_owned())),
            ..stored.clone()
        };
    }
    let passed = variables
        .get("last_bridge_proto_specific_hangup_cause")
        .filter(|_| !variables.get("sip_ignore_remote_cause").is_some_and(truthy))
        .and_then(|text| text.strip_prefix("sip:").or_else(|| text.strip_prefix("sips:")))
        .and_then(|number| number.parse().ok());
    let status = match passed {
        Some(status) if status >= 300 => status,
        _ => cause.sip_status(),
    };
    // A status that no message may carry (904: the stack's own): the phone is told of a server error.
    let status = if status > 699 { 500 } else { status };
    Refusal { status, ..Refusal::default() }
}

/// Whether the refusal stands for a status that cannot be sent; it goes without Reason then.
pub(super) fn unsendable(variables: &Variables) -> bool {
    variables
        .get("last_bridge_proto_specific_hangup_cause")
        .and_then(|text| text.strip_prefix("sip:"))
        .and_then(|number| number.parse::<u32>().ok())
        .is_some_and(|status| status > 699)
}

/// The Reason header of a leg's BYE, CANCEL or refusal; none when `disable_q850_reason` says so.
pub fn reason_header(cause: Cause, variables: &Variables) -> Option<String> {
    if variables.get("disable_q850_reason").is_some_and(|value| !falsy(value)) {
        return None;
    }
    if let Some(text) = variables.get("sip_reason") {
        return Some(text.to_owned());
    }
    let elsewhere = [Cause::PICKED_OFF, Cause::LOSE_RACE].contains(&cause);
    if elsewhere && !variables.get("ignore_completed_elsewhere").is_some_and(truthy) {
        return Some("SIP;cause=200;text=\"Call completed elsewhere\"".to_owned());
    }
    Some(cause.reason_header())
}

/// Headers from variables with one of the prefixes; an empty name is none.
pub(super) fn headers_of(variables: &Variables, prefixes: &[&str]) -> Headers {
    let mut headers = Headers::new();
    for prefix in prefixes {
        for (name, value) in variables.with_prefix(prefix) {
            let name = name.get(prefix.len()..).unwrap_or_default();
            if !name.is_empty() {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    headers
}

/// The cause that a received Reason header names: protocol `Q.850` or our own, with a number.
pub(super) fn q850_of(reason: &str) -> Option<Cause> {
    let (protocol, parameters) = reason.split_once(';')?;
    let known = ["Q.850", "FreeSWITCH", "switch"].iter().any(|name| protocol.trim().eq_ignore_ascii_case(name));
    if !known {
        return None;
    }
    let number = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("cause").then(|| value.trim().trim_matches('"').parse::<u32>().ok())?
    })?;
    Some(Cause::from_number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().copied().collect()
    }

    #[test]
    fn the_status_follows_cause_then_bridge_then_respond() {
        let busy = |pairs: &[(&str, &str)]| refusal(Cause::USER_BUSY, &variables(pairs), None).status;
        assert_eq!(busy(&[]), 486);
        let passed = ("last_bridge_proto_specific_hangup_cause", "sip:404");
        assert_eq!(busy(&[passed]), 404);
        assert_eq!(busy(&[passed, ("sip_ignore_remote_cause", "true")]), 486);
        assert_eq!(busy(&[("last_bridge_proto_specific_hangup_cause", "sip:200")]), 486);
        assert_eq!(busy(&[("last_bridge_proto_specific_hangup_cause", "sip:904")]), 500);
        assert!(unsendable(&variables(&[("last_bridge_proto_specific_hangup_cause", "sip:904")])));
        let stored = Refusal { status: 499, ..Refusal::default() };
        let told = refusal(Cause::USER_BUSY, &variables(&[passed]), Some(&stored));
        assert_eq!((told.status, told.phrase.as_deref()), (499, Some(phrase(499))));
    }

    #[test]
    fn reasons() {
        let of = |cause, pairs: &[(&str, &str)]| reason_header(cause, &variables(pairs)).unwrap_or_default();
        assert_eq!(of(Cause::USER_BUSY, &[]), "Q.850;cause=17;text=\"USER_BUSY\"");
        assert_eq!(of(Cause::ORIGINATOR_CANCEL, &[]), "SIP;cause=487;text=\"ORIGINATOR_CANCEL\"");
        assert_eq!(of(Cause::LOSE_RACE, &[]), "SIP;cause=200;text=\"Call completed elsewhere\"");
        assert_eq!(of(Cause::LOSE_RACE, &[("ignore_completed_elsewhere", "1")]), "SIP;cause=702;text=\"LOSE_RACE\"");
        assert_eq!(of(Cause::USER_BUSY, &[("sip_reason", "X;y=1")]), "X;y=1");
        assert_eq!(of(Cause::USER_BUSY, &[("disable_q850_reason", "true")]), "");
        assert_eq!(of(Cause::USER_BUSY, &[("disable_q850_reason", "false")]), "Q.850;cause=17;text=\"USER_BUSY\"");
    }

    #[test]
    fn received_reasons() {
        assert_eq!(q850_of("Q.850;cause=18"), Some(Cause::NO_USER_RESPONSE));
        assert_eq!(q850_of("q.850 ; text=\"x\" ; cause=\"17\""), Some(Cause::USER_BUSY));
        assert_eq!(q850_of("SIP;cause=200"), None);
        assert_eq!(q850_of("Q.850"), None);
        assert_eq!(q850_of("Q.850;cause=x"), None);
    }
}
