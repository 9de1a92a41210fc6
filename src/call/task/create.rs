//! Making called legs: variables, caller id, codecs, timers; nested dial strings (`user/`) resolved.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::callee::{Callee, LegTimers};
use super::originate::single_reject;
use super::{Call, LegAudio};
use crate::call::channel::{Channel, Phase};
use crate::call::dial::{DialLeg, DialString};
use crate::call::leg::{DialRequest, LegId, Prepared, PreparedLeg};
use crate::engine::sdp::Codec;
use crate::words::model::variables::holds_expansion;
use crate::words::model::{CallerProfile, Cause, Variables, falsy, truthy};

/// Nested dial strings (`user/` within `user/`).
const MAX_NESTING: u32 = 8;

/// One leg to be dialled.
struct Target {
    leg: DialLeg,
    /// Variables of the `{}` level.
    global: Variables,
    /// Variables that override all (`dial-var-*`).
    own: Vec<(String, String)>,
}

/// What became of a leg at creation.
enum Created {
    Leg(LegId),
    Nested(Vec<Target>),
}

impl Call {
    /// Creates the legs of an alternative; the error is the cause when there is none, or when one failure is enough.
    pub(super) async fn create_all(
        &mut self,
        legs: &[DialLeg],
        global: &Variables,
        begun: Instant,
    ) -> Result<Vec<LegId>, Cause> {
        let mut last = Cause::ORIGINATOR_CANCEL;
        let mut ids = Vec::new();
        let target = |leg: &DialLeg| (Target { leg: leg.clone(), global: global.clone(), own: Vec::new() }, 0);
        let mut work: VecDeque<(Target, u32)> = legs.iter().map(target).collect();
        while let Some((target, depth)) = work.pop_front() {
            match self.create(target, begun).await {
                Ok(Created::Leg(id)) => ids.push(id),
                Ok(Created::Nested(nested)) if depth < MAX_NESTING => {
                    for target in nested.into_iter().rev() {
                        work.push_front((target, depth + 1));
                    }
                }
                Ok(Created::Nested(_)) => last = Cause::INVALID_IE_CONTENTS,
                Err(cause) => {
                    if single_reject(global, cause) {
                        self.end_all(&ids, None, cause);
                        self.forget(&ids);
                        return Err(cause);
                    }
                    last = cause;
                }
            }
        }
        if ids.is_empty() { Err(last) } else { Ok(ids) }
    }

    /// Creates a leg and starts it, unless it is to be delayed.
    async fn create(&mut self, target: Target, begun: Instant) -> Result<Created, Cause> {
        let hops = match self.a.get("max_forwards").and_then(|text| text.parse::<i64>().ok()) {
            Some(hops) => u32::try_from(hops).unwrap_or(0),
            None => self.max_forwards,
        };
        if hops <= 1 {
            tracing::error!("no hops left");
            return Err(Cause::EXCHANGE_ROUTING_ERROR);
        }
        let Target { leg, global, own } = target;
        let mut merged = global.clone();
        for (name, value) in leg.variables.iter().chain(&own) {
            merged.set(name, value);
        }
        // As channel variables {} wins over [], so the headers that come of them follow that order, too.
        if !global.get("local_var_clobber").is_some_and(truthy) {
            for (name, value) in global.with_prefix("sip_h_") {
                merged.set(name, value);
            }
        }
        self.copy_custom_headers(&mut merged);
        let uuid = merged.get("origination_uuid").map_or_else(|| (self.services.new_uuid)(), str::to_owned);
        let (caller_name, caller_number) = self.caller_id_for(&merged);
        let request = DialRequest {
            endpoint: &leg.endpoint,
            destination: &leg.destination,
            variables: &merged,
            a_profile: Some(&self.a.profile),
            a_variables: Some(&self.a.variables),
            uuid: &uuid,
            max_forwards: hops - 1,
            caller_id_name: &caller_name,
            caller_id_number: &caller_number,
        };
        let prepared = match self.services.legs.prepare(&request)? {
            Prepared::Leg(prepared) => prepared,
            Prepared::Nested { dial_string, variables, a_variables } => {
                for (name, value) in a_variables {
                    self.a.variables.set(&name, &value);
                }
                return Self::nested(&dial_string, &leg, &global, variables).map(Created::Nested);
            }
        };
        let profile = self.callee_profile(&leg, &merged, &uuid, &*prepared, caller_name, caller_number);
        let mut channel = Channel::new(profile, Variables::new(), "outbound", self.now_us());
        channel.phase = Phase::Media;
        install(&mut channel, &global, &leg.variables, &own);
        channel.variables.set("originator", &self.a.uuid);
        channel.variables.set("signal_bond", &self.a.uuid);
        channel.variables.set("is_outbound", "true");
        channel.other = Some(Box::new(self.a.profile.clone()));
        self.a.variables.set("originate_signal_bond", &uuid);
        self.a.variables.push(
            "originated_legs",
            &format!("{uuid};{};{}", channel.profile.callee_id_name, channel.profile.callee_id_number),
        );
        self.a.other = Some(Box::new(channel.profile.clone()));
        self.last_leg = self.last_leg.wrapping_add(1);
        let id = LegId(self.last_leg);
        let timers = leg_timers(&channel.variables, begun);
        let mut audio = LegAudio::callee(prepared.media());
        let codecs = self.codecs_for(&channel.variables, prepared.media().map(|media| media.codecs).as_deref());
        let near = self.audio.port_id();
        let offer =
            audio.offer(&*self.services.media, near, self.sink.for_leg(id), codecs, self.audio.dtmf_payload())?;
        let required = channel.is_true("leg_required");
        let listed = self.services.calls.list(Arc::clone(&channel.uuid), self.sink.clone());
        let callee = Callee {
            id,
            channel,
            audio,
            leg: None,
            prepared: Some((prepared, offer)),
            timers,
            gone: false,
            required,
            redirects: 0,
            _listed: listed,
        };
        self.callees.push(callee);
        self.execute_on_callee(id, "execute_on_originate").await;
        self.send_hooked_headers(&leg, &merged, id, &uuid, hops)?;
        if self.callee(id).is_some_and(|callee| callee.timers.start.is_none()) {
            self.start_all(&[id]);
        }
        Ok(Created::Leg(id))
    }

