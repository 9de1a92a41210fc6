//! REFER from a phone: the other side of its bridge is transferred (RFC 3515): to an extension, to the partner of another
//! dialog of ours, or to a dialog of another switch, which is called with Replaces.

use bytes::Bytes;

use super::Call;
use super::takeover::Dialog;
use crate::call::channel::Phase;
use crate::call::dial::{DialLeg, DialString};
use crate::call::leg::{Headers, LegCommand, LegId, RequestToken};
use crate::words::model::{Cause, clean};

/// Octets of a URI to be called for a REFER.
const LONGEST_URI: usize = 1024;

/// Where a REFER wants the other side to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Referral {
    /// User part of Refer-To.
    pub(super) extension: String,
    /// Whole Referred-By, when there is one.
    pub(super) by: Option<String>,
    /// The dialog whose partner it is to be joined with, instead.
    pub(super) attended: Option<Dialog>,
    /// A dialog of another switch whose place it is to take there, instead.
    pub(super) outside: Option<Outside>,
}

/// A dialog that is not ours: it is called, and asked to give its place (RFC 3891).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outside {
    /// Where it is, a SIP URI without headers.
    uri: String,
    /// Value of Replaces.
    replaces: String,
}

/// What a REFER asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Transfer(Referral),
    /// Refer-To names a dialog to replace: an attended transfer.
    Attended(Dialog, Outside),
    Nothing,
}

fn asked(headers: &Headers) -> Asked {
    let value = |name: &str, short: &str| {
        let found =
            headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name) || header.eq_ignore_ascii_case(short));
        found.map(|(_, value)| value.trim())
    };
    let Some(to) = value("Refer-To", "r") else { return Asked::Nothing };
    let uri = to.split_once('<').map_or(to, |(_, rest)| rest.split('>').next().unwrap_or_default());
    if let Some(replaces) = replaces(uri) {
        let uri = uri.split('?').next().unwrap_or_default();
        let plain = uri.bytes().all(|byte| byte.is_ascii_graphic()) && !replaces.contains(['\r', '\n']);
        let sip = ["sip:", "sips:"].iter().any(|scheme| uri.starts_with(scheme)) && uri.len() <= LONGEST_URI;
        let Some(dialog) = Dialog::parse(&replaces).filter(|_| plain && sip) else { return Asked::Nothing };
        return Asked::Attended(dialog, Outside { uri: uri.to_owned(), replaces });
    }
    let uri = uri.strip_prefix("sip:").or_else(|| uri.strip_prefix("sips:")).unwrap_or_default();
    let user = uri.split_once('@').map_or("", |(user, _)| user).split(';').next().unwrap_or_default();
    if user.is_empty() {
        return Asked::Nothing;
    }
    let by = referred_by(headers);
    Asked::Transfer(Referral { extension: user.to_owned(), by, attended: None, outside: None })
}

fn referred_by(headers: &Headers) -> Option<String> {
    let is = |name: &str| name.eq_ignore_ascii_case("Referred-By") || name.eq_ignore_ascii_case("b");
    headers.iter().find(|(name, _)| is(name)).map(|(_, value)| value.trim().to_owned())
}

