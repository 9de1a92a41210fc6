//! The media of a bridge moves: to flow between the two directly (`uuid_media off`, `bypass_media_after_bridge`), or back
//! to us (`uuid_media`).
//!
//! Away: the partner is offered what the leg in front has described, and that leg what the partner answers. When both
//! have agreed our ports are closed. Back: either gets an offer of ours. A refusal leaves the media where it is.

use bytes::Bytes;

use super::passing::Passing;
use super::{Call, LegAudio};
use crate::call::leg::{Headers, LegCommand, LegId, RequestToken};
use crate::call::media::MediaCommand;

/// How far it has come.
#[derive(Debug)]
pub(in super::super) enum Moving {
    /// The partner has our offer of what the leg in front has described.
    PartnerAsked { partner: LegId, token: u64 },
    /// The leg in front has what the partner has answered.
    FrontAsked { partner: LegId, token: u64, told: [Bytes; 2] },
    /// Those that have an offer of ours.
    Back { partner: LegId, waits: Vec<(u64, LegId)> },
}

impl LegAudio {
    /// The media is that of the other leg from now on, which has described itself like this.
    fn give_away(&mut self, described: Bytes, told: Bytes) {
        self.command(MediaCommand::Part);
        self.passing = Passing::Bypass;
        (self.far, self.description) = (Some(described), Some(told));
        (self.agreed, self.port) = (None, None);
    }
}

impl Call {
    /// Moves the media of the bridge: away from us, or back. True: it is there already, or on its way.
    pub(in super::super) fn move_media(&mut self, away: bool) -> bool {
        let Some(partner) = self.bridge_partner() else { return true };
        let ours = self.audio.passing == Passing::No;
        if ours != away {
            return true;
        }
        if self.moving.is_some() || self.relayed.is_some() {
            return false;
        }
        if away { self.give_media_away(partner) } else { self.take_media_back(partner) }
    }

    /// Whether the media is to flow directly once a bridge is answered: `bypass_media_after_bridge` of either leg, or
    /// `bypass_media` that came too late.
    pub(in super::super) fn wants_bypass(&self, id: LegId) -> bool {
        let named = |callee: &super::super::Callee| callee.id == id && callee.is_true("bypass_media_after_bridge");
        self.a.is_true("bypass_media_after_bridge") || self.a.is_true("bypass_media") || self.callees.iter().any(named)
    }

    /// Offers either side what the other has described. False: one of them is no SIP leg, or its media is needed here.
    pub(in super::super) fn give_media_away(&mut self, partner: LegId) -> bool {
        let Some(callee) = self.callees.iter().find(|callee| callee.id == partner) else { return false };
        let sip = self.a.get("sip_call_id").is_some() && callee.channel.get("sip_call_id").is_some();
        let answered = self.a.answered && callee.channel.answered;
        let needed = !self.guests.is_empty() || self.consultation.is_some() || self.music.is_some();
        let ours = self.audio.is_set_up() && callee.audio.is_set_up() && self.moving.is_none();
        let Some(offer) = self.audio.far.clone().filter(|_| sip && answered && ours && !needed) else { return false };
        let token = self.next_token();
        self.moving = Some(Moving::PartnerAsked { partner, token });
        self.reoffer(partner, token, offer);
        true
    }

    fn take_media_back(&mut self, partner: LegId) -> bool {
        let waits: Vec<(u64, LegId)> =
            [self.front, partner].into_iter().filter_map(|leg| self.reclaim_leg(leg)).collect();
        if waits.is_empty() {
            return false;
        }
        self.moving = Some(Moving::Back { partner, waits });
        true
    }

    /// An offer of ours to one leg: its request.
    fn reclaim_leg(&mut self, leg: LegId) -> Option<(u64, LegId)> {
        let (engine, sink) = (std::sync::Arc::clone(&self.services), self.sink.for_leg(leg));
        let (audio, variables) = self.side(leg);
        let sdp = audio.reclaim(&*engine.media, sink, variables).ok().flatten()?;
        let token = self.next_token();
        self.reoffer(leg, token, sdp);
        Some((token, leg))
    }

    fn reoffer(&mut self, leg: LegId, token: u64, sdp: Bytes) {
        let command = LegCommand::Reinvite { token: RequestToken(token), headers: Headers::new(), sdp: Some(sdp) };
        self.tell_side(leg, command);
    }

    /// The answer to one of these offers. False: it is to none.
    pub(in super::super) fn moving_answered(&mut self, token: u64, status: u16, sdp: Option<&Bytes>) -> bool {
        let own = |moving: &mut Moving| match moving {
            Moving::PartnerAsked { token: asked, .. } | Moving::FrontAsked { token: asked, .. } => *asked == token,
            Moving::Back { waits, .. } => waits.iter().any(|(asked, _)| *asked == token),
        };
        let Some(moving) = self.moving.take_if(own) else { return false };
        let answer = sdp.filter(|_| status / 100 == 2);
        match (moving, answer) {
            (Moving::PartnerAsked { partner, .. }, Some(answer)) => {
                let Some(offered) = self.audio.far.clone() else { return true };
                let token = self.next_token();
                let told = [answer.clone(), offered];
                self.moving = Some(Moving::FrontAsked { partner, token, told });
                self.reoffer(self.front, token, answer.clone());
            }
            (Moving::PartnerAsked { .. }, None) => tracing::warn!(status, "the media stays ours: it was refused"),
            (Moving::FrontAsked { partner, told: [to_front, to_partner], .. }, Some(answer)) => {
                self.audio.give_away(answer.clone(), to_front.clone());
                let (audio, _) = self.side(partner);
                audio.give_away(to_front, to_partner);
            }
            (Moving::FrontAsked { partner, .. }, None) => {
                tracing::warn!(status, "the media stays ours: it was refused");
                self.moving = self.reclaim_leg(partner).map(|asked| Moving::Back { partner, waits: vec![asked] });
            }
            (Moving::Back { partner, mut waits }, answer) => {
                let leg = waits.iter().find(|(asked, _)| *asked == token).map(|(_, leg)| *leg);
                waits.retain(|(asked, _)| *asked != token);
                if let Some(leg) = leg {
                    let (audio, variables) = self.side(leg);
                    let agreed = answer.is_some_and(|answer| audio.answered(answer, variables).is_ok());
                    if !agreed {
                        tracing::error!(status, "the media of a leg does not come back");
                    }
                }
                if waits.is_empty() {
                    self.join_audio(partner);
                } else {
                    self.moving = Some(Moving::Back { partner, waits });
                }
            }
        }
        true
    }
}
