//! Hold within a bridge: the other side hears music while one is away.

use super::{Call, source_of};
use crate::call::event::EventName;
use crate::call::leg::LegId;
use crate::call::media::{MediaCommand, MediaEvent, PlayEnd, PlayId, PlaySource};

/// Music that plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Music {
    /// The called leg hears it; else the caller.
    to_callee: bool,
    id: PlayId,
}

impl Call {
    /// Starts or stops the music as the two sides of a bridge hold one another.
    pub(super) fn mind_hold(&mut self, id: LegId) {
        let Some(callee) = self.callees.iter().find(|callee| callee.id == id) else { return };
        // Who is away: the far end of the leg takes no audio. The caller's music is heard first.
        let away = |audio: &super::LegAudio| audio.is_held() || audio.holds();
        let wanted = [(away(&self.audio), true), (away(&callee.audio), false)].into_iter().find(|(held, _)| *held);
        let wanted = wanted.map(|(_, to_callee)| to_callee);
        self.fire_hold(id, wanted);
        if wanted == self.music.map(|music| music.to_callee) {
            return;
        }
        if let Some(music) = self.music.take() {
            self.stop_music(id, music);
            self.join_audio(id);
        }
        if let Some(to_callee) = wanted {
            self.start_music(id, to_callee);
        }
    }

    /// We hold a leg, or not any more. In a bridge the music and the events follow by themselves.
    pub(super) fn note_hold(&mut self, id: LegId, on: bool) {
        if self.a.bridged {
            return;
        }
        if id == self.front {
            // A bridge that begins now finds it told already.
            self.fire_hold(id, on.then_some(true));
        }
    }

    /// Tells who is away, or back.
    fn fire_hold(&mut self, id: LegId, to_callee: Option<bool>) {
        let (name, callers) = match (to_callee, self.holding) {
            (Some(to_callee), None) => (EventName::CHANNEL_HOLD, to_callee),
            (None, Some(to_callee)) => (EventName::CHANNEL_UNHOLD, to_callee),
            _ => return,
        };
        self.holding = to_callee;
        let now = self.now_us();
        let channel = if callers { Some(&mut self.a) } else { self.callee(id).map(|callee| &mut callee.channel) };
        if let Some(channel) = channel {
            channel.history.hold(to_callee.is_some(), now);
            let times = &mut channel.times;
            match to_callee {
                Some(_) => times.last_hold = now,
                None => times.hold_accum = times.hold_accum.saturating_add(now.saturating_sub(times.last_hold)),
            }
        }
        if callers {
            self.fire(name, &[]);
        } else {
            self.fire_of(id, name, &[]);
        }
    }

    pub(super) fn stop_music(&mut self, id: LegId, music: Music) {
        self.command_side(id, music.to_callee, MediaCommand::Stop { id: music.id });
    }

    /// `hold_music` of the side that is away, or the global variable; `silence`, a missing or an unknown one: no music.
    fn start_music(&mut self, id: LegId, to_callee: bool) {
        let own = if to_callee {
            self.a.get("hold_music").map(str::to_owned)
        } else {
            self.callee(id).and_then(|callee| callee.channel.get("hold_music").map(str::to_owned))
        };
        let text = own.or_else(|| self.services.globals.get("hold_music"));
        let source = text.filter(|text| !text.eq_ignore_ascii_case("silence")).and_then(|text| {
            source_of(&text, 0).map_err(|why| tracing::warn!(hold_music = text, "no hold music: {why}")).ok()
        });
        let ours = if to_callee { self.audio.holds() } else { self.callee(id).is_some_and(|leg| leg.audio.holds()) };
        let source = match source {
            Some(source) => source,
            // Whom we hold ourselves would go on hearing the other side.
            None if ours => PlaySource::Silence { ms: -1, level: 0 },
            None => return,
        };
        let play = self.next_play();
        self.audio.command(MediaCommand::Part);
        self.command_side(id, to_callee, MediaCommand::Play { id: play, source });
        self.music = Some(Music { to_callee, id: play });
    }

    /// A file of music begins anew when it ends.
    pub(super) fn music_event(&mut self, id: LegId, from_callee: bool, event: &MediaEvent) {
        let MediaEvent::PlayEnded { id: ended, end: PlayEnd::Finished, played_ms } = event else { return };
        let ours = self.music.is_some_and(|music| music.to_callee == from_callee && music.id == *ended);
        // What plays nothing at all would begin anew for ever.
        if ours && *played_ms > 0 {
            self.start_music(id, from_callee);
        }
    }

    fn command_side(&mut self, id: LegId, to_callee: bool, command: MediaCommand) {
        if !to_callee {
            return self.audio.command(command);
        }
        if let Some(callee) = self.callee(id) {
            callee.audio.command(command);
        }
    }
}
