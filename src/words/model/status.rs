//! SIP response codes as users meet them: standard phrase, and for the codes of the project's seed document what the
//! code means, which cause a called leg ends with, and what the caller gets.

use super::Cause;

/// One SIP response code.
#[derive(Debug, Clone, Copy)]
pub struct SipStatus {
    /// The code, 100..=699.
    pub code: u16,
    /// The standard reason phrase.
    pub phrase: &'static str,
    /// One sentence for operators.
    pub meaning: &'static str,
}

macro_rules! statuses {
    ($($code:literal $phrase:literal $meaning:literal;)*) => {
        const TABLE: &[SipStatus] = &[
            $(SipStatus { code: $code, phrase: $phrase, meaning: $meaning },)*
        ];
    };
}

statuses! {
    100 "Trying" "The call was received and is being worked on; nothing is known of the called party yet.";
    180 "Ringing" "The called party was found and is being alerted.";
    181 "Call Is Being Forwarded" "The far side diverts the call to another destination.";
    182 "Queued" "The called party is busy for the moment; the call waits in a queue.";
    183 "Session Progress" "Progress, usually with audio before the answer (early media).";
    199 "Early Dialog Terminated" "One of several early dialogs ended.";
    200 "OK" "The request succeeded; for an INVITE the call is answered.";
    202 "Accepted" "The request was accepted for later processing.";
    204 "No Notification" "The request succeeded; no notification follows.";
    300 "Multiple Choices" "The address has several places to try.";
    301 "Moved Permanently" "The user is no longer here; the new address is in Contact.";
    302 "Moved Temporarily" "The user is elsewhere for now; try the address in Contact.";
    305 "Use Proxy" "The call must go through the proxy named in Contact.";
    380 "Alternative Service" "The call failed, but another service is offered.";
    400 "Bad Request" "The request could not be understood.";
    401 "Unauthorized" "The far side wants credentials (registrar or user agent).";
    402 "Payment Required" "Reserved; carriers use it for an exhausted account.";
    403 "Forbidden" "The request was understood and is refused.";
    404 "Not Found" "The number or user does not exist there.";
    405 "Method Not Allowed" "The method is known but not allowed for this address.";
    406 "Not Acceptable" "No answer form that the caller accepts can be made.";
    407 "Proxy Authentication Required" "The proxy wants credentials.";
    408 "Request Timeout" "Nobody answered in time, or nothing at all came back.";
    409 "Conflict" "The request conflicts with the state of the resource.";
    410 "Gone" "The number existed once; no new address is known.";
    411 "Length Required" "The far side insists on a Content-Length.";
    412 "Conditional Request Failed" "A precondition of the request does not hold.";
    413 "Request Entity Too Large" "The body is larger than the far side takes.";
    414 "Request-URI Too Long" "The address is longer than the far side takes.";
    415 "Unsupported Media Type" "The body's format is not supported.";
    416 "Unsupported URI Scheme" "The address is neither sip: nor another scheme the far side knows.";
    417 "Unknown Resource-Priority" "A required priority namespace is unknown.";
    420 "Bad Extension" "A required protocol extension is not supported.";
    421 "Extension Required" "The far side needs an extension that the caller did not offer.";
    422 "Session Interval Too Small" "The session timer asked for is too short.";
    423 "Interval Too Brief" "The registration time asked for is too short.";
    424 "Bad Location Information" "The location given is faulty.";
    425 "Bad Alert Message" "The alert was rejected.";
    428 "Use Identity Header" "The far side wants a signed identity.";
    429 "Provide Referrer Identity" "The far side wants to know who referred the call.";
    430 "Flow Failed" "A connection on the way to the user broke.";
    433 "Anonymity Disallowed" "Anonymous calls are refused.";
    436 "Bad Identity Info" "The identity's certificate could not be fetched.";
    437 "Unsupported Credential" "The identity's certificate is not accepted.";
    438 "Invalid Identity Header" "The identity's signature does not verify.";
    439 "First Hop Lacks Outbound Support" "The first proxy does not support outbound flows.";
    440 "Max-Breadth Exceeded" "The request forked too widely.";
    469 "Bad Info Package" "The INFO package is unknown.";
    470 "Consent Needed" "The recipient has not consented.";
    480 "Temporarily Unavailable" "The called party was reached but is not available now (often: not registered, do not disturb).";
    481 "Call/Transaction Does Not Exist" "The far side knows no such call; a BYE or CANCEL came too late.";
    482 "Loop Detected" "The request came back to a server it had passed.";
    483 "Too Many Hops" "The request passed more servers than Max-Forwards allows.";
    484 "Address Incomplete" "Digits are missing.";
    485 "Ambiguous" "The number or name means several users.";
    486 "Busy Here" "The called party is busy at this place.";
    487 "Request Terminated" "The caller gave up before the answer.";
    488 "Not Acceptable Here" "No common codec, or the offer is refused.";
    489 "Bad Event" "The event package is unknown.";
    491 "Request Pending" "Both sides changed the call at once; try again.";
    493 "Undecipherable" "The body cannot be decrypted.";
    494 "Security Agreement Required" "The far side insists on a security agreement.";
    500 "Server Internal Error" "The far side failed.";
    501 "Not Implemented" "The far side does not know the method.";
    502 "Bad Gateway" "A server behind the far side answered nonsense.";
    503 "Service Unavailable" "The far side is overloaded or in maintenance, or cannot be reached.";
    504 "Server Time-out" "A server behind the far side did not answer in time.";
    505 "Version Not Supported" "The SIP version is not supported.";
    513 "Message Too Large" "The message is larger than the far side takes.";
    555 "Push Notification Service Not Supported" "The push service is not supported.";
    580 "Precondition Failure" "Resources required before ringing could not be had.";
    600 "Busy Everywhere" "The called party is busy at every place.";
    603 "Decline" "The called party refuses the call.";
    604 "Does Not Exist Anywhere" "The user exists nowhere.";
    606 "Not Acceptable" "The user was reached, but the session described is not acceptable.";
    607 "Unwanted" "The called party does not want this call.";
    608 "Rejected" "A service in the network rejected the call.";
}

