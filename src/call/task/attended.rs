//! `att_xfer`: a leg of a bridge talks to a third party, the target, while its partner waits with music.
//!
//! | what happens | what becomes of it |
//! |---|---|
//! | the target cannot be reached, hangs up, or `attxfer_cancel_key` (`#`) | back to the partner |
//! | the leg hangs up, at any time, or `attxfer_hangup_key` (`*`) | partner and target are bridged |
//! | the partner hangs up | the leg goes on with the target |
//! | `attxfer_conf_key` (`0`) | all three hear one another; the rest as above |
//!
//! Variables read: the keys, `origination_cancel_key`, `hold_music`, `transfer_ringback`. Set: `att_xfer_result`,
//! `success` on the two that are brought together, `failure` on the leg that is back. While the target still rings the
//! leg may leave: the originate goes on for the partner, who is hung up with ATTENDED_TRANSFER when that fails.

use std::sync::Arc;

use super::{Call, source_of};
use crate::call::channel::Phase;
use crate::call::leg::{CallEvent, LegId};
use crate::call::media::{MediaCommand, MediaEvent, PlayEnd, PlayId, PlaySource};
use crate::words::model::Cause;

/// A leg that asks before it transfers.
#[derive(Debug)]
pub(super) struct Consultation {
    /// Who waits.
    partner: LegId,
}

/// A leg that waits with music, outside any bridge.
#[derive(Debug)]
pub(super) struct OnHold {
    leg: LegId,
    id: PlayId,
    source: PlaySource,
}

/// What a key means while the target is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Back,
    Leave,
    Together,
}

impl Call {
    /// `att_xfer`, on the leg in front. Without a partner it is no more than a bridge.
    pub async fn att_xfer(&mut self, dial_string: &str) {
        if self.consultation.is_some() {
            tracing::error!("a transfer is under way already");
            return;
        }
        let Some(partner) = self.bridge_partner() else {
            return Box::pin(self.bridge(dial_string)).await;
        };
        // A called leg may have been put in front for a moment; now the others are listened to as well.
        let visiting = self.visiting.take();
        self.consult(partner, dial_string).await;
        self.visiting = visiting;
    }

    async fn consult(&mut self, partner: LegId, dial_string: &str) {
        self.media_back().await;
        self.in_front(partner, true, async |call: &mut Self| {
            call.media_back().await;
        })
        .await;
        if let Some(music) = self.music.take() {
            self.stop_music(partner, music);
        }
        self.end_relay();
        self.set_bridged(partner, false);
        let held = self.put_on_hold(partner);
        self.script_legs.push(partner);
        self.a.digits.clear();
        self.consultation = Some(Consultation { partner });
        let target = match Box::pin(self.originate(dial_string)).await {
            Ok(target) => Some(target),
            Err(failure) => {
                tracing::info!(cause = failure.effective().name(), "the target of the transfer is not reached");
                None
            }
        };
        self.stop_ringback();
        if let Some(target) = target {
            if self.a.up() {
                let end = Box::pin(self.join(target)).await;
                if !end.survives {
                    self.drop_callee(target);
                }
            }
            if self.callee(target).is_some_and(|callee| callee.alive()) {
                self.handover = Some(target);
            }
        }
        self.consultation = None;
        self.leave_as_guest(partner);
        self.script_legs.retain(|known| *known != partner);
        self.end_consultation(partner, held);
    }

    fn end_consultation(&mut self, partner: LegId, held: bool) {
        let waits = self.any_alive(&[partner]);
        if held {
            self.take_off_hold();
        }
        if let Some(target) = self.handover {
            if !waits {
                self.handover = None;
                self.end_callee(target, Cause::NORMAL_CLEARING);
                self.drop_callee(target);
                return;
            }
            for leg in [partner, target] {
                if let Some(callee) = self.callee(leg) {
                    callee.channel.variables.set("att_xfer_result", "success");
                }
            }
        } else if !self.a.up() {
            self.end_callee(partner, Cause::ATTENDED_TRANSFER);
        } else if waits {
            self.a.variables.set("att_xfer_result", "failure");
            self.set_bridged(partner, true);
            self.name_partner(partner);
            if self.a.phase != Phase::Routing {
                self.join_audio(partner);
            }
        }
    }

    fn set_bridged(&mut self, partner: LegId, bridged: bool) {
        self.a.bridged = bridged;
        if let Some(callee) = self.callees.iter_mut().find(|callee| callee.id == partner) {
            callee.channel.bridged = bridged;
            callee.audio.gate_recordings(&callee.channel);
        }
        self.audio.gate_recordings(&self.a);
    }

    /// Whether the dialling, or the talk, goes on without the leg that began it: for its partner.
    pub(super) fn goes_on_for_partner(&self) -> bool {
        self.consultation.as_ref().is_some_and(|consultation| self.any_alive(&[consultation.partner]))
    }

    /// The keys of the leg that asks; true: something came of one.
    pub(super) fn consultation_keys(&mut self, target: LegId) -> bool {
        let key = |call: &Self, name: &str, usual: char| {
            call.a.get(name).and_then(|text| text.chars().next()).unwrap_or(usual)
        };
        let keys = [
            (key(self, "attxfer_cancel_key", '#'), Turn::Back),
            (key(self, "attxfer_hangup_key", '*'), Turn::Leave),
            (key(self, "attxfer_conf_key", '0'), Turn::Together),
        ];
        if let Some(callee) = self.callee(target) {
            callee.channel.digits.clear();
        }
        let turn = self
            .a
            .digits
            .drain(..)
            .find_map(|digit| keys.iter().find(|(key, _)| *key == digit.key).map(|(_, turn)| *turn));
        match turn {
            Some(Turn::Back) => self.end_callee(target, Cause::NORMAL_CLEARING),
            Some(Turn::Leave) => self.hangup(Cause::ATTENDED_TRANSFER),
            Some(Turn::Together) => self.together(),
            None => return false,
        }
        true
    }

