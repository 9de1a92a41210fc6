//! Methods that play, record, speak and wait.

use std::path::Path;

use super::*;
use crate::call::control::Activity;
use crate::engine::audio::{Wav, resample, wav_bytes};

pub(super) fn stream_file(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let path = arguments.text_or_empty(1);
    let start_sample = u64::try_from(arguments.integer(2, 0)).unwrap_or(0);
    asking(run, arguments, Answer::Integer(-1), move |run, channel| async move {
        if path.is_empty() || channel.is_hung() {
            return outcome(false);
        }
        attend::begin(&run, &channel, Activity::Stream { path, start_sample }, attend::number).await
    })
}

/// On a channel that is hung up it answers 1 at once; 0 when the hang-up comes during the wait.
pub(super) fn sleep(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let ms = u64::try_from(arguments.integer(1, 0)).unwrap_or(0);
    asking(run, arguments, Answer::Integer(-1), move |run, channel| async move {
        if channel.is_hung() {
            return outcome(true);
        }
        attend::begin(&run, &channel, Activity::Sleep { ms }, attend::number).await
    })
}

pub(super) fn record_file(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let path = arguments.text_or_empty(1);
    let number = |at| u64::try_from(arguments.integer(at, 0)).unwrap_or(0);
    let (limit_s, silence_s) = (number(2), number(4));
    let threshold = u32::try_from(number(3)).unwrap_or(u32::MAX);
    asking(run, arguments, Answer::Integer(-1), move |run, channel| async move {
        if path.is_empty() || channel.is_hung() {
            return outcome(false);
        }
        let activity = Activity::Record { path, limit_s, threshold, silence_s };
        attend::begin(&run, &channel, activity, attend::number).await
    })
}

pub(super) fn say(run: &Arc<Run>, arguments: &Arguments) -> Step {
    if (1..5).any(|at| arguments.text(at).is_none()) {
        log::write(run, Level::Err, "say: text, module, type and method are needed");
        return Step::Now(Answer::Nothing);
    }
    let word = |at| arguments.text_or_empty(at);
    let activity = Activity::Say { text: word(1), module: word(2), kind: word(3), method: word(4) };
    asking(run, arguments, Answer::Nothing, |run, channel| async move {
        if channel.is_hung() {
            return Ok(Answer::Nothing);
        }
        attend::begin(&run, &channel, activity, |_| Answer::Nothing).await
    })
}

pub(super) fn say_phrase(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let (name, data, language) = (arguments.text_or_empty(1), arguments.text_or_empty(2), arguments.text(3));
    let activity = Activity::Phrase { name, data, language };
    asking(run, arguments, Answer::Nothing, |run, channel| async move {
        if channel.is_hung() {
            return Ok(Answer::Nothing);
        }
        attend::begin(&run, &channel, activity, |_| Answer::Nothing).await
    })
}

pub(super) fn set_voice(run: &Arc<Run>, arguments: &Arguments) -> Step {
    if let Some(channel) = live(run, arguments) {
        *channel.voice.lock().unwrap_or_else(PoisonError::into_inner) =
            (arguments.text_or_empty(1), arguments.text_or_empty(2));
    }
    Step::Now(Answer::Nothing)
}

/// There is no speech engine: 1 without `set_tts_params` as in FreeSWITCH, 0 for an engine that is not known.
pub(super) fn speak(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(channel) = live(run, arguments) else { return Step::Now(Answer::Integer(-1)) };
    let engine = channel.voice.lock().unwrap_or_else(PoisonError::into_inner).0.clone();
    if engine.is_empty() {
        log::write(run, Level::Err, "speak: No TTS engine specified");
        return Step::Now(Answer::Integer(1));
    }
    log::write(run, Level::Err, &format!("speak: no speech engine {engine}"));
    Step::Now(Answer::Integer(0))
}

/// Largest file that is spliced, octets.
const LARGEST: u64 = 256 << 20;

/// `insertFile(file, insert, sample)`: puts a recording into another at a sample, on disk. 1, or 0 with an error line.
pub(super) fn insert_file(run: &Arc<Run>, arguments: &Arguments) -> Step {
    if live(run, arguments).is_none() {
        return Step::Now(Answer::Integer(-1));
    }
    let (file, insert) = (arguments.text_or_empty(1), arguments.text_or_empty(2));
    let at = u64::try_from(arguments.integer(3, 0)).unwrap_or(0);
    for (name, writes) in [(&file, true), (&insert, false)] {
        if let Some(why) = run.policy.refuses_file(Path::new(name), &run.host.scripts(), writes) {
            return Step::Fail(why);
        }
    }
    let run = Arc::clone(run);
    Step::wait(async move {
        let spliced = tokio::task::spawn_blocking(move || splice(Path::new(&file), Path::new(&insert), at)).await;
        let spliced = spliced.unwrap_or_else(|_| Err("it was not done".to_owned()));
        if let Err(why) = &spliced {
            log::write(&run, Level::Err, &format!("insertFile: {why}"));
        }
        Ok(Answer::Integer(spliced.is_ok().into()))
    })
}

fn splice(file: &Path, insert: &Path, at: u64) -> Result<(), String> {
    let read = |path: &Path| -> Result<(Vec<i16>, u32), String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let size = std::fs::metadata(path).map_err(|error| told(&error))?.len();
        if size > LARGEST {
            return Err(format!("{}: larger than {LARGEST} octets", path.display()));
        }
        let bytes = std::fs::read(path).map_err(|error| told(&error))?;
        let wav = Wav::parse(&bytes).map_err(|error| told(&error))?;
        Ok((wav.samples(), wav.format.rate))
    };
    let ((mut samples, rate), (inserted, other_rate)) = (read(file)?, read(insert)?);
    let inserted = resample(&inserted, other_rate, rate);
    let at = usize::try_from(at).unwrap_or(usize::MAX).min(samples.len());
    samples.splice(at..at, inserted);
    // Whoever reads it meanwhile reads the old one.
    let whole = file.with_extension("part");
    std::fs::write(&whole, wav_bytes(&samples, rate))
        .and_then(|()| std::fs::rename(&whole, file))
        .map_err(|error| format!("{}: {error}", file.display()))
}
