//! Methods about where the channel stands and how it ends.

use super::*;

/// One fact of the channel's state.
fn fact(run: &Arc<Run>, arguments: &Arguments, dead: Answer, read: fn(SessionState) -> Answer) -> Step {
    asking(run, arguments, dead, move |run, channel| async move { Ok(read(channel.state(&run).await)) })
}

pub(super) fn ready(run: &Arc<Run>, arguments: &Arguments) -> Step {
    fact(run, arguments, Answer::Bool(false), |state| Answer::Bool(state.ready))
}

pub(super) fn answered(run: &Arc<Run>, arguments: &Arguments) -> Step {
    fact(run, arguments, Answer::Bool(false), |state| Answer::Bool(state.answered))
}

pub(super) fn media_ready(run: &Arc<Run>, arguments: &Arguments) -> Step {
    fact(run, arguments, Answer::Bool(false), |state| Answer::Bool(state.media_ready))
}

pub(super) fn bridged(run: &Arc<Run>, arguments: &Arguments) -> Step {
    fact(run, arguments, Answer::Bool(false), |state| Answer::Bool(state.bridged))
}

pub(super) fn name(run: &Arc<Run>, arguments: &Arguments) -> Step {
    fact(run, arguments, Answer::Text("ERROR".to_owned()), |state| Answer::Text(state.state.to_owned()))
}

/// The channel's cause once it is hung up; before, how the object was dialled (FreeSWITCH: always the latter).
pub(super) fn hangup_cause(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let dialled = arguments.with(0, |session: &Session| legs::dialled(&session.0)).flatten().unwrap_or("NONE");
    asking(run, arguments, Answer::Text(dialled.to_owned()), move |run, channel| async move {
        let cause = channel.state(&run).await.hangup_cause;
        Ok(Answer::Text(cause.map_or(dialled, |cause| cause.name()).to_owned()))
    })
}

pub(super) fn answer(run: &Arc<Run>, arguments: &Arguments) -> Step {
    asking(run, arguments, Answer::Integer(-1), |run, channel| async move {
        outcome(channel.ask(&run, |reply| Request::Answer { reply }).await.unwrap_or(false))
    })
}

pub(super) fn pre_answer(run: &Arc<Run>, arguments: &Arguments) -> Step {
    asking(run, arguments, Answer::Integer(-1), |run, channel| async move {
        outcome(channel.ask(&run, |reply| Request::PreAnswer { reply }).await.unwrap_or(false))
    })
}

pub(super) fn hangup(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let cause = arguments.text(1).filter(|cause| !cause.is_empty()).unwrap_or_else(|| "NORMAL_CLEARING".to_owned());
    asking(run, arguments, Answer::Nothing, |run, channel| async move {
        let _ = channel.ask(&run, |reply| Request::Hangup { cause, reply }).await;
        channel.mark_hung(&run);
        Ok(Answer::Nothing)
    })
}

pub(super) fn set_auto_hangup(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(channel) = live(run, arguments) else { return Step::Now(Answer::Integer(-1)) };
    channel.auto_hangup.store(arguments.flag(1), Ordering::Relaxed);
    Step::Now(Answer::Integer(0))
}

/// On a channel that is hung up it answers 1 and does nothing.
pub(super) fn transfer(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let given = |at| arguments.text(at).filter(|text| !text.is_empty());
    let extension = given(1).unwrap_or_else(|| "service".to_owned());
    let (dialplan, context) = (given(2), given(3));
    asking(run, arguments, Answer::Integer(-1), |run, channel| async move {
        if channel.is_hung() {
            return outcome(true);
        }
        let request = |reply| Request::Transfer { extension, dialplan, context, reply };
        outcome(channel.ask(&run, request).await.unwrap_or(true))
    })
}

/// `hangup` or `transfer` when the hang-up hook is due.
pub(super) fn hook_due(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(channel) = arguments.with(0, Session::channel).filter(|channel| channel.is_live()) else {
        return Step::Now(Answer::Nil);
    };
    let run = Arc::clone(run);
    Step::wait(async move {
        let due = if channel.is_hung() {
            Some("hangup")
        } else {
            let state = channel.state(&run).await;
            let due = if channel.is_hung() { Some("hangup") } else { None };
            due.or_else(|| state.transferring.then_some("transfer"))
        };
        Ok(due.map_or(Answer::Nil, |due| Answer::Text(due.to_owned())))
    })
}
