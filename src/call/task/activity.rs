//! What a script does that takes time, attended by its input callback.

use std::time::Duration;

use tokio::time::Instant;

use super::playlist::Playlist;
use super::record::{Recorded, Step, Wish};
use super::{Call, DigitRule, Played, Wake};
use crate::call::channel::Digit;
use crate::call::control::{Activity, Progress, Verdict};
use crate::call::media::{MediaCommand, MediaEvent, PlayEnd, PlayId, RecordChange, RecordId};

/// Activities that may rest in each other: callbacks that wait again.
const DEEPEST: usize = 32;

/// An activity that goes on, or rests while the callback runs.
pub(super) enum Doing {
    Play(Box<Playlist>),
    Sleep { until: Instant },
    Record(RecordId),
    Collect { digit_ms: u64, due: Option<Instant>, until: Option<Instant> },
}

fn after(ms: u64) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_millis(ms))
}

impl Call {
    /// Begins an activity; attended: digits are told.
    pub(super) async fn begin_activity(&mut self, activity: Activity, attended: bool) -> Progress {
        self.broken = false;
        let doing = match activity {
            Activity::Stream { path, start_sample } => {
                if !self.pre_answer().await || !self.executing() {
                    return Progress::Over(false);
                }
                Doing::Play(Box::new(self.playlist(&path, start_sample).await))
            }
            Activity::Say { module, kind, method, text } => {
                if !self.pre_answer().await || !self.executing() {
                    return Progress::Over(false);
                }
                Doing::Play(Box::new(self.say_list(&module, &kind, &method, &text)))
            }
            Activity::Phrase { name, data, language } => {
                if !self.pre_answer().await || !self.executing() {
                    return Progress::Over(false);
                }
                Doing::Play(Box::new(self.phrase_list(&name, &data, language.as_deref()).await))
            }
            Activity::Record { path, limit_s, threshold, silence_s } => {
                let silence = (threshold > 0 || silence_s > 0).then_some((threshold, silence_s));
                let wish = Wish { name: path, limit_s, silence, ..Wish::default() };
                match self.start_record(&wish).await {
                    Some(id) => Doing::Record(id),
                    None => return Progress::Over(false),
                }
            }
            Activity::Sleep { ms } => match after(ms) {
                Some(until) => Doing::Sleep { until },
                None => return Progress::Over(false),
            },
            Activity::Collect { digit_ms, absolute_ms } => {
                let limit = |ms: u64| if ms > 0 { after(ms) } else { None };
                Doing::Collect { digit_ms, due: limit(digit_ms), until: limit(absolute_ms) }
            }
        };
        self.attend(doing, attended).await
    }

    /// Goes on with the activity that rests.
    pub(super) async fn continue_activity(&mut self, verdict: Verdict, attended: bool) -> Progress {
        let Some(mut doing) = self.resting.pop() else { return Progress::Over(false) };
        let goes_on = match &mut doing {
            Doing::Play(list) => {
                let goes_on = self.steer_list(list, verdict);
                if !goes_on {
                    self.stop_list(list).await;
                }
                goes_on
            }
            Doing::Record(id) => {
                let goes_on = verdict == Verdict::Continue;
                if verdict == Verdict::Truncate {
                    self.audio.command(MediaCommand::ChangeRecord { id: *id, change: RecordChange::Truncate });
                }
                if !goes_on {
                    self.finish_record(*id, Recorded::Stopped).await;
                }
                goes_on
            }
            // No file is open that could be paused or moved: any word ends the wait.
            Doing::Sleep { .. } => verdict == Verdict::Continue,
            Doing::Collect { digit_ms, due, .. } => {
                if *digit_ms > 0 {
                    *due = after(*digit_ms);
                }
                verdict == Verdict::Continue
            }
        };
        if goes_on { self.attend(doing, attended).await } else { Progress::Over(false) }
    }

    async fn attend(&mut self, mut doing: Doing, attended: bool) -> Progress {
        let attended = attended && self.resting.len() < DEEPEST;
        let told = match &mut doing {
            Doing::Play(list) => {
                let rule = if attended { DigitRule::Tell } else { DigitRule::Keep };
                match self.play_list(list, rule).await {
                    Played::Told(digit) => digit,
                    ended => return Progress::Over(ended == Played::Finished),
                }
            }
            Doing::Record(id) => match self.run_record(*id, attended, None).await {
                Step::Digit(digit) => digit,
                Step::Over(recorded) => return Progress::Over(recorded == Recorded::Finished),
            },
            Doing::Sleep { until } => match self.wait_for_digit(Some(*until), attended).await {
                Ok(digit) => digit,
                Err(finished) => return Progress::Over(finished),
            },
            Doing::Collect { due, until, .. } => {
                let until = due.iter().chain(until.iter()).min().copied();
                if !attended {
                    self.a.digits.clear();
                }
                match self.wait_for_digit(until, attended).await {
                    Ok(digit) => digit,
                    Err(finished) => {
                        if !attended {
                            self.a.digits.clear();
                        }
                        return Progress::Over(finished);
                    }
                }
            }
        };
        self.resting.push(doing);
        Progress::Digit { digit: told.key, duration: told.duration }
    }

    /// Waits for the time; a digit when it is attended. The error: whether the time was over.
    async fn wait_for_digit(&mut self, until: Option<Instant>, attended: bool) -> Result<Digit, bool> {
        while self.executing() {
            if std::mem::take(&mut self.broken) {
                break;
            }
            if attended && let Some(digit) = self.a.digits.pop_front() {
                return Ok(digit);
            }
            if matches!(self.next(until).await, Wake::Timer) {
                return Err(true);
            }
        }
        Err(false)
    }

    /// Tells a resting playback that it ended.
    pub(super) fn note_end(&mut self, event: &MediaEvent) {
        if let MediaEvent::PlayEnded { id, end, played_ms } = event {
            self.sounding.take_if(|(sounds, _)| sounds == id);
            self.note_play_ended(*id, end, *played_ms);
        }
    }

    fn note_play_ended(&mut self, id: PlayId, end: &PlayEnd, played_ms: u64) {
        for doing in &mut self.resting {
            if let Doing::Play(list) = doing {
                list.ended_at_rest(id, end, played_ms);
            }
        }
    }

    /// Ends the activities that a script left resting.
    pub(super) fn drop_resting(&mut self, depth: usize) {
        while self.resting.len() > depth {
            match self.resting.pop() {
                Some(Doing::Play(list)) => self.drop_list(&list),
                Some(Doing::Record(id)) => self.audio.command(MediaCommand::StopRecord { id }),
                _ => {}
            }
        }
    }
}
