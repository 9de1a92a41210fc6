//! The end of a call: legs released, the caller told, hooks run, records written.

use super::Call;
use super::limit::release_places;
use super::refusal::{headers_of, reason_header, refusal, unsendable};
use crate::call::cdr::{self, AudioFigures, CallRecord, Detail};
use crate::call::channel::{Channel, Frame};
use crate::call::leg::{LegCommand, LegId};
use crate::call::media::MediaStats;
use crate::words::model::Cause;

impl Call {
    pub(super) async fn finish(&mut self) {
        if self.given_away {
            return self.see_off().await;
        }
        self.hangup(Cause::NORMAL_CLEARING);
        self.guests.clear();
        let left: Vec<LegId> = self.callees.iter().map(|callee| callee.id).collect();
        for id in left {
            self.end_callee(id, Cause::ORIGINATOR_CANCEL);
            self.drop_callee(id);
        }
        self.finish_front().await;
        self.see_off().await;
    }

    /// Ends the leg in front: it is told, its hook runs, its record is written.
    pub(super) async fn finish_front(&mut self) {
        let cause = self.a.cause.unwrap_or(Cause::NORMAL_CLEARING);
        self.a.variables.set("hangup_cause", cause.name());
        self.a.variables.set("hangup_cause_q850", &cause.q850().to_string());
        let refused = self.release_caller(cause);
        self.finish_recordings().await;
        if let Some(observer) = &mut self.observer {
            let refused = refused.as_ref().map(|(status, phrase)| (*status, phrase.as_deref()));
            observer.ended(cause, self.a.answered, refused);
        }
        release_places(&self.services, &mut self.a, None);
        let zone = self.snapshot.zones.server().clone();
        self.a.codec = self.audio.codec_name();
        final_times(&mut self.a, &zone);
        self.hangup_hook().await;
        let stats = self.audio.close();
        Self::fire_end(&self.services, &self.a);
        let mut record = self.record_of(&self.a, self.audio.codec_name(), stats);
        self.a.get("originate_disposition").unwrap_or_default().clone_into(&mut record.disposition);
        self.services.records.record(record);
    }

    /// BYE, or the final refusal, which is returned.
    pub(super) fn release_caller(&mut self, cause: Cause) -> Option<(u16, Option<String>)> {
        if self.caller_gone {
            return None;
        }
        let reason = reason_header(cause, &self.a.variables);
        if self.a.answered {
            let mut headers = headers_of(&self.a.variables, &["sip_bye_h_"]);
            headers.extend(reason.map(|text| ("Reason".to_owned(), text)));
            self.a.variables.set("sip_hangup_disposition", "send_bye");
            self.tell(LegCommand::Bye { headers });
            return None;
        }
        let told = refusal(cause, &self.a.variables, self.refusal.as_ref());
        let mut headers = headers_of(&self.a.variables, &["sip_rh_", "sip_bye_h_"]);
        let silent = told.challenge.is_some() || (self.refusal.is_none() && unsendable(&self.a.variables));
        headers.extend(reason.filter(|_| !silent).map(|text| ("Reason".to_owned(), text)));
        headers.extend(told.contact.map(|contact| ("Contact".to_owned(), contact)));
        self.a.status = told.status;
        self.a.variables.set("sip_hangup_disposition", "send_refuse");
        self.a.variables.set("sip_term_status", &told.status.to_string());
        self.a.variables.set("sip_term_cause", &cause.number().to_string());
        self.a.variables.set("proto_specific_hangup_cause", &format!("sip:{}", told.status));
        let refused = (told.status, told.phrase.clone());
        self.tell(LegCommand::Reject { status: told.status, phrase: told.phrase, headers, challenge: told.challenge });
        Some(refused)
    }

    /// Everything about a leg of this call, of one that lives as well: what [`cdr::xml`] and [`cdr::json`] show.
    pub fn detail_of(&self, channel: &Channel, stats: MediaStats) -> Detail {
        let MediaStats { received, sent, lost, .. } = stats;
        channel.detail(Frame {
            core_uuid: self.services.events.core_uuid(),
            switchname: &self.services.switchname,
            dialled: channel.uuid != self.a.uuid,
            stats: AudioFigures { received, sent, lost, jitter_us: jitter_us(stats) },
        })
    }

    /// What is to be recorded of a leg of this call.
    pub(super) fn record_of(&self, channel: &Channel, codec: &str, stats: MediaStats) -> CallRecord {
        let some = |at: u64| (at > 0).then_some(at);
        let times = channel.times;
        let cause = channel.cause.unwrap_or(Cause::NORMAL_CLEARING);
        let dialled = channel.uuid != self.a.uuid;
        let originatee = !dialled && channel.other.is_some();
        CallRecord {
            uuid: channel.uuid.to_string(),
            call_uuid: self.a.uuid.to_string(),
            call_id: channel.get("sip_call_id").unwrap_or_default().to_owned(),
            direction: channel.direction,
            channel: channel.profile.chan_name.clone(),
            caller_name: channel.profile.caller_id_name.clone(),
            caller: channel.profile.caller_id_number.clone(),
            callee: channel.profile.destination_number.clone(),
            context: self.hunted_context.to_string(),
            extension: self.extension.to_string(),
            start: times.created,
            progress: some(times.progress),
            progress_media: some(times.progress_media),
            answer: some(times.answered),
            bridge: some(times.bridged),
            end: times.hungup,
            duration: seconds(times.created, times.hungup),
            billsec: if times.answered == 0 { 0 } else { seconds(times.answered, times.hungup) },
            cause: cause.name(),
            cause_q850: cause.q850(),
            sip_status: channel.status,
            disposition: String::new(),
            codec: codec.to_owned(),
            packets_received: stats.received,
            packets_sent: stats.sent,
            packets_lost: stats.lost,
            jitter_us: jitter_us(stats),
            gateway: channel.get("sip_gateway_name").unwrap_or_default().to_owned(),
            skipped: !cdr::wanted(&channel.variables, dialled, originatee, cause.name()),
            detail: self.services.records.detailed().then(|| Box::new(self.detail_of(channel, stats))),
        }
    }
}

