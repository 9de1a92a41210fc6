//! Settings of a stack, fixed for its life.

use std::time::Duration;

/// Settings of a [`super::Stack`].
#[derive(Debug, Clone)]
pub struct StackConfig {
    /// Text of `User-Agent` in requests and responses; empty: none is written.
    pub user_agent: String,
    /// Round-trip estimate (RFC 3261 timer T1).
    pub t1: Duration,
    /// Longest interval between retransmissions (T2).
    pub t2: Duration,
    /// Longest life of a message in the network (T4).
    pub t4: Duration,
    /// Answer an INVITE with 100 by the stack itself, before [`super::Event::Invite`].
    pub auto_100: bool,
    /// Refuse requests with `Max-Forwards: 0` by 483. FreeSWITCH leaves that to the dialplan.
    pub refuse_zero_forwards: bool,
    /// Methods served here: text of `Allow`, and what is answered 405 when it is known but not listed.
    pub allow: Vec<String>,
    /// Extensions named in `Supported`, and not refused by 420 when required.
    pub supported: Vec<String>,
    /// Extensions that are not refused either, though `Supported` does not name them: whoever is told of the request
    /// decides.
    pub undecided: Vec<String>,
    /// Transactions at once; beyond, new requests are answered 503 without any state.
    pub max_transactions: usize,
    /// Legs at once; beyond, new INVITEs are answered 503.
    pub max_legs: usize,
    /// Seconds of `Retry-After` in such a 503.
    pub retry_after: u32,
    /// Largest body taken; larger ones are answered 513.
    pub max_body: usize,
    /// Requests for UDP larger than this go over TCP first and return to UDP when that fails (RFC 3261 18.1.1).
    /// None: always as commanded.
    pub udp_limit: Option<usize>,
}

impl Default for StackConfig {
    fn default() -> Self {
        Self {
            user_agent: "switch".to_owned(),
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            auto_100: true,
            refuse_zero_forwards: false,
            allow: [
                "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "MESSAGE", "INFO", "UPDATE", "REGISTER", "REFER", "NOTIFY",
            ]
            .map(str::to_owned)
            .to_vec(),
            supported: vec!["path".to_owned(), "replaces".to_owned(), "timer".to_owned()],
            undecided: Vec::new(),
            max_transactions: 200_000,
            max_legs: 20_000,
            retry_after: 300,
            max_body: 65_535,
            udp_limit: None,
        }
    }
}
