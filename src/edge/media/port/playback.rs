//! The playback of a port.

use std::sync::Arc;

use crate::call::media::{MediaEvent, PlayEnd, PlayId, PlaySource, Steering};
use crate::engine::audio::{AudioCodec, Silence};

use super::super::engine::Engine;
use super::super::player::{Manner, Player};
use super::super::prompt::{Prompt, PromptError, Request, Source};
use super::super::shared::Order;
use super::{Playing, Port};
use crate::edge::media::clock::Micros;

/// Steps of the volume and the speed of a playback, up and down.
const LOUDEST: i8 = 4;
const FASTEST: i8 = 2;

/// A playback and how far it came.
pub(super) struct Playback {
    id: PlayId,
    pub(super) playing: Playing,
    /// It stands still.
    pub(super) paused: bool,
    /// Where it is to begin, ms: told before it was loaded.
    start_ms: u64,
    /// How it sounds.
    manner: Manner,
}

impl Playback {
    fn set_manner(&mut self, manner: Manner) {
        self.manner = manner;
        if let Playing::Running(player) = &mut self.playing {
            player.set_manner(manner);
        }
    }
}

impl Port {
    /// Plays from now on, or from the beginning of the stream.
    pub(super) fn play(&mut self, id: PlayId, source: PlaySource, engine: &Arc<Engine>, now: Micros) {
        self.end_play(PlayEnd::Stopped);
        self.play = Some(Playback {
            id,
            playing: Playing::Waiting(source),
            paused: false,
            start_ms: 0,
            manner: Manner::default(),
        });
        self.begin_play(engine, now);
    }

    /// Begins a playback that waits for the stream.
    pub(super) fn begin_play(&mut self, engine: &Arc<Engine>, now: Micros) {
        let Some(stream) = &self.stream else { return };
        let Some(play) = self.play.as_mut() else { return };
        let Playing::Waiting(source) = &mut play.playing else { return };
        let Some(codec) = stream.codec else {
            let end = PlayEnd::Failed(format!("nothing can be played in the codec {}", stream.name()));
            return self.end_play(end);
        };
        let source = match source {
            PlaySource::Silence { ms, level } => {
                return match Silence::new(*ms, *level) {
                    Some(silence) => self.start_play(Player::silence(silence, codec, self.out.ssrc()), now),
                    None => self.end_play(PlayEnd::Finished),
                };
            }
            PlaySource::File { name, start_sample } => {
                Source::File { name: std::mem::take(name), start: *start_sample }
            }
            PlaySource::Tone { script } => Source::Tone { script: std::mem::take(script) },
        };
        let (id, request) = (play.id, Request { source, codec });
        play.playing = Playing::Loading(codec);
        if let Some(prompt) = engine.loader.ready(&request, now) {
            return self.loaded(id, Ok(prompt), now);
        }
        let (shared, answered) = (Arc::clone(&self.shared), Arc::clone(engine));
        let answer = Box::new(move |result| shared.post(Order::Loaded(id, result), &answered));
        engine.loader.request(request, answer);
    }

    /// A prompt came from the loader.
    pub(super) fn loaded(&mut self, id: PlayId, result: Result<Prompt, PromptError>, now: Micros) {
        let codec: &'static AudioCodec = match &self.play {
            Some(Playback { id: current, playing: Playing::Loading(codec), .. }) if *current == id => codec,
            _ => return,
        };
        match result {
            Ok(prompt) => self.start_play(Player::prompt(prompt, codec), now),
            Err(error) => self.end_play(error.into()),
        }
    }

    /// The first frame goes out at once; only digits keep their pace.
    fn start_play(&mut self, mut player: Player, now: Micros) {
        let Some(play) = &mut self.play else { return };
        if play.start_ms > 0 {
            player.seek(play.start_ms);
        }
        player.set_manner(play.manner);
        play.playing = Playing::Running(player);
        if !self.keys.active() && !play.paused {
            (self.tick, self.fresh) = (Some(now), true);
        }
    }

    pub(super) fn stop_play(&mut self, id: PlayId) {
        if self.play.as_ref().is_some_and(|play| play.id == id) {
            self.end_play(PlayEnd::Stopped);
        }
    }

    pub(super) fn steer_play(&mut self, id: PlayId, by: Steering) {
        let Some(play) = self.play.as_mut().filter(|play| play.id == id) else { return };
        let position = match &play.playing {
            Playing::Running(player) => player.position_ms(),
            Playing::Waiting(_) | Playing::Loading(_) => play.start_ms,
        };
        let to = match by {
            Steering::Pause(paused) => {
                play.paused = paused;
                self.fresh = true;
                return;
            }
            Steering::Volume(to) => {
                return play.set_manner(Manner { volume: to.of(play.manner.volume, LOUDEST), ..play.manner });
            }
            Steering::Speed(to) => {
                return play.set_manner(Manner { speed: to.of(play.manner.speed, FASTEST), ..play.manner });
            }
            Steering::To(to) => to,
            Steering::Restart => {
                play.set_manner(Manner { speed: 0, ..play.manner });
                0
            }
            Steering::By(ms) => position.saturating_add_signed(ms),
        };
        match &mut play.playing {
            Playing::Running(player) => player.seek(to),
            Playing::Waiting(_) | Playing::Loading(_) => play.start_ms = to,
        }
    }

    pub(super) fn finish_play(&mut self) {
        self.end_play(PlayEnd::Finished);
    }

    /// Ends the playback, if there is one, and tells the call.
    pub(super) fn end_play(&mut self, end: PlayEnd) {
        let Some(play) = self.play.take() else { return };
        let played_ms = match &play.playing {
            Playing::Running(player) => player.played_ms(),
            Playing::Waiting(_) | Playing::Loading(_) => 0,
        };
        self.shared.tell(MediaEvent::PlayEnded { id: play.id, end, played_ms });
    }
}
