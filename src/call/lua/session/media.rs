//! Methods that play, record, speak and wait.

use super::*;
use crate::call::control::Activity;

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
    asking(run, arguments, Answer::Nothing, |_, channel| async move {
        if channel.is_hung() {
            return Ok(Answer::Nothing);
        }
        Err("session:say is not available yet".to_owned())
    })
}

/// Plays the phrase as a path would: `phrase:macro:data`.
pub(super) fn say_phrase(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let (macro_name, data) = (arguments.text_or_empty(1), arguments.text_or_empty(2));
    let path = if data.is_empty() { format!("phrase:{macro_name}") } else { format!("phrase:{macro_name}:{data}") };
    asking(run, arguments, Answer::Nothing, |run, channel| async move {
        if channel.is_hung() {
            return Ok(Answer::Nothing);
        }
        attend::begin(&run, &channel, Activity::Stream { path, start_sample: 0 }, |_| Answer::Nothing).await
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