    /// Headers that `execute_on_originate` has set belong into the INVITE: the leg is prepared once more with them.
    fn send_hooked_headers(
        &mut self,
        leg: &DialLeg,
        merged: &Variables,
        id: LegId,
        uuid: &str,
        hops: u32,
    ) -> Result<(), Cause> {
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return Ok(()) };
        let own = |(name, value): &(&str, &str)| merged.get(name) != Some(*value);
        let hooked: Vec<(&str, &str)> = callee.channel.variables.with_prefix("sip_h_").filter(own).collect();
        if hooked.is_empty() {
            return Ok(());
        }
        let mut merged = merged.clone();
        for (name, value) in hooked {
            merged.set(name, value);
        }
        let profile = &callee.channel.profile;
        let request = DialRequest {
            endpoint: &leg.endpoint,
            destination: &leg.destination,
            variables: &merged,
            a_profile: Some(&self.a.profile),
            a_variables: Some(&self.a.variables),
            uuid,
            max_forwards: hops - 1,
            caller_id_name: &profile.caller_id_name,
            caller_id_number: &profile.caller_id_number,
        };
        if let (Prepared::Leg(prepared), Some((present, _))) =
            (self.services.legs.prepare(&request)?, callee.prepared.as_mut())
        {
            *present = prepared;
        }
        Ok(())
    }

    fn start(&self, callee: &mut Callee) {
        callee.timers.start = None;
        if let Some((prepared, offer)) = callee.prepared.take() {
            let started = prepared.start(offer, self.sink.for_leg(callee.id));
            for (name, value) in started.variables {
                callee.channel.variables.set(&name, &value);
            }
            callee.leg = Some(started.leg);
        }
    }

    /// The legs that a nested dial string stands for. Only its first alternative counts.
    fn nested(
        text: &str,
        outer: &DialLeg,
        global: &Variables,
        own: Vec<(String, String)>,
    ) -> Result<Vec<Target>, Cause> {
        let dial = DialString::parse(text).map_err(|error| {
            tracing::error!(%error, dial_string = text, "the dial string of a user cannot be read");
            Cause::ORIGINATOR_CANCEL
        })?;
        let simple = dial.simple.into_iter().next().ok_or(Cause::ORIGINATOR_CANCEL)?;
        let passes = !global.get("user_recurse_variables").is_some_and(falsy);
        let mut inner = if passes { global.clone() } else { Variables::new() };
        for (name, value) in outer.variables.iter().chain(&dial.variables).chain(&simple.variables) {
            inner.set(name, value);
        }
        let legs = simple.alternatives.into_iter().next().ok_or(Cause::ORIGINATOR_CANCEL)?;
        Ok(legs.into_iter().map(|leg| Target { leg, global: inner.clone(), own: own.clone() }).collect())
    }

    /// `sip_h_*` of the caller are sent to the called leg unless `sip_copy_custom_headers` is a false word.
    fn copy_custom_headers(&self, merged: &mut Variables) {
        if self.a.is_false("sip_copy_custom_headers") {
            return;
        }
        for (name, value) in self.a.variables.with_prefix("sip_h_") {
            if merged.get(name).is_none() {
                merged.set(name, value);
            }
        }
    }

    fn caller_id_for(&self, merged: &Variables) -> (String, String) {
        let pick = |origination: &str, effective: &str, own: &str| {
            let found = merged.get(origination).or_else(|| self.a.get(effective));
            found.unwrap_or(own).to_owned()
        };
        let profile = &self.a.profile;
        (
            pick("origination_caller_id_name", "effective_caller_id_name", &profile.caller_id_name),
            pick("origination_caller_id_number", "effective_caller_id_number", &profile.caller_id_number),
        )
    }

    fn callee_profile(
        &self,
        leg: &DialLeg,
        merged: &Variables,
        uuid: &str,
        prepared: &dyn PreparedLeg,
        caller_id_name: String,
        caller_id_number: String,
    ) -> CallerProfile {
        let own = |name: &str, default: &str| merged.get(name).unwrap_or(default).to_owned();
        let number = destination_number(&leg.destination);
        CallerProfile {
            dialplan: self.a.profile.dialplan.clone(),
            context: self.a.profile.context.clone(),
            destination_number: number.clone(),
            callee_id_name: own("origination_callee_id_name", "Outbound Call"),
            callee_id_number: own("origination_callee_id_number", &number),
            ani: own("origination_ani", &self.a.profile.ani),
            orig_caller_id_name: caller_id_name.clone(),
            orig_caller_id_number: caller_id_number.clone(),
            caller_id_name,
            caller_id_number,
            rdnis: self.a.profile.rdnis.clone(),
            network_addr: self.a.profile.network_addr.clone(),
            uuid: uuid.to_owned(),
            source: self.a.profile.source.clone(),
            chan_name: own("origination_channel_name", &prepared.channel_name()),
            created_us: self.now_us(),
            ..CallerProfile::default()
        }
    }

    /// What a called leg is offered: `absolute_codec_string`; the caller's codecs, with those of the profile behind them
    /// when `media_mix_inbound_outbound_codecs` is set; `codec_string` or the profile when the caller has none.
    fn codecs_for(&self, variables: &Variables, profile: Option<&str>) -> Vec<Codec> {
        let list = |text: &str| Codec::list(text.trim_start_matches('=')).0;
        if let Some(absolute) = variables.get("absolute_codec_string") {
            let codecs = list(absolute);
            if !codecs.is_empty() {
                return codecs;
            }
        }
        let mut codecs = self.audio.codecs_for_callee();
        let mix =
            variables.get("media_mix_inbound_outbound_codecs").or(self.a.get("media_mix_inbound_outbound_codecs"));
        if codecs.is_empty() || mix.is_some_and(truthy) {
            let more = variables.get("codec_string").or(profile).map(list).unwrap_or_default();
            for codec in more {
                if !codecs.iter().any(|known| known.info == codec.info) {
                    codecs.push(codec);
                }
            }
        }
        if codecs.is_empty() { list("PCMU,PCMA") } else { codecs }
    }

    pub(super) fn start_all(&mut self, ids: &[LegId]) {
        for id in ids {
            if let Some(at) = self.callees.iter().position(|callee| callee.id == *id) {
                let mut callee = self.callees.remove(at);
                self.start(&mut callee);
                self.callees.insert(at, callee);
            }
        }
    }
}

