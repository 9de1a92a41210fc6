//! The application `bridge` from its dial string to the decision what happens to the caller afterwards.

use std::time::Duration;

use tokio::time::Instant;

use super::audio::Passing;
use super::originate::OriginateFailure;
use super::{Call, Wake};
use crate::call::channel::Phase;
use crate::call::dial::DialString;
use crate::call::event::EventName;
use crate::call::failure::{Decision, decide};
use crate::call::leg::{LegEvent, LegId};
use crate::call::media::{MediaCommand, MediaEvent};
use crate::words::expand::split;
use crate::words::model::variables::holds_expansion;
use crate::words::model::{Cause, truthy};

/// How a bridge ended.
pub(super) struct BridgeEnd {
    /// The called leg had answered.
    answered: bool,
    /// The called leg's cause.
    cause: Option<Cause>,
    /// The caller has left and the called leg goes on by itself.
    pub(super) survives: bool,
    /// Ended by `bridge_terminate_key` or by `continue_on_answer_timeout`: no rule for failures applies.
    clean: bool,
}

impl Call {
    /// Dials, bridges, and applies the rules for what comes after.
    pub async fn bridge(&mut self, dial_string: &str) {
        if dial_string.trim().is_empty() {
            return;
        }
        self.gives_away = true;
        let outcome = self.originate(dial_string).await;
        self.gives_away = false;
        match outcome {
            Ok(id) if self.goes_on_for_partner() => self.give_to_partner(Some(id)).await,
            Ok(id) => self.bridged(id).await,
            Err(failure) => {
                self.stop_ringback();
                if self.goes_on_for_partner() {
                    return self.give_to_partner(None).await;
                }
                let cause = failure.effective();
                tracing::info!(cause = cause.name(), "originate failed");
                self.a.variables.set("originate_failed_cause", cause.name());
                self.after_failure(cause).await;
            }
        }
    }

    /// Dials and bridges, until one side leaves; a failed originate is left to whoever asked.
    pub(super) async fn bridge_to(&mut self, dial: DialString) -> Result<(), OriginateFailure> {
        let id = self.dial(dial).await?;
        self.bridged(id).await;
        Ok(())
    }

    /// What becomes of a caller whose bridge failed.
    pub(super) async fn after_failure(&mut self, cause: Cause) {
        if !self.a.up() || self.a.phase == Phase::Routing {
            return;
        }
        let globals = self.services.globals.all();
        let decision = decide(cause, |name| self.a.get(name).or_else(|| globals.get(name)));
        match decision {
            Decision::Continue => {}
            Decision::Transfer { extension, dialplan, context } => {
                self.transfer(&extension, dialplan.as_deref(), context.as_deref());
            }
            Decision::Hangup(cause) => self.hangup(cause),
        }
    }

    async fn bridged(&mut self, id: LegId) {
        let end = self.join(id).await;
        if self.goes_on_for_partner() {
            return self.give_to_partner(Some(id)).await;
        }
        if end.survives {
            return self.go_on_without_caller(id).await;
        }
        let cause = end.cause.unwrap_or(Cause::NORMAL_CLEARING);
        self.drop_callee(id);
        if self.follow_handover().await || !self.a.up() || self.a.phase == Phase::Routing || end.clean {
            return;
        }
        if !end.answered {
            self.after_failure(cause).await;
        }
        self.after_bridge(end.answered, cause).await;
    }

