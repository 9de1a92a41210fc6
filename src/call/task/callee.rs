//! A called leg, and what its end means for the caller's channel.

use bytes::Bytes;
use tokio::time::Instant;

use super::limit::release_places;
use super::refusal::{headers_of, q850_of, reason_header};
use super::{Call, LegAudio};
use crate::call::channel::Channel;
use crate::call::event::EventName;
use crate::call::leg::{Failure, Headers, Leg, LegCommand, LegId, PreparedLeg};
use crate::call::registry::Listed;
use crate::words::model::{Cause, Variables, falsy, truthy};

/// Redirects one leg may follow.
pub(super) const MAX_REDIRECTS: u32 = 5;

/// A called leg.
pub struct Callee {
    /// Its number within the call.
    pub id: LegId,
    /// Its channel.
    pub channel: Channel,
    /// Its audio.
    pub audio: LegAudio,
    pub(super) leg: Option<Box<dyn Leg>>,
    /// Not started yet (`leg_delay_start`).
    pub(super) prepared: Option<(Box<dyn PreparedLeg>, Option<Bytes>)>,
    pub(super) timers: LegTimers,
    /// Its far end has ended it: nothing is to be sent.
    pub(super) gone: bool,
    /// A leg that must not fail (`leg_required`).
    pub(super) required: bool,
    pub(super) redirects: u32,
    /// It waits to be picked up.
    pub(super) placeholder: bool,
    /// Keeps its channel in the list of calls.
    pub(super) listed: Listed,
}

/// When a leg is given up or started.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct LegTimers {
    pub(super) timeout: Option<Instant>,
    pub(super) progress: Option<Instant>,
    pub(super) start: Option<Instant>,
}

impl Callee {
    /// Its far end lives, or may.
    pub fn alive(&self) -> bool {
        self.channel.up()
    }

    pub(super) fn send(&mut self, command: LegCommand) {
        if let Some(leg) = &mut self.leg {
            leg.send(command);
        }
    }

    /// A variable of this leg.
    pub fn is_true(&self, name: &str) -> bool {
        self.channel.get(name).is_some_and(truthy)
    }

    /// Ends the far end's side, if it is still there.
    fn release(&mut self, cause: Cause) {
        if self.gone {
            return;
        }
        self.gone = true;
        let mut headers = headers_of(&self.channel.variables, &["sip_bye_h_"]);
        if let Some(reason) = reason_header(cause, &self.channel.variables) {
            headers.push(("Reason".to_owned(), reason));
        }
        let answered = self.channel.answered;
        self.channel.variables.set("sip_hangup_disposition", if answered { "send_bye" } else { "send_cancel" });
        if !answered {
            self.channel.variables.set("sip_invite_failure_status", "487");
            self.channel.variables.set("sip_invite_failure_phrase", "CANCEL");
        }
        self.send(if answered { LegCommand::Bye { headers } } else { LegCommand::Cancel { headers } });
    }
}

impl Call {
    pub(super) fn callee(&mut self, id: LegId) -> Option<&mut Callee> {
        self.callees.iter_mut().find(|callee| callee.id == id)
    }