/// Variables of a called leg: those of `[]`, then those of `{}` over them, unless `local_var_clobber` turns that round.
/// A value that holds an expansion is not installed unless `origination_nested_vars` is set.
fn install(channel: &mut Channel, global: &Variables, local: &[(String, String)], own: &[(String, String)]) {
    let nested = global.get("origination_nested_vars").is_some_and(truthy);
    let mut set = |name: &str, value: &str| {
        if nested || !holds_expansion(value) {
            channel.variables.set(name, value);
        } else {
            tracing::error!(name, "a value of the dial string contains a variable reference and is not set");
        }
    };
    let clobber = global.get("local_var_clobber").is_some_and(truthy);
    if clobber {
        global.iter().for_each(|(name, value)| set(name, value));
    }
    for (name, value) in local {
        set(name, value);
    }
    if !clobber {
        global.iter().for_each(|(name, value)| set(name, value));
    }
    for (name, value) in own {
        set(name, value);
    }
}

fn leg_timers(variables: &Variables, begun: Instant) -> LegTimers {
    let seconds =
        |name: &str| variables.get(name).and_then(|text| text.parse().ok()).filter(|n| *n > 0).map(Duration::from_secs);
    let delay = seconds("leg_delay_start");
    let base = begun + delay.unwrap_or_default();
    LegTimers {
        timeout: seconds("leg_timeout").map(|time| base + time),
        progress: seconds("leg_progress_timeout").map(|time| base + time),
        start: delay.map(|_| base),
    }
}

/// The number in a destination: the user part of `profile/user@host`, without URI scheme and parameters.
fn destination_number(destination: &str) -> String {
    let last = destination.rsplit_once('/').map_or(destination, |(_, last)| last);
    let uri = last.strip_prefix("sip:").or_else(|| last.strip_prefix("sips:")).unwrap_or(last);
    uri.split(['@', ';']).next().unwrap_or_default().to_owned()
}