    /// Joins caller and called leg until one of them leaves.
    pub(super) async fn join(&mut self, id: LegId) -> BridgeEnd {
        self.name_partner(id);
        let answered = self.callee(id).is_some_and(|callee| callee.channel.answered);
        let connected = if answered {
            self.answer().await
        } else if self.audio.offers_late() {
            // A caller without an offer cannot hear early media: it hears of ringing.
            self.ring_ready(false).await;
            self.a.up()
        } else {
            self.pre_answer().await
        };
        if !connected || !self.media_fits(id).await {
            let cause = self.a.cause.unwrap_or(Cause::INCOMPATIBLE_DESTINATION);
            self.end_callee(id, cause);
            return BridgeEnd { answered, cause: Some(cause), survives: false, clean: false };
        }
        self.stop_ringback();
        self.export_both_ways(id);
        self.execute_on("execute_on_pre_bridge").await;
        self.execute_on_callee(id, "execute_on_pre_bridge").await;
        self.connect(id);
        self.fire_bridge(EventName::CHANNEL_BRIDGE, id);
        self.pre_execute(id).await;
        let end = self.while_bridged(id).await;
        self.end_relay();
        if let Some(music) = self.music.take() {
            self.stop_music(id, music);
        }
        self.holding = None;
        self.audio.command(MediaCommand::Part);
        self.a.bridged = false;
        self.mix_guests();
        self.audio.gate_recordings(&self.a);
        self.fire_bridge(EventName::CHANNEL_UNBRIDGE, id);
        let cause = self.callee(id).and_then(|callee| callee.channel.cause);
        if let Some(cause) = cause {
            self.a.variables.set("bridge_hangup_cause", cause.name());
        }
        self.execute_on("execute_on_post_bridge").await;
        if end.survives {
            self.execute_on_callee(id, "execute_on_post_bridge").await;
        }
        BridgeEnd { cause, ..end }
    }

    /// Media that was passed to a former partner is brought back before a partner is heard that it was not described to.
    async fn media_fits(&mut self, id: LegId) -> bool {
        let passing = self.callee(id).map(|callee| callee.audio.passing()).unwrap_or_default();
        passing == self.audio.passing() || self.media_back().await
    }

    /// Whether a called leg is to go on when the caller leaves.
    fn has_own_plans(&self, id: LegId) -> bool {
        let callee = self.callees.iter().find(|callee| callee.id == id);
        callee.is_some_and(|callee| {
            self.borrower.is_some()
                || self.handover.is_some()
                || callee.is_true("park_after_bridge")
                || callee.channel.get("transfer_after_bridge").is_some()
        })
    }

    /// The caller is gone; the called leg follows the caller's REFER, or its own variables.
    async fn go_on_without_caller(&mut self, id: LegId) {
        self.promote(id).await;
        if self.borrower.is_some() {
            // Another call wants it: it leaves from the hunt.
            self.a.phase = Phase::Routing;
            return;
        }
        if self.follow_handover().await {
            return;
        }
        match self.referral.take() {
            Some(referral) => self.follow(&referral),
            None => self.after_bridge(true, Cause::NORMAL_CLEARING).await,
        }
    }

    /// `bridge_pre_execute_aleg_app` and `bridge_pre_execute_bleg_app`: one application on either leg, right after bridging.
    async fn pre_execute(&mut self, id: LegId) {
        let named = |call: &Self, leg: &str| {
            let app = call.a.get(&format!("bridge_pre_execute_{leg}_app")).filter(|app| !app.is_empty())?.to_owned();
            let data = call.a.get(&format!("bridge_pre_execute_{leg}_data")).unwrap_or_default();
            Some((app, data.to_owned()))
        };
        let (of_caller, of_callee) = (named(self, "aleg"), named(self, "bleg"));
        if let Some((app, data)) = of_caller {
            let data = crate::words::expand::Template::parse(data);
            Box::pin(self.execute_named(&app, &data)).await;
        }
        if let Some((app, data)) = of_callee {
            self.execute_named_on(id, &app, &data).await;
        }
    }