    /// All three hear one another.
    fn together(&mut self) {
        let Some(partner) = self.consultation.as_ref().map(|consultation| consultation.partner) else { return };
        if self.any_alive(&[partner]) {
            self.take_off_hold();
            self.leave_as_guest(partner);
            self.join_as_guest(partner, self.front);
        }
    }

    /// Another call wants us to dial on for one of its channels, in place of our caller.
    pub(super) fn adopt_later(&mut self, caller: &str, partner: Arc<str>) -> bool {
        let dials = self.gives_away || (self.a.bridged && !self.callees.iter().any(|callee| callee.channel.answered));
        let possible = *self.a.uuid == *caller
            && self.front == LegId::A
            && self.a.up()
            && dials
            && self.consultation.is_none()
            && self.adopting.is_none();
        if possible {
            self.adopting = Some(partner);
        }
        possible
    }

    /// Takes that channel in, as the partner of a caller who is let go.
    pub(super) async fn adopt_partner(&mut self) {
        let Some(uuid) = self.adopting.take() else { return };
        // What the dialled legs say meanwhile has to wait.
        let visiting = self.visiting.replace(self.front);
        let borrowed = self.borrow(&uuid).await;
        self.visiting = visiting;
        let Some(partner) = borrowed else { return };
        self.stop_ringback();
        self.script_legs.push(partner);
        self.consultation = Some(Consultation { partner });
        self.in_front(partner, true, async |call: &mut Self| {
            call.media_back().await;
        })
        .await;
        self.put_on_hold(partner);
        self.hangup(Cause::ATTENDED_TRANSFER);
        self.release_caller(Cause::ATTENDED_TRANSFER);
        self.caller_gone = true;
    }

    /// The dialling for a channel that was taken in has ended: it is bridged with the target, or goes on in the dialplan
    /// where the caller began.
    pub(super) async fn give_to_partner(&mut self, target: Option<LegId>) {
        let Some(Consultation { partner }) = self.consultation.take() else { return };
        self.script_legs.retain(|known| *known != partner);
        self.take_off_hold();
        let from = self.a.profile.clone();
        self.promote(partner).await;
        if let Some(target) = target.filter(|target| self.any_alive(&[*target])) {
            return Box::pin(self.bridge_handed(target)).await;
        }
        if let Some(target) = target {
            self.drop_callee(target);
        }
        self.transfer(&from.destination_number, Some(&from.dialplan), Some(&from.context));
    }

    /// The partner of a leg that has left is bridged with the target; it is in front now.
    pub(super) async fn bridge_handed(&mut self, target: LegId) {
        self.a.phase = Phase::Execute;
        let front = self.front;
        let cause = Box::pin(self.bridge_dialled(target)).await.unwrap_or(Cause::NORMAL_CLEARING);
        self.drop_callee(target);
        if self.front == front {
            self.after_bridge(true, cause).await;
        }
        if self.a.phase == Phase::Execute {
            self.hangup(Cause::NORMAL_CLEARING);
        }
    }

    /// Parts a leg from the one in front, and plays it the music of that one. False: it hears that already.
    pub(super) fn put_on_hold(&mut self, leg: LegId) -> bool {
        self.audio.command(MediaCommand::Part);
        if self.on_hold.is_some() {
            return false;
        }
        // That of whoever is away, else the leg's own.
        let mut text = self.a.get("hold_music").map(str::to_owned);
        if text.is_none() {
            text = self.callee(leg).and_then(|callee| callee.channel.get("hold_music").map(str::to_owned));
        }
        let text = text.or_else(|| self.services.globals.get("hold_music"));
        let source = text.filter(|text| !text.eq_ignore_ascii_case("silence")).and_then(|text| {
            source_of(&text, 0).map_err(|why| tracing::warn!(hold_music = text, "no hold music: {why}")).ok()
        });
        let source = source.unwrap_or(PlaySource::Silence { ms: -1, level: 0 });
        let id = self.next_play();
        if let Some(callee) = self.callee(leg) {
            callee.audio.command(MediaCommand::Play { id, source: source.clone() });
            self.on_hold = Some(OnHold { leg, id, source });
        }
        true
    }

    pub(super) fn take_off_hold(&mut self) {
        let Some(OnHold { leg, id, .. }) = self.on_hold.take() else { return };
        if leg == self.front {
            self.audio.command(MediaCommand::Stop { id });
        } else if let Some(callee) = self.callee(leg) {
            callee.audio.command(MediaCommand::Stop { id });
        }
    }

    /// Music of a leg that waits begins anew when it ends. True: this was its end.
    pub(super) fn waits_on(&mut self, event: &CallEvent) -> bool {
        let CallEvent::Media { leg, event: MediaEvent::PlayEnded { id, end, played_ms } } = event else { return false };
        let Some(hold) = self.on_hold.as_ref().filter(|hold| hold.leg == *leg && hold.id == *id) else { return false };
        let play = MediaCommand::Play { id: *id, source: hold.source.clone() };
        // What plays nothing at all would begin anew for ever.
        if *end == PlayEnd::Finished && *played_ms > 0 {
            let leg = *leg;
            if let Some(callee) = self.callee(leg) {
                callee.audio.command(play);
            }
        }
        true
    }
}
