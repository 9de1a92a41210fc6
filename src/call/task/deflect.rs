//! `deflect`: asks the caller's phone to call somebody else (REFER, RFC 3515).

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Call, Wake};
use crate::call::leg::{LegCommand, RequestToken};
use crate::words::model::Cause;

/// How long the far end may take to answer the REFER, and again to report its outcome.
const PATIENCE: Duration = Duration::from_secs(10);

impl Call {
    /// Sends the REFER, waits for its answer and for the final NOTIFY, and hangs up with BLIND_TRANSFER. With
    /// `sip_refer_continue_after_reply` it does not wait and the list goes on; the status comes when it comes.
    pub async fn deflect(&mut self, target: &str) {
        if !self.a.answered || target.is_empty() {
            tracing::warn!(target, "deflect: needs an answered call and a target");
            return;
        }
        let to = if target.contains(':') { target.to_owned() } else { format!("sip:{target}") };
        let token = self.next_token();
        self.referred = None;
        self.deflecting = Some(token);
        self.tell(LegCommand::Request {
            token: RequestToken(token),
            method: "REFER",
            headers: vec![("Refer-To".to_owned(), format!("<{to}>"))],
            content_type: String::new(),
            body: Bytes::new(),
        });
        if self.a.is_true("sip_refer_continue_after_reply") {
            return;
        }
        let until = Instant::now() + PATIENCE;
        while self.executing() && self.referred.is_none() {
            if matches!(self.next(Some(until)).await, Wake::Timer) {
                break;
            }
        }
        if let Some(status) = self.referred {
            self.a.variables.set("sip_refer_target_status_code", &status.to_string());
            if status < 300 {
                self.a.variables.set("disable_q850_reason", "true");
            }
        }
        self.hangup(Cause::BLIND_TRANSFER);
    }

    /// The final answer to a request of ours.
    pub(super) fn answered_request(&mut self, token: u64, status: u16) {
        if self.deflecting == Some(token) {
            self.a.variables.set("sip_refer_status_code", &status.to_string());
        }
    }
}
