//! A channel as the headers of an event (spec: event socket, channel block, profile block, variables).

use super::{Channel, Phase};
use crate::words::model::CallerProfile;

/// Headers in order.
type Headers = Vec<(String, String)>;

impl Channel {
    /// The channel block, the profiles, every variable as `variable_<name>`. Empty values are left out.
    pub fn event_headers(&self) -> Headers {
        self.event_headers_with(true)
    }

    /// As [`Channel::event_headers`], with the variables or without them.
    pub fn event_headers_with(&self, variables: bool) -> Headers {
        let mut headers = Headers::new();
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                headers.push((name.to_owned(), value.to_owned()));
            }
        };
        add("Channel-State", self.phase.name());
        add("Channel-Call-State", self.call_state());
        add("Channel-State-Number", self.phase.number());
        add("Channel-Name", &self.profile.chan_name);
        add("Unique-ID", &self.uuid);
        add("Call-Direction", self.direction);
        add("Presence-Call-Direction", self.direction);
        add("Channel-HIT-Dialplan", if self.direction == "inbound" { "true" } else { "false" });
        add("Channel-Presence-ID", self.get("presence_id").unwrap_or_default());
        add("Channel-Presence-Data", self.get("presence_data").unwrap_or_default());
        add("Channel-Call-UUID", self.get("call_uuid").unwrap_or_default());
        add("Answer-State", self.answer_state());
        add("Hangup-Cause", self.cause.map_or("", |cause| cause.name()));
        if !self.codec.is_empty() {
            for way in ["Read", "Write"] {
                add(&format!("Channel-{way}-Codec-Name"), self.codec);
                add(&format!("Channel-{way}-Codec-Rate"), "8000");
                add(&format!("Channel-{way}-Codec-Bit-Rate"), "64000");
            }
        }
        self.profile_block("Caller", &self.profile, &mut headers);
        if let Some(other) = &self.other {
            let kind = if self.direction == "inbound" { "originatee" } else { "originator" };
            headers.push(("Other-Type".to_owned(), kind.to_owned()));
            self.profile_block("Other-Leg", other, &mut headers);
        }
        if variables {
            headers.extend(self.variables.iter().map(|(name, value)| (format!("variable_{name}"), value.to_owned())));
        }
        headers
    }

    /// `DOWN`, `RINGING`, `EARLY`, `ACTIVE` or `HANGUP`.
    pub fn call_state(&self) -> &'static str {
        match self.phase {
            Phase::Hangup => "HANGUP",
            _ if self.answered => "ACTIVE",
            _ if self.early => "EARLY",
            _ if self.rung || self.direction == "inbound" => "RINGING",
            _ => "DOWN",
        }
    }

    fn answer_state(&self) -> &'static str {
        match self.phase {
            Phase::Hangup => "hangup",
            _ if self.answered => "answered",
            _ if self.early => "early",
            _ => "ringing",
        }
    }

    fn profile_block(&self, prefix: &str, profile: &CallerProfile, headers: &mut Headers) {
        let own = profile.uuid == self.profile.uuid;
        let other = if self.direction == "inbound" { "outbound" } else { "inbound" };
        let direction = if own { self.direction } else { other };
        for (name, value) in [
            ("Direction", direction),
            ("Logical-Direction", direction),
            ("Username", &profile.username),
            ("Dialplan", &profile.dialplan),
            ("Caller-ID-Name", &profile.caller_id_name),
            ("Caller-ID-Number", &profile.caller_id_number),
            ("Orig-Caller-ID-Name", &profile.orig_caller_id_name),
            ("Orig-Caller-ID-Number", &profile.orig_caller_id_number),
            ("Callee-ID-Name", &profile.callee_id_name),
            ("Callee-ID-Number", &profile.callee_id_number),
            ("Network-Addr", &profile.network_addr),
            ("ANI", &profile.ani),
            ("ANI-II", &profile.aniii),
            ("Destination-Number", &profile.destination_number),
            ("Unique-ID", &profile.uuid),
            ("Source", &profile.source),
            ("Transfer-Source", &profile.transfer_source),
            ("Context", &profile.context),
            ("RDNIS", &profile.rdnis),
            ("Channel-Name", &profile.chan_name),
        ] {
            if !value.is_empty() {
                headers.push((format!("{prefix}-{name}"), value.to_owned()));
            }
        }
        if own {
            headers.push((format!("{prefix}-Profile-Index"), self.profile_number.to_string()));
            for (name, at) in [
                ("Profile-Created-Time", self.times.transferred.max(self.times.created)),
                ("Channel-Created-Time", self.times.created),
                ("Channel-Answered-Time", self.times.answered),
                ("Channel-Progress-Time", self.times.progress),
                ("Channel-Progress-Media-Time", self.times.progress_media),
                ("Channel-Hangup-Time", self.times.hungup),
                ("Channel-Transfer-Time", self.times.transferred),
                // No call survives the end of its switch.
                ("Channel-Resurrect-Time", 0),
                ("Channel-Bridged-Time", self.times.bridged),
                ("Channel-Last-Hold", self.times.last_hold),
                ("Channel-Hold-Accum", self.times.hold_accum),
            ] {
                headers.push((format!("{prefix}-{name}"), at.to_string()));
            }
        }
        for (name, value) in [
            ("Screen-Bit", profile.screen),
            ("Privacy-Hide-Name", profile.hide_name),
            ("Privacy-Hide-Number", profile.hide_number),
        ] {
            headers.push((format!("{prefix}-{name}"), value.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::model::{Cause, Variables};

    #[test]
    fn a_channel_as_headers() {
        let profile = CallerProfile { uuid: "u".into(), destination_number: "1000".into(), ..CallerProfile::default() };
        let mut channel = Channel::new(profile, Variables::new(), "inbound", 7);
        channel.variables.set("x", "1");
        channel.other = Some(Box::new(CallerProfile { uuid: "o".into(), ..CallerProfile::default() }));
        channel.hangup(Cause::USER_BUSY, 9);
        let headers = channel.event_headers();
        let get = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        for (name, value) in [
            ("Channel-State", Some("CS_HANGUP")),
            ("Answer-State", Some("hangup")),
            ("Hangup-Cause", Some("USER_BUSY")),
            ("Unique-ID", Some("u")),
            ("Caller-Destination-Number", Some("1000")),
            ("Caller-Channel-Created-Time", Some("7")),
            ("Caller-Context", None),
            ("Other-Type", Some("originatee")),
            ("Other-Leg-Unique-ID", Some("o")),
            ("variable_x", Some("1")),
        ] {
            assert_eq!(get(name), value, "{name}");
        }
    }
}
