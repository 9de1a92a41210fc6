//! Originate: dials the legs of a dial string until one is answered (or sends early media), or none is left.
//!
//! Alternatives (`|`) are tried in order, the legs of one (`,`) together. The variables of a leg are those in `{}` over
//! those exported by the caller, and those in `[]`; as channel variables `{}` wins unless `local_var_clobber` is set.
//!
//! Timers count from the start of an alternative. Not here: group confirmation, tone monitors, camp-on.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::callee::{Callee, LegTimers, MAX_REDIRECTS, received_headers};
use super::{Call, LegAudio, Wake};
use crate::call::channel::{Channel, Phase};
use crate::call::dial::{DialLeg, DialString, Simple};
use crate::call::leg::{DialRequest, Headers, LegCommand, LegEvent, LegId, Prepared, PreparedLeg};
use crate::call::media::MediaCommand;
use crate::engine::sdp::Codec;
use crate::words::expand::split;
use crate::words::model::variables::holds_expansion;
use crate::words::model::{CallerProfile, Cause, Variables, falsy, truthy};

/// Seconds an alternative may take when nothing says otherwise.
pub(super) const DEFAULT_TIMEOUT_S: u64 = 60;
/// Nested dial strings (`user/` within `user/`).
const MAX_NESTING: u32 = 8;

/// The caller's variables that a dial string inherits without export.
const INHERITED: &[&str] = &[
    "group_confirm_key",
    "group_confirm_file",
    "group_confirm_read_timeout",
    "group_confirm_cancel_timeout",
    "group_confirm_timeout",
    "forked_dial",
    "fail_on_single_reject",
    "hangup_on_single_reject",
    "ignore_early_media",
    "bridge_early_media",
    "originate_continue_on_timeout",
    "ignore_ring_ready",
    "monitor_early_media_ring",
    "monitor_early_media_ring_total",
    "monitor_early_media_fail",
    "return_ring_ready",
    "ring_ready",
    "instant_ringback",
    "progress_timeout",
    "language",
];

/// How an originate failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginateFailure {
    /// The cause of the last alternative: `originate_disposition`.
    pub cause: Cause,
    /// What `bridge` acts on instead, when it differs.
    pub forced: Option<Cause>,
}

impl OriginateFailure {
    /// The cause that counts for what happens next.
    pub fn effective(self) -> Cause {
        self.forced.unwrap_or(self.cause)
    }
}

/// How one alternative ended.
enum Ended {
    Winner(LegId),
    Failed(Cause),
    /// Overall timeout: the list stops here unless `originate_continue_on_timeout`.
    TimedOut,
    /// Progress timeout: the list goes on, the cause is forced.
    NoProgress,
    /// Legs ended by their own progress timeout: likewise.
    LegsWithoutProgress(Cause),
}

/// One leg to be dialled.
struct Target {
    leg: DialLeg,
    /// Variables of the `{}` level.
    global: Variables,
    /// Variables that override all (`dial-var-*`).
    own: Vec<(String, String)>,
}

impl Call {
    /// Originates. The winner is answered or sends early media; all other legs are over.
    pub async fn originate(&mut self, text: &str) -> Result<LegId, OriginateFailure> {
        self.a.variables.set("originate_disposition", "failure");
        self.a.variables.set("DIALSTATUS", "INVALIDARGS");
        if self.a.get("preserve_originated_vars").is_some_and(falsy) {
            self.a.variables.remove("originated_legs");
            self.a.variables.remove("originate_causes");
        }
        self.execute_on("execute_on_pre_originate").await;
        let dial = match DialString::parse(text) {
            Ok(dial) => dial,
            Err(error) => {
                tracing::error!(%error, dial_string = text, "the dial string cannot be read");
                return Err(self.failed(Cause::ORIGINATOR_CANCEL, None));
            }
        };
        if dial.simple.len() > 1 {
            return self.enterprise(dial).await;
        }
        let Some(simple) = dial.simple.into_iter().next() else {
            return Err(self.failed(Cause::ORIGINATOR_CANCEL, None));
        };
        let global = self.dial_variables(dial.variables.iter().chain(&simple.variables));
        let number = |name: &str| global.get(name).and_then(|text| text.parse::<u64>().ok());
        let retries = number("originate_retries").unwrap_or(1).clamp(1, 100);
        let pause = Duration::from_millis(number("originate_retry_sleep_ms").unwrap_or(1000).clamp(500, 60_000));
        let mut outcome = Err(OriginateFailure { cause: Cause::ORIGINATOR_CANCEL, forced: None });
        for attempt in 0..retries {
            if attempt > 0 && !self.wait(pause).await {
                break;
            }
            outcome = self.alternatives(&simple, &global).await;
            if outcome.is_ok() || !self.a.up() {
                break;
            }
        }
        outcome
    }

