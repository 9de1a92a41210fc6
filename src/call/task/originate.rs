//! Originate: dials the legs of a dial string until one is answered (or sends early media), or none is left.
//!
//! Alternatives (`|`) are tried in order, the legs of one (`,`) together. The variables of a leg are those in `{}` over
//! those exported by the caller, and those in `[]`; as channel variables `{}` wins unless `local_var_clobber` is set.
//!
//! Timers count from the start of an alternative. Not here: group confirmation, tone monitors, camp-on.

use std::time::Duration;

use tokio::time::Instant;

use super::callee::Callee;
use super::create::{Alternatives, Target};
use super::dialled::Dialled;
use super::{Call, Wake};
use crate::call::channel::Phase;
use crate::call::dial::{DialString, Simple};
use crate::call::leg::{LegEvent, LegId};
use crate::words::expand::split;
use crate::words::model::{Cause, Variables, falsy, truthy};

/// Seconds an alternative may take when nothing says otherwise.
pub(super) const DEFAULT_TIMEOUT_S: u64 = 60;

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
        match DialString::parse(text) {
            Ok(dial) => self.dial(dial).await,
            Err(error) => {
                tracing::error!(%error, dial_string = text, "the dial string cannot be read");
                Err(self.failed(Cause::ORIGINATOR_CANCEL, None))
            }
        }
    }

    /// The same with a dial string that was read already, without hooks.
    pub(super) async fn dial(&mut self, dial: DialString) -> Result<LegId, OriginateFailure> {
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
            if outcome.is_ok() || self.abandoned() {
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
        let mut work: Alternatives = simple.alternatives.iter().map(|legs| Target::of(legs, global)).collect();
        while let Some(legs) = work.pop_front() {
            let (cause, forced, stop) = match self.alternative(legs, global, &mut work).await {
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
            if stop || self.abandoned() || self.a.phase == Phase::Routing {
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

    async fn alternative(&mut self, legs: Vec<Target>, global: &Variables, rest: &mut Alternatives) -> Ended {
        for endpoint in ["loopback", "null"] {
            let dialled = legs.iter().any(|target| target.leg.endpoint.eq_ignore_ascii_case(endpoint));
            if dialled && !self.a.is_true(&format!("{endpoint}_no_pre_answer")) {
                self.pre_answer().await;
            }
        }
        let begun = Instant::now();
        let ids = match self.create_all(legs, global, begun, rest).await {
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

    /// Whether one of the legs lives. Those that wait to be picked up count only when there were no others.
    pub(super) fn any_alive(&self, ids: &[LegId]) -> bool {
        let legs = || self.callees.iter().filter(|callee| ids.contains(&callee.id));
        let others = legs().any(|callee| !callee.placeholder);
        legs().any(|callee| callee.alive() && !(others && callee.placeholder))
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

    /// Nobody waits for whom is dialled.
    fn abandoned(&self) -> bool {
        !self.a.up() && !self.goes_on_for_partner()
    }

    /// Waits for the legs of an alternative until one wins or the alternative is over.
    async fn ring(&mut self, ids: &[LegId], global: &Variables, begun: Instant) -> Ended {
        let seconds = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok()).filter(|n| *n > 0);
        let total = seconds(global.get("originate_timeout"))
            .or(self.dial_limit)
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
            if self.adopting.is_some() {
                self.adopt_partner().await;
            }
            if self.abandoned() {
                self.end_all(ids, None, Cause::ORIGINATOR_CANCEL);
                return Ended::Failed(Cause::ORIGINATOR_CANCEL);
            }
            if self.a.phase == Phase::Routing {
                self.end_all(ids, None, Cause::NORMAL_CLEARING);
                return Ended::Failed(Cause::ORIGINATOR_CANCEL);
            }
            if !self.any_alive(ids) {
                let cause = self.first_cause(ids);
                self.end_all(ids, None, Cause::NO_PICKUP);
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
                        self.end_all(ids, None, Cause::PROGRESS_TIMEOUT);
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
                        Dialled::Replaced(by) => {
                            self.end_all(ids, None, Cause::LOSE_RACE);
                            return Ended::Winner(by);
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
        let pressed = key.chars().next().is_some_and(|key| self.a.digits.iter().any(|digit| digit.key == key));
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

    /// When every leg that rings is gone, the next delayed one need not wait.
    fn start_delayed(&mut self, ids: &[LegId]) {
        let live = |callee: &&Callee| ids.contains(&callee.id) && callee.alive();
        if self.callees.iter().filter(live).any(|callee| callee.timers.start.is_none()) {
            return;
        }
        let next = self.callees.iter().filter(live).min_by_key(|callee| callee.timers.start).map(|callee| callee.id);
        self.start_all(next.as_slice());
    }
}

/// Whether one rejection with this cause ends a fork (`fail_on_single_reject`, `hangup_on_single_reject`).
pub(super) fn single_reject(global: &Variables, cause: Cause) -> bool {
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
