//! Call records: one per leg, made when the leg is over. What is written of them are pure functions of the record: our own
//! line of JSON, FreeSWITCH's XML and JSON documents, and texts of templates.

mod detail;
mod json;
mod template;
#[cfg(test)]
pub(crate) mod testing;
mod xml;

use serde::Serialize;

pub use detail::{AppLogEntry, AudioFigures, CallFlow, Detail, FlowTimes, wanted};
pub use json::json;
pub use template::{BUILT_IN, Column, Surroundings, columns, expand};
pub use xml::xml;

/// What is known of one leg at its end. Times are microseconds since 1970; absent: it never happened.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CallRecord {
    /// Identifier of the channel.
    pub uuid: String,
    /// Identifier of the caller's channel; equal to `uuid` for the caller's own record.
    pub call_uuid: String,
    /// Call-ID of the SIP dialog; empty for other legs.
    pub call_id: String,
    /// `inbound` or `outbound`.
    pub direction: &'static str,
    /// Name of the channel.
    pub channel: String,
    /// Caller's name.
    pub caller_name: String,
    /// Caller's number.
    pub caller: String,
    /// Number dialled.
    pub callee: String,
    /// Context of the caller.
    pub context: String,
    /// Extension that ran last.
    pub extension: String,
    /// The leg came into being.
    pub start: u64,
    /// First ringing.
    pub progress: Option<u64>,
    /// First early media.
    pub progress_media: Option<u64>,
    /// Answer.
    pub answer: Option<u64>,
    /// First bridge.
    pub bridge: Option<u64>,
    /// End.
    pub end: u64,
    /// Seconds from start to end, as a difference of whole seconds.
    pub duration: u64,
    /// Seconds from answer to end, likewise; 0 without an answer.
    pub billsec: u64,
    /// Name of the cause.
    pub cause: &'static str,
    /// Q.850 number of the cause.
    pub cause_q850: u32,
    /// Final SIP status: sent to a caller, received from a called party; 0 when there was none.
    pub sip_status: u16,
    /// `originate_disposition` of the caller.
    pub disposition: String,
    /// Codec of the leg's audio; empty without media.
    pub codec: String,
    /// RTP packets received.
    pub packets_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets lost on the way to us.
    pub packets_lost: u64,
    /// Interarrival jitter of received RTP, microseconds.
    pub jitter_us: u64,
    /// Gateway it was dialled through; empty: none.
    pub gateway: String,
    /// No output is to take it (`process_cdr`, `skip_cdr_causes`).
    #[serde(skip)]
    pub skipped: bool,
    /// Everything else, when the sink asks for it.
    #[serde(skip)]
    pub detail: Option<Box<Detail>>,
}

impl CallRecord {
    /// One line of JSON without line end.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Takes records. Never waits: a sink that cannot keep up drops the record and says so in the log.
pub trait RecordSink: Send + Sync {
    /// Whether records are wanted with [`CallRecord::detail`].
    fn detailed(&self) -> bool {
        false
    }

    /// One leg is over.
    fn record(&self, record: CallRecord);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line() {
        let record = CallRecord { uuid: "u\n1".to_owned(), answer: Some(5), ..CallRecord::default() };
        let json = record.json();
        assert!(json.starts_with(r#"{"uuid":"u\n1","#) && json.contains(r#""answer":5,"bridge":null"#), "{json}");
        assert!(!json.contains('\n'));
    }
}