    /// Variables that tell either side of the other.
    pub(super) fn name_partner(&mut self, id: LegId) {
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return };
        let b = &mut callee.channel;
        self.a.variables.set("signal_bond", &b.uuid);
        self.a.variables.set("bridge_channel", &b.profile.chan_name);
        self.a.variables.set("bridge_uuid", &b.uuid);
        self.a.variables.set("last_bridge_to", &b.uuid);
        b.variables.set("bridge_channel", &self.a.profile.chan_name);
        b.variables.set("bridge_uuid", &self.a.uuid);
        b.variables.set("last_bridge_to", &self.a.uuid);
        let imports: Vec<String> = self.a.get("import").map(|list| split(list, ',', 64)).unwrap_or_default();
        for name in imports {
            if let Some(value) = b.get(&name) {
                self.a.variables.set(&name, value);
            }
        }
    }

    /// `bridge_export`: named variables are copied in both directions, the called leg's first.
    fn export_both_ways(&mut self, id: LegId) {
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return };
        let (a, b) = (&mut self.a, &mut callee.channel);
        for name in b.get("bridge_export_vars").map(|list| split(list, ',', 256)).unwrap_or_default() {
            if let Some(value) = b.get(&name).filter(|value| !holds_expansion(value)) {
                a.variables.set(&name, value);
            }
        }
        for name in a.get("bridge_export_vars").map(|list| split(list, ',', 256)).unwrap_or_default() {
            if let Some(value) = a.get(&name).filter(|value| !holds_expansion(value)) {
                b.variables.set(&name, value);
            }
        }
    }

    fn connect(&mut self, id: LegId) {
        let now = self.now_us();
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return };
        for channel in [&mut self.a, &mut callee.channel] {
            channel.bridged = true;
            if channel.times.bridged == 0 {
                channel.times.bridged = now;
            }
        }
        self.audio.gate_recordings(&self.a);
        callee.audio.gate_recordings(&callee.channel);
        tracing::info!(to = %callee.channel.profile.chan_name, "bridged");
        self.join_audio(id);
    }

    pub(super) fn join_audio(&mut self, id: LegId) {
        if let Some(with) = self.callee(id).and_then(|callee| callee.audio.port_id()) {
            self.audio.command(MediaCommand::Join { with });
        }
        self.mix_guests();
    }

    async fn while_bridged(&mut self, id: LegId) -> BridgeEnd {
        let seconds = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
        let limit = seconds(self.a.get("bridge_answer_timeout"))
            .map(|seconds| Instant::now() + Duration::from_secs(seconds.max(1)));
        let mut end = BridgeEnd { answered: false, cause: None, survives: false, clean: false };
        let mut moves = self.audio.passing() == Passing::No && self.wants_bypass(id);
        loop {
            let Some(callee) = self.callee(id) else { return end };
            end.answered = callee.channel.answered;
            if !callee.channel.up() {
                return end;
            }
            let referred = self.referral.is_some();
            if referred {
                self.hangup(Cause::BLIND_TRANSFER);
            }
            let handed = !self.a.up() && self.goes_on_for_partner();
            if handed || (end.answered && (referred || (!self.a.up() && self.has_own_plans(id)))) {
                return BridgeEnd { survives: true, ..end };
            }
            if !self.a.up() || self.a.phase == Phase::Routing {
                let cause = if end.answered { Cause::NORMAL_CLEARING } else { Cause::ORIGINATOR_CANCEL };
                self.end_callee(id, cause);
                return end;
            }
            if !end.answered && self.adopting.is_some() {
                self.adopt_partner().await;
                continue;
            }
            if moves && end.answered && self.a.answered {
                moves = false;
                if !self.give_media_away(id) {
                    tracing::warn!("the media stays ours: it cannot flow directly");
                }
            }
            self.mind_hold(id);
            if self.consultation.is_some() {
                if self.consultation_keys(id) {
                    continue;
                }
            } else if self.meta_keys(id).await {
                // Something ran: the state of both sides is looked at anew.
                continue;
            }
            if self.executing() && !self.executions.is_empty() {
                self.run_executions().await;
                continue;
            }
            if self.consultation.is_none() && self.terminated_by_key(id) {
                self.end_callee(id, if end.answered { Cause::NORMAL_CLEARING } else { Cause::ORIGINATOR_CANCEL });
                return BridgeEnd { clean: true, ..end };
            }
            match self.next(limit.filter(|_| !end.answered)).await {
                Wake::Timer => {
                    end.clean = self.a.is_true("continue_on_answer_timeout");
                    if !end.clean {
                        self.hangup(Cause::ALLOTTED_TIMEOUT);
                    }
                    self.end_callee(id, Cause::ORIGINATOR_CANCEL);
                    return end;
                }
                Wake::Callee(leg, event) if leg == id => self.bridged_leg(id, event).await,
                Wake::CalleeMedia(leg, MediaEvent::Dtmf { digit, duration }) if leg == id => {
                    if let Some(callee) = self.callee(id) {
                        callee.channel.push_digit(digit, duration);
                    }
                }
                Wake::CalleeMedia(leg, MediaEvent::Timeout) if leg == id => self.end_callee(id, Cause::MEDIA_TIMEOUT),
                Wake::CalleeMedia(leg, event) if leg == id => self.music_event(id, true, &event),
                Wake::Media(event) => self.music_event(id, false, &event),
                Wake::Callee(..) | Wake::CalleeMedia(..) | Wake::Caller => {}
            }
        }
    }

    async fn bridged_leg(&mut self, id: LegId, event: LegEvent) {
        match event {
            LegEvent::Answered { sdp, headers, session, .. } => {
                self.begin_session_of(id, session);
                let joined = self.audio.port_id().is_some();
                if self.leg_answered(id, sdp.as_deref(), headers) && !self.answer().await {
                    self.end_callee(id, Cause::INCOMPATIBLE_DESTINATION);
                }
                if !joined {
                    self.join_audio(id);
                }
            }
            other => self.leg_event(id, other),
        }
    }

    /// A leg that was in early media was answered; false: there is no such leg, or nothing was agreed.
    pub(super) fn leg_answered(&mut self, id: LegId, sdp: Option<&[u8]>, headers: crate::call::leg::Headers) -> bool {
        let now = self.now_us();
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return false };
        callee.channel.answered = true;
        callee.channel.status = 200;
        callee.channel.times.answered = now;
        super::callee::received_headers(&mut callee.channel, &mut self.a, "sip_rh_", headers);
        let agreed = self.agree_answer(id, sdp).is_ok();
        if agreed {
            self.fire_of(id, EventName::CHANNEL_ANSWER, &[]);
        }
        agreed
    }

    /// Joins the channel with a leg that a script dialled, until one of them leaves. The leg's cause, if it was that.
    pub(super) async fn bridge_dialled(&mut self, id: LegId) -> Option<Cause> {
        let end = self.join(id).await;
        if end.survives {
            self.go_on_without_caller(id).await;
        } else {
            self.follow_handover().await;
        }
        end.cause
    }

    /// A leg has left, and its partner is to be bridged with another. False: nobody is.
    async fn follow_handover(&mut self) -> bool {
        let Some(target) = self.handover.take() else { return false };
        if self.a.up() {
            Box::pin(self.bridge_handed(target)).await;
        } else {
            self.end_callee(target, Cause::NORMAL_CLEARING);
            self.drop_callee(target);
        }
        true
    }

    /// A digit of either side that its `bridge_terminate_key` names. Other digits have crossed the bridge already.
    fn terminated_by_key(&mut self, id: LegId) -> bool {
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return false };
        let mut pressed = false;
        for channel in [&mut self.a, &mut callee.channel] {
            let keys = channel.get("bridge_terminate_key").unwrap_or_default().to_owned();
            pressed |= channel.digits.drain(..).any(|digit| keys.contains(digit.key));
        }
        pressed
    }

    /// What the caller's variables say about the time after a bridge.
    pub(super) async fn after_bridge(&mut self, answered: bool, cause: Cause) {
        let rule = self.a.get("hangup_after_bridge").unwrap_or_default().to_owned();
        if rule.eq_ignore_ascii_case("explicit") {
            self.hangup(cause);
            return;
        }
        if !self.executing() {
            return;
        }
        let is_set = |call: &Self, when_answered: &str, early: &str| {
            (answered && call.a.is_true(when_answered)) || call.a.is_true(early)
        };
        if is_set(self, "park_after_bridge", "park_after_early_bridge") {
            self.park().await;
            return;
        }
        let targets: &[&str] = if answered {
            &["transfer_after_bridge", "transfer_after_early_bridge"]
        } else {
            &["transfer_after_early_bridge"]
        };
        for name in targets {
            if let Some(target) = self.a.get(name).map(str::to_owned) {
                self.a.variables.remove(name);
                let mut parts = target.split(':');
                let extension = parts.next().unwrap_or_default();
                self.transfer(extension, parts.next(), parts.next());
                return;
            }
        }
        if answered && truthy(&rule) {
            self.hangup(cause);
            return;
        }
        if let Some(app) = self.a.get("exec_after_bridge_app").map(str::to_owned) {
            let data = self.a.get("exec_after_bridge_arg").unwrap_or_default().to_owned();
            self.replace_list(app, data);
        }
    }
}