    /// Ends a called leg: CANCEL or BYE unless its far end did, its variables, and those it leaves on the caller.
    pub(super) fn end_callee(&mut self, id: LegId, cause: Cause) {
        let now = self.now_us();
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return };
        if !callee.channel.up() {
            return;
        }
        callee.release(cause);
        let channel = &mut callee.channel;
        channel.phase = crate::call::channel::Phase::Hangup;
        channel.cause = Some(cause);
        channel.times.hungup = now;
        channel.variables.set("hangup_cause", cause.name());
        channel.variables.set("hangup_cause_q850", &cause.q850().to_string());
        self.a.variables.set("last_bridge_hangup_cause", cause.name());
        if let Some(status) = channel.variables.get("proto_specific_hangup_cause") {
            self.a.variables.set("last_bridge_proto_specific_hangup_cause", status);
        }
        tracing::debug!(leg = %channel.profile.chan_name, cause = cause.name(), "called leg ended");
        self.fire_of(id, EventName::CHANNEL_HANGUP, &[]);
    }

    /// A called leg failed before its answer: writes the variables and gives the cause.
    pub(super) fn callee_failed(&mut self, id: LegId, failure: Failure) -> Cause {
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else {
            return Cause::NORMAL_UNSPECIFIED;
        };
        callee.gone = true;
        let Failure { status, phrase, reason, headers, no_credentials, cause } = failure;
        let b = &mut callee.channel;
        b.status = status;
        if no_credentials {
            b.variables.set("sip_hangup_disposition", "send_cancel");
            b.variables.set("sip_invite_failure_status", "487");
            b.variables.set("sip_invite_failure_phrase", "CANCEL");
            self.end_callee(id, Cause::MANDATORY_IE_MISSING);
            return Cause::MANDATORY_IE_MISSING;
        }
        let named = reason.as_deref().and_then(q850_of).filter(|_| !b.is_true("ignore_q850_reason"));
        let cause = named.or(cause).unwrap_or_else(|| Cause::from_sip_status(status));
        if status != 0 {
            let number = status.to_string();
            b.variables.set("proto_specific_hangup_cause", &format!("sip:{status}"));
            b.variables.set("sip_term_status", &number);
            b.variables.set("sip_term_cause", &cause.number().to_string());
            b.variables.set("sip_hangup_disposition", "recv_refuse");
            self.a.set_received("sip_hangup_phrase", &phrase);
            if status >= 400 && ![401, 407].contains(&status) {
                for channel in [b, &mut self.a] {
                    channel.variables.set("sip_invite_failure_status", &number);
                    channel.set_received("sip_invite_failure_phrase", &phrase);
                }
            }
        }
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return cause };
        if let Some(reason) = reason.filter(|_| status >= 400) {
            for channel in [&mut callee.channel, &mut self.a] {
                channel.set_received("sip_reason", &reason);
            }
        }
        received_headers(&mut callee.channel, &mut self.a, "sip_rh_", headers);
        self.end_callee(id, cause);
        cause
    }

    /// A called leg was hung up by its far end: writes the variables and gives the cause.
    pub(super) fn callee_hung_up(&mut self, id: LegId, reason: Option<String>, headers: Headers) -> Cause {
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else {
            return Cause::NORMAL_CLEARING;
        };
        callee.gone = true;
        let cause = reason.as_deref().and_then(q850_of).unwrap_or(Cause::NORMAL_CLEARING);
        let b = &mut callee.channel;
        b.variables.set("sip_hangup_disposition", "recv_bye");
        b.variables.set("proto_specific_hangup_cause", "sip:200");
        b.variables.set("sip_term_status", "200");
        b.variables.set("sip_term_cause", &cause.number().to_string());
        self.a.variables.set("sip_hangup_phrase", "OK");
        if b.bridged {
            b.variables.set("last_bridge_role", "originatee");
        }
        if let Some(reason) = reason {
            for channel in [b, &mut self.a] {
                channel.set_received("sip_reason", &reason);
            }
        }
        received_headers(&mut callee.channel, &mut self.a, "sip_bye_h_", headers);
        self.end_callee(id, cause);
        cause
    }

    /// Removes a called leg that is over, and writes its record.
    pub(super) fn drop_callee(&mut self, id: LegId) {
        let Some(at) = self.callees.iter().position(|callee| callee.id == id) else { return };
        let mut callee = self.callees.remove(at);
        if callee.audio.stop_all_recordings() {
            // Its end is told when its files are closed.
            self.lingering.push(callee);
        } else {
            self.bury(callee);
        }
    }

    /// The last of a called leg that is over.
    pub(super) fn bury(&mut self, mut callee: Callee) {
        let stats = callee.audio.close();
        release_places(&self.services, &mut callee.channel, None);
        if !self.services.events.is_quiet() || self.services.records.detailed() {
            callee.channel.codec = callee.audio.codec_name();
            super::finish::final_times(&mut callee.channel, self.snapshot.zones.server());
        }
        Self::fire_end(&self.services, &callee.channel);
        if callee.placeholder {
            return;
        }
        let record = self.record_of(&callee.channel, callee.audio.codec_name(), stats);
        self.services.records.record(record);
    }
}

/// Headers of a called leg's response or BYE become variables with a prefix; those of the leg, given ones included, are
/// copied to the caller unless `sip_copy_custom_headers` of the leg is a false word.
pub(super) fn received_headers(b: &mut Channel, a: &mut Channel, prefix: &str, headers: Headers) {
    for (name, value) in headers {
        b.set_received(&format!("{prefix}{name}"), &value);
    }
    copy_headers(b, a, prefix);
}

/// Copies variables with a prefix from a called leg to the caller, unless `sip_copy_custom_headers` forbids it.
pub(super) fn copy_headers(b: &Channel, a: &mut Channel, prefix: &str) {
    if b.get("sip_copy_custom_headers").is_some_and(falsy) {
        return;
    }
    let copies: Variables = b.variables.with_prefix(prefix).collect();
    for (name, value) in copies.iter() {
        a.variables.set(name, value);
    }
}