/// The codes of the project's seed document, in order.
pub const SEED_CODES: &[u16] = &[
    100, 180, 181, 182, 183, 200, 300, 301, 302, 305, 380, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411,
    412, 413, 414, 415, 416, 420, 480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493, 494, 500, 501, 502, 503,
    504, 505, 600, 603, 604, 606,
];

impl SipStatus {
    /// The row of a code; `None` for an unassigned code.
    pub fn of(code: u16) -> Option<&'static SipStatus> {
        let at = TABLE.binary_search_by_key(&code, |row| row.code).ok()?;
        TABLE.get(at)
    }

    /// All rows in code order.
    pub fn all() -> impl Iterator<Item = &'static SipStatus> {
        TABLE.iter()
    }

    /// The cause of a called leg that refuses its INVITE with this code and no Reason header; `None` for 1xx and 2xx,
    /// and for the redirects the switch follows (300, 301, 302, 305 with a Contact).
    pub fn cause(&self) -> Option<Cause> {
        (self.code >= 400 || self.code == 380).then(|| Cause::from_sip_status(self.code))
    }

    /// Whether, with neither `continue_on_fail` nor `failure_causes` set, the dialplan goes on after a bridge that
    /// failed with this code.
    pub fn continues_by_default(&self) -> bool {
        matches!(self.cause(), Some(Cause::NO_ANSWER | Cause::NO_USER_RESPONSE | Cause::ORIGINATOR_CANCEL))
    }

    /// What an unanswered caller gets when the called leg ends with this code and the dialplan does nothing more.
    pub fn caller_gets(&self) -> String {
        match self.code {
            100 => "nothing new (its own 100 was sent at once)".to_owned(),
            180 => "180 once; with SDP 183 and audio".to_owned(),
            182 => "182 once".to_owned(),
            183 => "183 and audio when the 183 has SDP, else 180".to_owned(),
            181 | 199 => "nothing; with SDP 183 and audio".to_owned(),
            200..=299 => "200".to_owned(),
            300 | 301 | 302 | 305 => {
                format!("the result of calling the Contact; {} when there is none", self.code)
            }
            401 | 407 => {
                format!("480 without credentials for the challenge; {} when there was no challenge", self.code)
            }
            code => code.to_string(),
        }
    }
}

/// The standard phrase of a code; `Because` when it has none, as FreeSWITCH writes it.
pub fn phrase(code: u16) -> &'static str {
    SipStatus::of(code).map_or("Because", |row| row.phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_holds_the_seed_codes() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].code < pair[1].code, "{}", pair[1].code);
        }
        for code in SEED_CODES {
            assert!(SipStatus::of(*code).is_some(), "{code}");
        }
    }

    #[test]
    fn only_no_answer_kinds_continue_by_default() {
        let going_on: Vec<u16> = SipStatus::all().filter(|s| s.continues_by_default()).map(|s| s.code).collect();
        assert_eq!(going_on, [480, 487]);
    }
}