    fn failed(&mut self, cause: Cause, forced: Option<Cause>) -> OriginateFailure {
        self.a.variables.set("originate_disposition", cause.name());
        self.a.variables.set("DIALSTATUS", cause.dial_status());
        OriginateFailure { cause, forced }
    }

    /// Waits, as long as the caller is there; true when it still is.
    async fn wait(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while self.a.up() && !matches!(self.next(Some(until)).await, Wake::Timer) {}
        self.a.up()
    }

    async fn alternatives(&mut self, simple: &Simple, global: &Variables) -> Result<LegId, OriginateFailure> {
        let mut last = OriginateFailure { cause: Cause::ORIGINATOR_CANCEL, forced: None };
        for legs in &simple.alternatives {
            let (cause, forced, stop) = match self.alternative(legs, global).await {
                Ended::Winner(id) => {
                    self.a.variables.set("originate_disposition", "SUCCESS");
                    self.a.variables.set("DIALSTATUS", "SUCCESS");
                    return Ok(id);
                }
                Ended::Failed(cause) => (cause, None, false),
                Ended::TimedOut => {
                    let go_on = global.get("originate_continue_on_timeout").is_some_and(truthy);
                    (Cause::NO_ANSWER, None, !go_on)
                }
                Ended::NoProgress => (Cause::NO_ANSWER, Some(Cause::PROGRESS_TIMEOUT), false),
                Ended::LegsWithoutProgress(cause) => (cause, Some(Cause::PROGRESS_TIMEOUT), false),
            };
            last = self.failed(cause, forced);
            if stop || !self.a.up() || self.a.phase == Phase::Routing {
                break;
            }
        }
        Err(last)
    }

