//! Making called legs: variables, caller id, codecs, timers; nested dial strings (`user/`) resolved.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::audio::Passing;
use super::callee::{Callee, LegTimers};
use super::originate::single_reject;
use super::{Call, LegAudio};
use crate::call::channel::{Channel, Phase};
use crate::call::dial::{DialLeg, DialString};
use crate::call::event::EventName;
use crate::call::leg::{DialRequest, LegId, Prepared, PreparedLeg};
use crate::engine::sdp::Codec;
use crate::words::model::variables::holds_expansion;
use crate::words::model::{CallerProfile, Cause, Variables, falsy, truthy};

/// Nested dial strings (`user/` within `user/`).
const MAX_NESTING: u32 = 8;

/// One leg to be dialled.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) leg: DialLeg,
    /// Variables of the `{}` level.
    global: Variables,
    /// Variables that override all (`dial-var-*`).
    own: Vec<(String, String)>,
    /// Variables of the user that it stands for, set when the leg exists.
    later: Vec<(String, String)>,
    /// Dial strings within dial strings.
    depth: u32,
}

impl Target {
    /// The legs of an alternative as it was written.
    pub(super) fn of(legs: &[DialLeg], global: &Variables) -> Vec<Self> {
        let target = |leg: &DialLeg| Self {
            leg: leg.clone(),
            global: global.clone(),
            own: Vec::new(),
            later: Vec::new(),
            depth: 0,
        };
        legs.iter().map(target).collect()
    }
}

/// Alternatives still to be dialled, each with its legs.
pub(super) type Alternatives = VecDeque<Vec<Target>>;

/// What became of a leg at creation.
enum Created {
    Leg(LegId),
    /// It stands for these alternatives.
    Nested(Alternatives),
}

impl Call {
    /// Creates the legs of an alternative; the error is the cause when there is none, or when one failure is enough.
    /// Further alternatives of nested dial strings go to the front of `rest`: those of several legs stand side by side.
    pub(super) async fn create_all(
        &mut self,
        legs: Vec<Target>,
        global: &Variables,
        begun: Instant,
        rest: &mut Alternatives,
    ) -> Result<Vec<LegId>, Cause> {
        let mut last = Cause::ORIGINATOR_CANCEL;
        let mut ids = Vec::new();
        let mut more = Alternatives::new();
        let mut work: VecDeque<Target> = legs.into();
        while let Some(target) = work.pop_front() {
            match self.create(target, begun).await {
                Ok(Created::Leg(id)) => ids.push(id),
                Ok(Created::Nested(mut alternatives)) => {
                    for target in alternatives.pop_front().into_iter().flatten().rev() {
                        work.push_front(target);
                    }
                    for (at, legs) in alternatives.into_iter().enumerate() {
                        match more.get_mut(at) {
                            Some(beside) => beside.extend(legs),
                            None => more.push_back(legs),
                        }
                    }
                }
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
        for legs in more.into_iter().rev() {
            rest.push_front(legs);
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
        let Target { leg, global, own, later, depth } = target;
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
            nested @ Prepared::Nested { .. } => {
                return self.nested(nested, &leg, &global, depth).await.map(Created::Nested);
            }
        };
        let profile = self.callee_profile(&leg, &merged, &uuid, &*prepared, caller_name, caller_number);
        let mut channel = Channel::new(profile, Variables::new(), "outbound", self.now_us());
        channel.phase = Phase::Media;
        install(&mut channel, &global, &leg.variables, &own);
        for (name, value) in &later {
            channel.variables.set(name, value);
            if name.eq_ignore_ascii_case("user_context") || name.eq_ignore_ascii_case("group_context") {
                channel.profile.context.clone_from(value);
            }
        }
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
        let (engine, sink) = (&*self.services.media, self.sink.for_leg(id));
        let offer = match (self.passing_to(&leg.endpoint), self.audio.far()) {
            (Passing::No, _) | (_, None) => audio.offer(engine, near, sink, codecs, self.audio.dtmf_payload())?,
            (passing, Some(far)) => audio.pass(passing, far, engine, near, sink)?,
        };
        let required = channel.is_true("leg_required");
        let placeholder = prepared.is_placeholder();
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
            placeholder,
            listed,
        };
        self.callees.push(callee);
        let number = self.services.status.count(self.services.calls.count(), self.now_us());
        if let Some(callee) = self.callee(id) {
            callee.channel.variables.set("session_id", &number.to_string());
        }
        for name in [EventName::CHANNEL_OUTGOING, EventName::CHANNEL_CREATE, EventName::CHANNEL_ORIGINATE] {
            self.fire_of(id, name, &[]);
        }
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
            if let Some(call_id) = callee.channel.get("sip_call_id") {
                self.services.calls.name_dialog(&callee.channel.uuid, call_id);
            }
        }
    }

    /// What a nested dial string stands for. Of its enterprise parts each adds to the same alternatives.
    async fn nested(
        &mut self,
        nested: Prepared,
        outer: &DialLeg,
        global: &Variables,
        depth: u32,
    ) -> Result<Alternatives, Cause> {
        let Prepared::Nested { dial_string, variables, a_variables, callee_variables, recurse } = nested else {
            return Ok(Alternatives::new());
        };
        if depth >= MAX_NESTING {
            return Err(Cause::INVALID_IE_CONTENTS);
        }
        for (name, value) in &a_variables {
            self.a.variables.set(name, value);
        }
        let text = self.expand_text(&dial_string).await;
        let dial = DialString::parse(&text).map_err(|error| {
            tracing::error!(%error, dial_string = text, "the dial string of a user cannot be read");
            Cause::ORIGINATOR_CANCEL
        })?;
        let passes = !global.get(recurse).is_some_and(falsy);
        let mut alternatives = Alternatives::new();
        for simple in dial.simple {
            let mut inner = if passes { global.clone() } else { Variables::new() };
            for (name, value) in outer.variables.iter().chain(&dial.variables).chain(&simple.variables) {
                inner.set(name, value);
            }
            for (at, legs) in simple.alternatives.into_iter().enumerate() {
                if legs.iter().any(|leg| is_same_user(leg, outer, &a_variables)) {
                    tracing::warn!(user = outer.destination, "the user's dial-string dials the user again");
                    return Err(Cause::INVALID_IE_CONTENTS);
                }
                let targets = legs.into_iter().map(|leg| Target {
                    leg,
                    global: inner.clone(),
                    own: variables.clone(),
                    later: callee_variables.clone(),
                    depth: depth.saturating_add(1),
                });
                match alternatives.get_mut(at) {
                    Some(beside) => beside.extend(targets),
                    None => alternatives.push_back(targets.collect()),
                }
            }
        }
        Ok(alternatives)
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
            screen: true,
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

/// Whether a leg of a user's dial string is `user/` with the same user, in this domain or none.
fn is_same_user(leg: &DialLeg, outer: &DialLeg, dialed: &[(String, String)]) -> bool {
    let value = |name: &str| dialed.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let (Some(id), Some(domain)) = (value("dialed_user"), value("dialed_domain")) else { return false };
    if !leg.endpoint.eq_ignore_ascii_case(&outer.endpoint) {
        return false;
    }
    let (user, host) = leg.destination.split_once('@').unwrap_or((&leg.destination, domain));
    user.eq_ignore_ascii_case(id) && host.eq_ignore_ascii_case(domain)
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