impl Call {
    /// The XML record of the leg in front, as it would be if it ended now.
    pub(super) fn record_so_far(&self) -> String {
        let stats = self.audio.port().map(crate::call::media::MediaPort::stats).unwrap_or_default();
        cdr::xml(&self.detail_of(&self.a, stats))
    }
}

/// Every codec here has an RTP clock of 8 kHz.
fn jitter_us(stats: MediaStats) -> u64 {
    u64::from(stats.jitter) * 125
}

/// The variables of a moment: seconds and microseconds since 1970, local time.
const MOMENTS: [[&str; 3]; 6] = [
    ["start_epoch", "start_uepoch", "start_stamp"],
    ["answer_epoch", "answer_uepoch", "answer_stamp"],
    ["bridge_epoch", "bridge_uepoch", "bridge_stamp"],
    ["progress_epoch", "progress_uepoch", "progress_stamp"],
    ["progress_media_epoch", "progress_media_uepoch", "progress_media_stamp"],
    ["end_epoch", "end_uepoch", "end_stamp"],
];
/// The variables of a span: seconds, milliseconds, microseconds.
const SPANS: [[&str; 3]; 6] = [
    ["duration", "mduration", "uduration"],
    ["billsec", "billmsec", "billusec"],
    ["progresssec", "progressmsec", "progressusec"],
    ["answersec", "answermsec", "answerusec"],
    ["waitsec", "waitmsec", "waitusec"],
    ["progress_mediasec", "progress_mediamsec", "progress_mediausec"],
];

/// The variables of a channel's times, which hooks and listeners may read.
pub(super) fn final_times(channel: &mut Channel, zone: &jiff::tz::TimeZone) {
    let times = channel.times;
    let end = times.hungup;
    let moments = [times.created, times.answered, times.bridged, times.progress, times.progress_media, end];
    for ([epoch, uepoch, stamped], at) in MOMENTS.into_iter().zip(moments) {
        channel.variables.show(epoch, at / 1_000_000);
        channel.variables.show(uepoch, at);
        if at > 0
            && let Some(stamp) = stamp(at, zone)
        {
            channel.variables.set(stamped, &stamp);
        }
    }
    let spans = [
        (times.created, end),
        (times.answered, end),
        (times.created, times.progress),
        (times.created, times.answered),
        (times.created, times.bridged),
        (times.created, times.progress_media),
    ];
    for ([sec, msec, usec], (from, to)) in SPANS.into_iter().zip(spans) {
        let known = from != 0 && to != 0;
        let us = if known { to.saturating_sub(from) } else { 0 };
        channel.variables.show(sec, if known { seconds(from, to) } else { 0 });
        channel.variables.show(msec, us / 1000);
        channel.variables.show(usec, us);
    }
    if let Some((name, data)) = channel.history.last() {
        channel.variables.set("last_app", name);
        channel.variables.set("last_arg", data);
    }
    held(channel);
    let name = &channel.profile.caller_id_name;
    let caller = format!("\"{name}\" <{}>", channel.profile.caller_id_number);
    channel.variables.set("caller_id", &caller);
    for way in ["read_codec", "write_codec"] {
        channel.variables.set(way, channel.codec);
    }
}

/// The variables of a channel's holds, when there were any.
fn held(channel: &mut Channel) {
    let Some(events) = channel.history.hold_events() else { return };
    let sum = channel.times.hold_accum;
    for (name, value) in [
        ("hold_accum_seconds", (sum / 1_000_000).to_string()),
        ("hold_accum_ms", (sum / 1000).to_string()),
        ("hold_accum_usec", sum.to_string()),
        ("hold_events", events),
    ] {
        channel.variables.set(name, &value);
    }
}

/// Local time as `YYYY-MM-DD HH:MM:SS`.
fn stamp(us: u64, zone: &jiff::tz::TimeZone) -> Option<String> {
    let at = jiff::Timestamp::from_microsecond(i64::try_from(us).ok()?).ok()?;
    Some(at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Difference of whole seconds, as FreeSWITCH counts.
fn seconds(from: u64, to: u64) -> u64 {
    (to / 1_000_000).saturating_sub(from / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn whole_seconds_are_subtracted() {
        assert_eq!(seconds(1_900_000, 2_100_000), 1);
        assert_eq!(seconds(1_100_000, 1_900_000), 0);
        assert_eq!(seconds(5_000_000, 1_000_000), 0);
    }
}
