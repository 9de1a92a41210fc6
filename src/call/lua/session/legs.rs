//! Legs of the script's own: `freeswitch.Session("dial string")`, `originate`, `freeswitch.bridge`.

use super::*;
use crate::words::model::Cause;

/// Cause of an object that was given the uuid of no channel, as FreeSWITCH has it.
const NO_CHANNEL: &str = "CHAN_NOT_IMPLEMENTED";

/// `Session()` is empty; `Session(uuid)` attaches to a channel, which stays where it is; other text is dialled.
pub(super) fn new(run: &Arc<Run>, arguments: &Arguments) -> Step {
    if arguments.len() == 0 {
        return Step::Now(Answer::Session(Session::new(None)));
    }
    let text = arguments.text_or_empty(0);
    if let Some(handle) = known(run, &text) {
        return Step::Now(Answer::Session(Session::new(Some(handle))));
    }
    let session = Session::new(None);
    let inherits = a_leg(run, arguments, 1);
    let run = Arc::clone(run);
    Step::wait(async move {
        if text.contains('/') {
            if dial(&run, &session.0, text, None, inherits).await {
                session.0.auto_hangup.store(true, Ordering::Relaxed);
            }
            return Ok(Answer::Session(session));
        }
        if let Some(handle) = run.host.attach(&text) {
            return Ok(Answer::Session(Session::new(Some(handle))));
        }
        set_dialled(&session.0, NO_CHANNEL);
        Ok(Answer::Session(session))
    })
}

/// The script's own call, or a leg of it, by uuid.
fn known(run: &Run, uuid: &str) -> Option<SessionHandle> {
    let own = run.session.as_ref().and_then(|session| session.0.handle());
    let legs = run.legs().iter().filter_map(|leg| leg.handle()).collect::<Vec<_>>();
    own.into_iter().chain(legs).find(|handle| **handle.uuid() == *uuid)
}

/// Whether the object of an argument is the script's own call: then a leg inherits from it.
fn a_leg(run: &Run, arguments: &Arguments, at: usize) -> bool {
    let own = run.session.as_ref().and_then(|session| session.0.handle());
    let given = arguments.with(at, |session: &Session| session.0.handle()).flatten();
    matches!((own, given), (Some(own), Some(given)) if own.uuid() == given.uuid())
}

fn set_dialled(channel: &Channel, how: &'static str) {
    *channel.dialled.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
}

/// Dials, in the task of the script's call, or in one made for the script; true when the leg is up.
async fn dial(run: &Run, channel: &Arc<Channel>, text: String, timeout_s: Option<u32>, inherits: bool) -> bool {
    let Some(base) = run.base() else {
        log::write(run, Level::Err, "there is nothing here that could dial");
        set_dialled(channel, NO_CHANNEL);
        return false;
    };
    match run.handles.open() {
        Ok(handle) => *channel.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle),
        Err(why) => {
            log::write(run, Level::Err, &why);
            set_dialled(channel, Cause::SWITCH_CONGESTION.name());
            return false;
        }
    }
    let request = |reply| Request::Dial { dial_string: text, timeout_s, inherits, reply };
    let contact = run.contact();
    let dialled = base.ask(request).await;
    drop(contact);
    match dialled.unwrap_or(Err(Cause::ORIGINATOR_CANCEL)) {
        Ok(uuid) => {
            let _ = channel.handle.set(base.for_leg(uuid));
            set_dialled(channel, "SUCCESS");
            run.legs().push(Arc::clone(channel));
            true
        }
        Err(cause) => {
            set_dialled(channel, cause.name());
            false
        }
    }
}

/// 0 is success, also without a destination (FreeSWITCH's mistake, which scripts may know).
pub(super) fn originate(run: &Arc<Run>, arguments: &Arguments) -> Step {
    let Some(session) = arguments.with(0, Session::clone) else { return Step::Now(Answer::Integer(1)) };
    let (text, timeout) = (arguments.text_or_empty(2), arguments.unsigned(3, 0));
    if text.is_empty() {
        log::write(run, Level::Err, "originate: no destination");
        return Step::Now(Answer::Integer(0));
    }
    if session.0.handle.get().is_some() {
        log::write(run, Level::Err, "originate: the object has a channel already");
        return Step::Now(Answer::Integer(1));
    }
    let inherits = a_leg(run, arguments, 1);
    let run = Arc::clone(run);
    Step::wait(async move {
        let up = dial(&run, &session.0, text, Some(timeout), inherits).await;
        Ok(Answer::Integer(i64::from(!up)))
    })
}

pub(super) fn wait_for_answer(run: &Arc<Run>, arguments: &Arguments) -> Step {
    asking(run, arguments, Answer::Nothing, |run, channel| async move {
        let _ = channel.ask(&run, |reply| Request::WaitForAnswer { reply }).await;
        Ok(Answer::Nothing)
    })
}

/// Joins two channels of the script until one of them leaves.
pub(super) fn bridge(run: &Arc<Run>, a: &Arc<Channel>, b: &Arc<Channel>) -> Step {
    let (Some(first), Some(second)) = (a.handle(), b.handle()) else { return not_ready(run) };
    if first.uuid() == second.uuid() || !first.same_task(&second) {
        return Step::Fail("freeswitch.bridge of channels of different calls is not available yet".to_owned());
    }
    // The call's own channel is in front, whichever was named first.
    let (front, other) = if second.is_leg() { (Arc::clone(a), second) } else { (Arc::clone(b), first) };
    let (leg, run) = (Arc::clone(other.uuid()), Arc::clone(run));
    Step::wait(async move {
        if front.ask(&run, |reply| Request::BridgeWith { leg, reply }).await != Ok(true) {
            log::write(&run, Level::Err, "bridge: the channels are not ready");
        }
        Ok(Answer::Nothing)
    })
}

fn not_ready(run: &Run) -> Step {
    log::write(run, Level::Err, "bridge: the channels are not ready");
    Step::Now(Answer::Nothing)
}

/// How the object was dialled.
pub(super) fn dialled(channel: &Channel) -> Option<&'static str> {
    *channel.dialled.lock().unwrap_or_else(PoisonError::into_inner)
}

/// At the end of the script: legs that are to die with it are hung up.
pub(in super::super) async fn end_all(run: &Run) {
    let legs: Vec<_> = run.legs().drain(..).collect();
    for leg in legs.iter().filter(|leg| leg.auto_hangup() && !leg.is_hung()) {
        let cause = "NORMAL_CLEARING".to_owned();
        let _ = leg.ask(run, |reply| Request::Hangup { cause, reply }).await;
    }
}
