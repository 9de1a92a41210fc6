//! Calls that the switch begins: a leg is dialled on behalf of nobody, and becomes the channel of a call of its own when it
//! answers.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Call;
use super::script_legs::nobody_calls;
use crate::call::channel::Phase;
use crate::call::leg::LegId;
use crate::call::services::Services;
use crate::words::expand::Template;
use crate::words::model::Cause;

/// What the leg does when it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Runs one application: name and data.
    Application(String, String),
    /// Looks for an extension.
    Extension {
        /// Number.
        extension: String,
        /// Dialplan.
        dialplan: String,
        /// Context.
        context: String,
    },
}

/// A call to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origination {
    /// Whom to dial.
    pub dial_string: String,
    /// What then.
    pub destination: Destination,
    /// Name shown to who is dialled.
    pub caller_name: Option<String>,
    /// Number shown to who is dialled.
    pub caller_number: Option<String>,
    /// Seconds to wait for an answer.
    pub timeout_s: Option<u64>,
}

/// Dials. The answer is the uuid of the leg that is up, or why there is none. Has to be called inside a runtime, where the
/// call then lives.
pub fn begin_origination(
    services: &Arc<Services>,
    origination: Origination,
) -> oneshot::Receiver<Result<Arc<str>, Cause>> {
    let (reply, answer) = oneshot::channel();
    let services = Arc::clone(services);
    tokio::spawn(async move { run(services, origination, reply).await });
    answer
}

async fn run(services: Arc<Services>, origination: Origination, reply: oneshot::Sender<Result<Arc<str>, Cause>>) {
    let Origination { dial_string, destination, caller_name, caller_number, timeout_s } = origination;
    let uuid: Arc<str> = (services.new_uuid)().into();
    let mut call = nobody_calls(services, &uuid);
    call.a.profile.caller_id_name = caller_name.unwrap_or_default();
    call.a.profile.caller_id_number = caller_number.unwrap_or_else(|| "0000000000".to_owned());
    call.a.profile.ani.clone_from(&call.a.profile.caller_id_number);
    "src/switch_ivr_originate".clone_into(&mut call.a.profile.source);
    call.begun_here = true;
    call.dial_limit = timeout_s.filter(|seconds| *seconds > 0);
    let outcome = Box::pin(call.originate(&dial_string)).await;
    call.dial_limit = None;
    call.begun_here = false;
    call.stop_ringback();
    let id = match outcome {
        Ok(id) => id,
        Err(failure) => {
            let _ = reply.send(Err(failure.cause));
            return;
        }
    };
    if !call.adopt(id) {
        let _ = reply.send(Err(Cause::ORIGINATOR_CANCEL));
        return;
    }
    let uuid = Arc::clone(&call.a.uuid);
    if reply.send(Ok(uuid)).is_err() {
        tracing::debug!("nobody waits for the call any more; it goes on");
    }
    match destination {
        Destination::Application(name, data) => {
            call.a.phase = Phase::Execute;
            for (state, number) in
                [("CS_INIT", "1"), ("CS_ROUTING", "2"), ("CS_CONSUME_MEDIA", "7"), ("CS_EXECUTE", "4")]
            {
                call.fire_state(state, number);
            }
            call.a.variables.set("current_application", &name);
            call.execute_named(&name, &Template::parse(data)).await;
            if call.a.phase == Phase::Execute {
                call.hangup(Cause::NORMAL_CLEARING);
            }
        }
        Destination::Extension { extension, dialplan, context } => {
            call.a.profile.destination_number = extension;
            call.a.profile.dialplan = dialplan;
            call.a.profile.context = context;
            call.a.phase = Phase::Routing;
        }
    }
    call.route().await;
    call.finish().await;
}

impl Call {
    /// The leg that was dialled takes the place of nobody. False: it is gone already.
    fn adopt(&mut self, id: LegId) -> bool {
        if !self.any_alive(&[id]) || !self.put_in_front(id) {
            return false;
        }
        let profile = &mut self.a.profile;
        // Who answers is the caller from now on, as in FreeSWITCH.
        self.a.variables.set("pre_transfer_caller_id_name", &profile.caller_id_name);
        self.a.variables.set("pre_transfer_caller_id_number", &profile.caller_id_number);
        std::mem::swap(&mut profile.caller_id_name, &mut profile.callee_id_name);
        std::mem::swap(&mut profile.caller_id_number, &mut profile.callee_id_number);
        self.a.other = None;
        for name in ["originator", "signal_bond"] {
            self.a.variables.remove(name);
        }
        self.a.phase = Phase::Execute;
        true
    }
}
