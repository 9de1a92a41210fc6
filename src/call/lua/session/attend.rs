//! Methods that an input callback attends: each digit goes to the callback, whose answer says how the method goes on.

use super::*;
use crate::call::control::{Activity, Progress, Verdict};

/// What a method answers at its end: whether it came to its end.
pub(super) type Finish = fn(bool) -> Answer;

/// 1 or 0.
pub(super) fn number(done: bool) -> Answer {
    Answer::Integer(i64::from(done))
}

/// Begins an activity of the call.
pub(super) async fn begin(run: &Run, channel: &Channel, activity: Activity, finish: Finish) -> Outcome {
    let attended = channel.attended.load(Ordering::Relaxed);
    let progress = channel.ask(run, |reply| Request::Begin { activity, attended, reply }).await;
    answer(run, channel, progress, finish).await
}

async fn answer(run: &Run, channel: &Channel, progress: Result<Progress, CallGone>, finish: Finish) -> Outcome {
    match progress {
        Ok(Progress::Digit { digit, duration }) => {
            resting(channel).push(finish);
            Ok(Answer::Digit(digit, duration))
        }
        Ok(Progress::Over(true)) => Ok(finish(true)),
        Ok(Progress::Over(false)) | Err(CallGone) => {
            channel.state(run).await;
            Ok(finish(false))
        }
    }
}

fn resting(channel: &Channel) -> std::sync::MutexGuard<'_, Vec<Finish>> {
    channel.resting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The callback answered: the method that rests goes on or ends.
pub(super) fn go_on(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let verdict = Verdict::parse(arguments.text(1).as_deref());
    let Some(channel) = arguments.with(0, Session::channel) else { return Step::Now(Answer::Nothing) };
    let Some(finish) = resting(&channel).pop() else { return Step::Now(Answer::Nothing) };
    let run = Arc::clone(run);
    Step::wait(async move {
        let attended = channel.attended.load(Ordering::Relaxed);
        let progress = channel.ask(&run, |reply| Request::Continue { verdict, attended, reply }).await;
        answer(&run, &channel, progress, finish).await
    })
}

pub(super) fn set(run: &Arc<Run>, arguments: &Arguments) -> Step {
    if let Some(channel) = live(run, arguments) {
        channel.attended.store(true, Ordering::Relaxed);
    }
    Step::Now(Answer::Nothing)
}

pub(super) fn unset(run: &Arc<Run>, arguments: &Arguments) -> Step {
    if let Some(channel) = live(run, arguments) {
        channel.attended.store(false, Ordering::Relaxed);
    }
    Step::Now(Answer::Nothing)
}
