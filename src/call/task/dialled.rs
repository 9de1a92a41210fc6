//! What a dialled leg says until its alternative is decided: ringing, early media, answer, redirect, failure.

use super::Call;
use super::callee::{MAX_REDIRECTS, received_headers};
use crate::call::event::EventName;
use crate::call::leg::{Failure, Headers, LegCommand, LegEvent, LegId, RedirectContact};
use crate::call::media::MediaCommand;
use crate::words::model::{Cause, Variables, truthy};

/// What an event of a dialled leg means for its alternative.
pub(super) enum Dialled {
    Waits,
    Wins,
    /// This leg has taken its place, and wins.
    Replaced(LegId),
    Rejected(Cause),
}

impl Call {
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
            LegEvent::Answered { headers, sdp, session, .. } => {
                let answered = self.answered_leg(id, headers, sdp.as_deref());
                self.begin_session_of(id, session);
                if matches!(answered, Dialled::Wins) {
                    self.execute_on_callee(id, "execute_on_answer").await;
                    if !self.confirms(id).await {
                        self.end_callee(id, Cause::NO_ANSWER);
                    }
                    // A hook may have hung it up as well.
                    if let Some(cause) = self.callee(id).and_then(|callee| callee.channel.cause) {
                        return Dialled::Rejected(cause);
                    }
                }
                answered
            }
            LegEvent::Redirected { status, phrase, contacts, diversion } => {
                match self.redirected(id, status, phrase, &contacts, diversion) {
                    Some(cause) => Dialled::Rejected(cause),
                    None => Dialled::Waits,
                }
            }
            LegEvent::PickedUp { by } => self.picked_up(id, &by).await,
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
            let first = !std::mem::replace(&mut callee.channel.early, true);
            if callee.channel.times.progress_media == 0 {
                callee.channel.times.progress_media = now;
            }
            if first {
                self.fire_of(id, EventName::CHANNEL_PROGRESS_MEDIA, &[]);
                self.execute_on_callee(id, "execute_on_pre_answer").await;
                self.execute_on_callee(id, "execute_on_media").await;
            }
            let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id && callee.alive()) else {
                return Dialled::Waits;
            };
            let must_confirm =
                callee.channel.get("group_confirm_key").is_some() && !callee.is_true("group_confirm_early_ok");
            if early_ok && !must_confirm {
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
        let first = !std::mem::replace(&mut callee.channel.rung, true);
        if callee.channel.times.progress == 0 {
            callee.channel.times.progress = now;
        }
        if first {
            self.fire_of(id, EventName::CHANNEL_PROGRESS, &[]);
            self.execute_on_callee(id, "execute_on_ring").await;
        }
        if self.begun_here && global.get("return_ring_ready").is_some_and(truthy) {
            return Dialled::Wins;
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
            Ok(()) => {
                if let Some(callee) = self.callee(id) {
                    callee.channel.variables.set("endpoint_disposition", "ANSWER");
                }
                self.fire_of(id, EventName::CHANNEL_ANSWER, &[]);
                Dialled::Wins
            }
            Err(cause) => Dialled::Rejected(cause),
        }
    }

    /// Takes the answer's description; a leg without a usable one is ended.
    pub(super) fn agree_answer(&mut self, id: LegId, sdp: Option<&[u8]>) -> Result<(), Cause> {
        let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == id) else { return Ok(()) };
        let result = match sdp {
            Some(sdp) => callee.audio.answered(sdp, &callee.channel.variables),
            None if callee.audio.is_described() || !callee.audio.wants_media() => Ok(()),
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
        contacts: &[RedirectContact],
        diversion: Option<String>,
    ) -> Option<Cause> {
        let callee = self.callees.iter_mut().find(|callee| callee.id == id && callee.alive())?;
        let fatal = callee.is_true("outbound_redirect_fatal");
        for (channel, followed) in [(&mut callee.channel, true), (&mut self.a, !fatal)] {
            for (at, contact) in contacts.iter().enumerate() {
                channel.set_received(&format!("sip_redirect_contact_{at}"), &contact.uri);
                channel.set_received(&format!("sip_redirect_contact_user_{at}"), &contact.user);
                channel.set_received(&format!("sip_redirect_contact_host_{at}"), &contact.host);
                channel.set_received(&format!("sip_redirect_contact_params_{at}"), &contact.params);
            }
            // The caller learns of it only when it is gone to.
            if let Some(first) = contacts.first().filter(|_| followed) {
                channel.set_received("sip_redirected_to", &first.uri);
            }
            if let Some(diversion) = &diversion {
                channel.set_received("sip_redirected_by", diversion);
            }
        }
        callee.channel.variables.set("sip_redirect_count", &contacts.len().to_string());
        let fail = |call: &mut Self, cause| {
            let failure = Failure { status, phrase, cause: Some(cause), ..Failure::default() };
            Some(call.callee_failed(id, failure))
        };
        if fatal {
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