    /// Variables of the `{}` level: the caller's exports, overridden by the dial string's own, then what is inherited.
    pub(super) fn dial_variables<'p>(&self, own: impl Iterator<Item = &'p (String, String)>) -> Variables {
        let mut variables = Variables::new();
        for name in self.a.get("export_vars").into_iter().flat_map(|list| split(list, ',', 256)) {
            let plain = name.strip_prefix("nolocal:").or_else(|| name.strip_prefix("_nolocal_")).unwrap_or(&name);
            if let Some(value) = self.a.get(&name).map(str::to_owned).or_else(|| self.services.globals.get(&name)) {
                variables.set(plain, &value);
            }
        }
        if let Some(list) = self.a.get("export_vars") {
            variables.set("export_vars", list);
        }
        for (name, value) in own {
            variables.set(name, value);
        }
        for name in INHERITED {
            if variables.get(name).is_none()
                && let Some(value) = self.a.get(name)
            {
                variables.set(name, value);
            }
        }
        variables
    }

    async fn alternative(&mut self, legs: &[DialLeg], global: &Variables) -> Ended {
        for endpoint in ["loopback", "null"] {
            let dialled = legs.iter().any(|leg| leg.endpoint.eq_ignore_ascii_case(endpoint));
            if dialled && !self.a.is_true(&format!("{endpoint}_no_pre_answer")) {
                self.pre_answer().await;
            }
        }
        let begun = Instant::now();
        let ids = match self.create_all(legs, global, begun) {
            Ok(ids) => ids,
            Err(cause) => return Ended::Failed(cause),
        };
        let ended = self.ring(&ids, global, begun).await;
        let winner = if let Ended::Winner(id) = &ended { Some(*id) } else { None };
        for id in &ids {
            if Some(*id) != winner {
                self.end_callee(*id, Cause::LOSE_RACE);
            }
        }
        let causes: Vec<String> = ids
            .iter()
            .filter_map(|id| self.callees.iter().find(|callee| callee.id == *id))
            .map(|callee| format!("{};{}", callee.channel.uuid, callee.channel.cause.unwrap_or(Cause::NONE).name()))
            .collect();
        for cause in causes {
            self.a.variables.push("originate_causes", &cause);
        }
        let losers: Vec<LegId> = ids.iter().copied().filter(|id| Some(*id) != winner).collect();
        self.forget(&losers);
        ended
    }

    /// Creates the legs of an alternative; the error is the cause when there is none, or when one failure is enough.
    pub(super) fn create_all(
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
            match self.create(target, begun) {
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

    /// Whether one of the legs lives.
    pub(super) fn any_alive(&self, ids: &[LegId]) -> bool {
        self.callees.iter().any(|callee| ids.contains(&callee.id) && callee.alive())
    }

    pub(super) fn forget(&mut self, ids: &[LegId]) {
        for id in ids {
            self.drop_callee(*id);
        }
    }

    pub(super) fn end_all(&mut self, ids: &[LegId], but: Option<LegId>, cause: Cause) {
        for id in ids {
            if Some(*id) != but {
                self.end_callee(*id, cause);
            }
        }
    }

    /// Creates a leg and starts it, unless it is to be delayed.
    fn create(&mut self, target: Target, begun: Instant) -> Result<Created, Cause> {
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
        let uuid = merged.get("origination_uuid").map_or_else(self.services.new_uuid, str::to_owned);
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
        let mut callee = Callee {
            id,
            channel,
            audio,
            leg: None,
            prepared: Some((prepared, offer)),
            timers,
            gone: false,
            required,
            redirects: 0,
        };
        if callee.timers.start.is_none() {
            self.start(&mut callee);
        }
        self.callees.push(callee);
        Ok(Created::Leg(id))
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

    /// Waits for the legs of an alternative until one wins or the alternative is over.
    async fn ring(&mut self, ids: &[LegId], global: &Variables, begun: Instant) -> Ended {
        let seconds = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok()).filter(|n| *n > 0);
        let total = seconds(global.get("originate_timeout"))
            .or_else(|| seconds(self.a.get("call_timeout")))
            .unwrap_or(DEFAULT_TIMEOUT_S);
        let overall = begun + Duration::from_secs(total);
        let mut progress = seconds(global.get("progress_timeout")).map(|n| begun + Duration::from_secs(n));
        let early_ok = !global.get("ignore_early_media").is_some_and(|text| truthy(text) || !falsy(text));
        let mut forced_progress = false;
        if global.get("instant_ringback").is_some_and(truthy) {
            self.start_ringback().await;
        }
        loop {
            if !self.a.up() {
                self.end_all(ids, None, Cause::ORIGINATOR_CANCEL);
                return Ended::Failed(Cause::ORIGINATOR_CANCEL);
            }
            if self.a.phase == Phase::Routing {
                self.end_all(ids, None, Cause::NORMAL_CLEARING);
                return Ended::Failed(Cause::ORIGINATOR_CANCEL);
            }
            if !self.any_alive(ids) {
                let cause = self.first_cause(ids);
                return if forced_progress { Ended::LegsWithoutProgress(cause) } else { Ended::Failed(cause) };
            }
            self.start_delayed(ids);
            let due = self.leg_deadlines(ids).chain([overall]).chain(progress).min();
            match self.next(due).await {
                Wake::Timer => {
                    let now = Instant::now();
                    if now >= overall {
                        self.end_all(ids, None, Cause::NO_ANSWER);
                        return Ended::TimedOut;
                    }
                    if progress.is_some_and(|at| now >= at) {
                        self.end_all(ids, None, Cause::NO_ANSWER);
                        return Ended::NoProgress;
                    }
                    forced_progress |= self.leg_timers_due(ids, now);
                }
                Wake::Callee(id, event) => {
                    if matches!(event, LegEvent::Progress { .. })
                        && !global.get("ignore_ring_ready").is_some_and(truthy)
                    {
                        progress = None;
                    }
                    match self.dialled(id, event, global, early_ok, ids.len() == 1).await {
                        Dialled::Wins => {
                            self.end_all(ids, Some(id), Cause::LOSE_RACE);
                            return Ended::Winner(id);
                        }
                        Dialled::Rejected(cause) if ids.contains(&id) => {
                            if self.hangs_all(id) {
                                self.end_all(ids, None, cause);
                                return Ended::Failed(cause);
                            }
                            if ids.len() > 1 && single_reject(global, cause) {
                                self.end_all(ids, None, Cause::NO_ANSWER);
                                if global.get("hangup_on_single_reject").is_some_and(truthy) {
                                    self.failed(Cause::NO_ANSWER, None);
                                    self.hangup(Cause::NO_ANSWER);
                                }
                                return Ended::Failed(Cause::NO_ANSWER);
                            }
                        }
                        Dialled::Rejected(_) | Dialled::Waits => {}
                    }
                }
                Wake::Caller | Wake::Media(_) | Wake::CalleeMedia(..) => {
                    if self.cancel_key_pressed(global) {
                        self.end_all(ids, None, Cause::ORIGINATOR_CANCEL);
                        return Ended::Failed(Cause::ORIGINATOR_CANCEL);
                    }
                }
            }
        }
    }

    fn cancel_key_pressed(&mut self, global: &Variables) -> bool {
        let Some(key) = global.get("origination_cancel_key").or_else(|| self.a.get("origination_cancel_key")) else {
            return false;
        };
        let pressed = key.chars().next().is_some_and(|key| self.a.digits.contains(&key));
        if pressed {
            self.a.digits.clear();
        }
        pressed
    }

    fn hangs_all(&self, id: LegId) -> bool {
        self.callees.iter().any(|callee| callee.id == id && callee.required)
    }

    /// The cause of the first leg in dial-string order.
    pub(super) fn first_cause(&self, ids: &[LegId]) -> Cause {
        ids.iter()
            .filter_map(|id| self.callees.iter().find(|callee| callee.id == *id))
            .find_map(|callee| callee.channel.cause)
            .unwrap_or(Cause::ORIGINATOR_CANCEL)
    }

    pub(super) fn leg_deadlines<'i>(&'i self, ids: &'i [LegId]) -> impl Iterator<Item = Instant> + 'i {
        self.callees
            .iter()
            .filter(|callee| ids.contains(&callee.id) && callee.alive())
            .flat_map(|callee| [callee.timers.timeout, callee.timers.progress, callee.timers.start])
            .flatten()
    }

    /// Ends legs whose time is up, starts those whose delay is; true when one ended for lack of progress.
    pub(super) fn leg_timers_due(&mut self, ids: &[LegId], now: Instant) -> bool {
        let due = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        let mut ended = Vec::new();
        let mut starting = Vec::new();
        for callee in self.callees.iter_mut().filter(|callee| ids.contains(&callee.id) && callee.alive()) {
            if due(callee.timers.timeout) {
                ended.push((callee.id, Cause::ALLOTTED_TIMEOUT));
            } else if due(callee.timers.progress) {
                ended.push((callee.id, Cause::PROGRESS_TIMEOUT));
            } else if due(callee.timers.start) {
                starting.push(callee.id);
            }
        }
        for (id, cause) in &ended {
            self.end_callee(*id, *cause);
        }
        self.start_all(&starting);
        ended.iter().any(|(_, cause)| *cause == Cause::PROGRESS_TIMEOUT)
    }

    fn start_all(&mut self, ids: &[LegId]) {
        for id in ids {
            if let Some(at) = self.callees.iter().position(|callee| callee.id == *id) {
                let mut callee = self.callees.remove(at);
                self.start(&mut callee);
                self.callees.insert(at, callee);
            }
        }
    }

    /// When every leg that rings is gone, the next delayed one need not wait.
    fn start_delayed(&mut self, ids: &[LegId]) {
        let live = |callee: &&Callee| ids.contains(&callee.id) && callee.alive();
        if self.callees.iter().filter(live).any(|callee| callee.timers.start.is_none()) {
            return;
        }
        let next = self.callees.iter().filter(live).min_by_key(|callee| callee.timers.start).map(|callee| callee.id);
        self.start_all(next.as_slice());
    }

    /// Takes in what a dialled leg says.
    pub(super) async fn dialled(
        &mut self,
        id: LegId,
        event: LegEvent,
        global: &Variables,
        early_ok: bool,
        alone: bool,
    ) -> Dialled {
        match event {
            LegEvent::Progress { status, headers, sdp, .. } => {
                self.progress(id, status, headers, sdp.as_deref(), global, early_ok, alone).await
            }
            LegEvent::Answered { headers, sdp, .. } => self.answered_leg(id, headers, sdp.as_deref()),
            LegEvent::Redirected { status, phrase, contacts, diversion } => {
                match self.redirected(id, status, phrase, &contacts, diversion) {
                    Some(cause) => Dialled::Rejected(cause),
                    None => Dialled::Waits,
                }
            }
            LegEvent::Failed(failure) => Dialled::Rejected(self.callee_failed(id, failure)),
            LegEvent::Bye { reason, headers } => Dialled::Rejected(self.callee_hung_up(id, reason, headers)),
            LegEvent::Lost(cause) => {
                if let Some(callee) = self.callee(id) {
                    callee.gone = true;
                }
                self.end_callee(id, cause);
                Dialled::Rejected(cause)
            }
            other => {
                self.callee_request(id, other);
                Dialled::Waits
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one response, and the rules of the dial string it is seen under")]
    async fn progress(
        &mut self,
        id: LegId,
        status: u16,
        headers: Headers,
        sdp: Option<&[u8]>,
        global: &Variables,
        early_ok: bool,
        alone: bool,
    ) -> Dialled {
        let now = self.now_us();
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id && callee.alive()) else {
            return Dialled::Waits;
        };
        self.a.variables.remove("sip_invite_failure_status");
        self.a.variables.remove("sip_invite_failure_phrase");
        received_headers(&mut callee.channel, &mut self.a, "sip_ph_", headers);
        callee.timers.progress = None;
        let ignores_183 = callee.is_true("sip_ignore_183nosdp");
        if let Some(sdp) = sdp {
            if let Err(cause) = callee.audio.answered(sdp, &callee.channel.variables) {
                tracing::warn!(cause = cause.name(), "early media that cannot be used is ignored");
                return Dialled::Waits;
            }
            callee.channel.early = true;
            if callee.channel.times.progress_media == 0 {
                callee.channel.times.progress_media = now;
            }
            if early_ok {
                return Dialled::Wins;
            }
            let rule = global.get("ignore_early_media").unwrap_or_default();
            if rule.eq_ignore_ascii_case("consume") {
                callee.audio.command(MediaCommand::Mute(true));
            }
            if rule.eq_ignore_ascii_case("ring_ready") && alone {
                self.relay_ringing(false).await;
            } else {
                self.ringback_if_set().await;
            }
            return Dialled::Waits;
        }
        let queued = status == 182;
        if !(status == 180 || queued || (status == 183 && !ignores_183)) {
            return Dialled::Waits;
        }
        callee.channel.rung = true;
        if callee.channel.times.progress == 0 {
            callee.channel.times.progress = now;
        }
        if !global.get("ignore_ring_ready").is_some_and(truthy) {
            self.relay_ringing(queued).await;
        }
        Dialled::Waits
    }

    async fn relay_ringing(&mut self, queued: bool) {
        if !self.ringback_if_set().await {
            self.ring_ready(queued).await;
        }
    }

    fn answered_leg(&mut self, id: LegId, headers: Headers, sdp: Option<&[u8]>) -> Dialled {
        let now = self.now_us();
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id && callee.alive()) else {
            return Dialled::Waits;
        };
        callee.channel.answered = true;
        callee.channel.status = 200;
        callee.channel.times.answered = now;
        received_headers(&mut callee.channel, &mut self.a, "sip_rh_", headers);
        self.a.variables.remove("sip_invite_failure_status");
        self.a.variables.remove("sip_invite_failure_phrase");
        match self.agree_answer(id, sdp) {
            Ok(()) => Dialled::Wins,
            Err(cause) => Dialled::Rejected(cause),
        }
    }

    /// Takes the answer's description; a leg without a usable one is ended.
    pub(super) fn agree_answer(&mut self, id: LegId, sdp: Option<&[u8]>) -> Result<(), Cause> {
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return Ok(()) };
        let result = match sdp {
            Some(sdp) => callee.audio.answered(sdp, &callee.channel.variables),
            None if callee.audio.is_set_up() || !callee.audio.wants_media() => Ok(()),
            None => Err(Cause::NORMAL_TEMPORARY_FAILURE),
        };
        let Err(cause) = result else { return Ok(()) };
        if sdp.is_none() {
            callee.channel.variables.set("sip_reason", "SIP;cause=488;text=\"Incomplete offer/answer\"");
            callee.channel.variables.set("proto_specific_hangup_cause", "sip:500");
        } else {
            callee.channel.variables.set("endpoint_disposition", "NO CODECS");
        }
        self.end_callee(id, cause);
        Err(cause)
    }

    /// A 3xx: the leg goes on to the first contact, or fails.
    fn redirected(
        &mut self,
        id: LegId,
        status: u16,
        phrase: String,
        contacts: &[crate::call::leg::RedirectContact],
        diversion: Option<String>,
    ) -> Option<Cause> {
        let callee = self.callees.iter_mut().find(|callee| callee.id == id && callee.alive())?;
        for channel in [&mut callee.channel, &mut self.a] {
            for (at, contact) in contacts.iter().enumerate() {
                channel.set_received(&format!("sip_redirect_contact_{at}"), &contact.uri);
                channel.set_received(&format!("sip_redirect_contact_user_{at}"), &contact.user);
                channel.set_received(&format!("sip_redirect_contact_host_{at}"), &contact.host);
                channel.set_received(&format!("sip_redirect_contact_params_{at}"), &contact.params);
            }
            if let Some(first) = contacts.first() {
                channel.set_received("sip_redirected_to", &first.uri);
            }
            if let Some(diversion) = &diversion {
                channel.set_received("sip_redirected_by", diversion);
            }
        }
        callee.channel.variables.set("sip_redirect_count", &contacts.len().to_string());
        let fail = |call: &mut Self, cause| {
            let failure = crate::call::leg::Failure {
                status,
                phrase,
                cause: Some(cause),
                ..crate::call::leg::Failure::default()
            };
            Some(call.callee_failed(id, failure))
        };
        if callee.is_true("outbound_redirect_fatal") {
            return fail(self, Cause::REQUESTED_CHAN_UNAVAIL);
        }
        let Some(first) = contacts.first() else { return fail(self, Cause::NORMAL_UNSPECIFIED) };
        if first.local {
            callee.gone = true;
            self.end_callee(id, Cause::REDIRECTION_TO_NEW_DESTINATION);
            self.transfer(&first.user, None, None);
            return Some(Cause::REDIRECTION_TO_NEW_DESTINATION);
        }
        callee.redirects += 1;
        if callee.redirects > MAX_REDIRECTS {
            return fail(self, Cause::EXCHANGE_ROUTING_ERROR);
        }
        callee.send(LegCommand::Retarget { uri: first.uri.clone() });
        None
    }
}

/// What became of a leg at creation.
enum Created {
    Leg(LegId),
    Nested(Vec<Target>),
}

/// What an event of a dialled leg means for its alternative.
pub(super) enum Dialled {
    Waits,
    Wins,
    Rejected(Cause),
}

/// Whether one rejection with this cause ends a fork (`fail_on_single_reject`, `hangup_on_single_reject`).
fn single_reject(global: &Variables, cause: Cause) -> bool {
    if global.get("hangup_on_single_reject").is_some_and(truthy) {
        return true;
    }
    let Some(rule) = global.get("fail_on_single_reject") else { return false };
    if truthy(rule) {
        return true;
    }
    match rule.strip_prefix('!') {
        Some(list) => !list.contains(cause.name()),
        None => rule.contains(cause.name()),
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