/// The header Replaces within a URI, `%XX` undone.
fn replaces(uri: &str) -> Option<String> {
    let (_, headers) = uri.split_once('?')?;
    let named = |header: &str| {
        let (name, value) = header.split_once('=')?;
        name.eq_ignore_ascii_case("Replaces").then(|| value.to_owned())
    };
    let value = headers.split('&').find_map(named)?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let digits = more.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = more.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

impl Call {
    /// A REFER of the caller.
    pub(super) fn refer_of_caller(&mut self, token: RequestToken, headers: &Headers) {
        let (status, referral) = self.answer_refer(headers);
        self.tell(respond(token, status));
        if referral.is_some() {
            let notify = self.notify();
            self.tell(notify);
            self.referral = referral;
        }
    }

    /// A REFER of a called leg: the caller is transferred.
    pub(super) fn refer_of_callee(&mut self, id: LegId, token: RequestToken, headers: &Headers) {
        let (status, referral) = self.answer_refer(headers);
        let notify = self.notify();
        if let Some(callee) = self.callee(id) {
            callee.send(respond(token, status));
            if referral.is_some() {
                callee.send(notify);
            }
        }
        if let Some(referral) = referral {
            self.follow(&referral);
        }
    }

    /// What a REFER is answered; a dialog to replace has to be one of ours.
    fn answer_refer(&self, headers: &Headers) -> (u16, Option<Referral>) {
        if !self.a.bridged {
            return (501, None);
        }
        match asked(headers) {
            Asked::Transfer(referral) => (202, Some(referral)),
            Asked::Attended(dialog, outside) => {
                let ours = self.services.calls.in_dialog(&dialog.call_id).is_some();
                let (attended, outside) = if ours { (Some(dialog), None) } else { (None, Some(outside)) };
                (202, Some(Referral { extension: String::new(), by: referred_by(headers), attended, outside }))
            }
            Asked::Nothing => (400, None),
        }
    }

    /// Transfers the leg in front to where a referral points.
    pub(super) fn follow(&mut self, referral: &Referral) {
        if let Some(dialog) = &referral.attended {
            self.attended = Some(dialog.clone());
            self.a.phase = Phase::Routing;
            return;
        }
        if let Some(outside) = &referral.outside {
            self.outside = Some((outside.clone(), referral.by.clone()));
            self.a.phase = Phase::Routing;
            return;
        }
        if let Some(by) = &referral.by {
            self.a.set_received("sip_h_Referred-By", by);
        }
        self.transfer(&referral.extension, None, None);
    }

    /// Calls a dialog of another switch, to take its place there. False: nobody has asked for that.
    pub(super) async fn bridge_outside(&mut self) -> bool {
        let Some((Outside { uri, replaces }, by)) = self.outside.take() else { return false };
        self.a.phase = Phase::Execute;
        let profile = self.a.get("sofia_profile_name").unwrap_or("internal");
        let destination = format!("{profile}/{uri}");
        let mut variables = vec![("sip_h_Replaces".to_owned(), clean(&replaces).into_owned())];
        variables.extend(by.map(|by| ("sip_h_Referred-By".to_owned(), clean(&by).into_owned())));
        let dial = DialString::of_leg(DialLeg { endpoint: "sofia".to_owned(), destination, variables });
        // Its task is that of the transfer: what comes after a failure is not the dialplan's any more.
        if let Err(failure) = self.bridge_to(dial).await {
            self.hangup(failure.effective());
        }
        if self.a.phase == Phase::Execute {
            self.hangup(Cause::NORMAL_CLEARING);
        }
        true
    }

    /// The transfer has been made: what is told of it.
    fn notify(&mut self) -> LegCommand {
        let token = self.next_token();
        LegCommand::Request {
            token: RequestToken(token),
            method: "NOTIFY",
            headers: vec![
                ("Event".to_owned(), "refer".to_owned()),
                ("Subscription-State".to_owned(), "terminated;reason=noresource".to_owned()),
            ],
            content_type: "message/sipfrag".to_owned(),
            body: Bytes::from_static(b"SIP/2.0 200 OK\r\n"),
        }
    }
}

fn respond(token: RequestToken, status: u16) -> LegCommand {
    LegCommand::Respond { token, status, headers: Headers::new(), sdp: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refer_asks_for() {
        let ask = |to: &str| asked(&vec![("Refer-To".to_owned(), to.to_owned())]);
        let to = |user: &str| {
            Asked::Transfer(Referral { extension: user.to_owned(), by: None, attended: None, outside: None })
        };
        assert_eq!(ask("<sip:100@example.com>"), to("100"));
        assert_eq!(ask("\"Desk\" <sip:100;x=1@example.com;transport=udp>"), to("100"));
        assert_eq!(ask("sip:7@h"), to("7"));
        let text = "a@b;to-tag=c;from-tag=d".to_owned();
        let named = Dialog::parse(&text).unwrap();
        let outside = Outside { uri: "sip:1@h".to_owned(), replaces: text };
        assert_eq!(ask("<sip:1@h?X=y&replaces=a%40b%3Bto-tag%3Dc%3Bfrom-tag%3Dd>"), Asked::Attended(named, outside));
        for bad in
            ["<sip:1 2@h?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>", "<tel:1?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>"]
        {
            assert_eq!(ask(bad), Asked::Nothing, "{bad}");
        }
        assert_eq!(ask("<sip:1@h?Replaces=a%0D%0AX:%3Bto-tag%3Db%3Bfrom-tag%3Dc>"), Asked::Nothing, "two lines");
        assert_eq!(ask("<sip:1@h?Replaces=a%3Bto-tag%3Db>"), Asked::Nothing, "a tag is missing");
        for nothing in ["", "<sip:example.com>", "<tel:+1>", "<>"] {
            assert_eq!(ask(nothing), Asked::Nothing, "{nothing}");
        }
        assert_eq!(asked(&Headers::new()), Asked::Nothing);
        let with = vec![("r".to_owned(), "<sip:1@h>".to_owned()), ("Referred-By".to_owned(), "<sip:2@h>".to_owned())];
        assert_eq!(
            asked(&with),
            Asked::Transfer(Referral {
                extension: "1".to_owned(),
                by: Some("<sip:2@h>".to_owned()),
                attended: None,
                outside: None
            })
        );
    }
}
