//! Legs that a script dials. They live in the task of the script's call, or of an anchor when the script has no call: a
//! task whose own channel is nobody's.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::Call;
use super::script::{give, serve_from};
use crate::call::channel::{Channel, Phase};
use crate::call::control::{Addressed, Request, SessionState};
use crate::call::leg::{EventSink, Incoming, LegCommand, LegEvent, LegId, SessionRules};
use crate::call::media::MediaEvent;
use crate::call::services::Services;
use crate::words::model::{CallerProfile, Cause, Variables};

/// Legs one script may have at a time.
const MOST_LEGS: usize = 64;

/// Hops a call of a script begins with (RFC 3261 8.1.1.6).
const MAX_FORWARDS: u32 = 70;

/// The leg of nobody.
struct Nobody;

impl crate::call::leg::Leg for Nobody {
    fn send(&mut self, command: LegCommand) {
        tracing::debug!(?command, "nobody is told");
    }
}

/// Serves the legs of a script without a call, until the script and the legs are over.
pub async fn anchor(services: Arc<Services>, uuid: Arc<str>, mut requests: mpsc::Receiver<Addressed>) {
    let mut call = nobody_calls(services, &uuid);
    loop {
        tokio::select! {
            biased;
            request = requests.recv() => match request {
                Some(request) => call.serve_addressed(request).await,
                None => break,
            },
            Some(event) = call.events.recv() => drop(call.absorb(event)),
        }
    }
    while call.any_alive(&call.script_legs) {
        call.next(None).await;
    }
    call.forget_dead_legs();
}

/// A call whose own channel is nobody's: it can dial, and pass nothing on.
pub(super) fn nobody_calls(services: Arc<Services>, uuid: &Arc<str>) -> Call {
    let (sink, events) = EventSink::new();
    let received_us = (services.now_us)();
    let incoming = Incoming {
        leg: Box::new(Nobody),
        sink,
        events,
        profile: nobody(uuid),
        variables: Variables::new(),
        offer: None,
        media: None,
        session: SessionRules::default(),
        max_forwards: MAX_FORWARDS,
        direction: "outbound",
        received_us,
    };
    let mut call = Call::new(services, incoming);
    call.a = call.stand_in(uuid);
    // Nobody is no channel that others may ask for.
    call.services.calls.forget(uuid);
    call
}

fn nobody(uuid: &str) -> CallerProfile {
    CallerProfile {
        uuid: uuid.to_owned(),
        dialplan: "XML".to_owned(),
        context: "default".to_owned(),
        source: "mod_lua".to_owned(),
        caller_id_number: "0000000000".to_owned(),
        ..CallerProfile::default()
    }
}

impl Call {
    /// A channel that stands where a caller would, and passes nothing on.
    fn stand_in(&self, uuid: &str) -> Channel {
        let mut channel = Channel::new(nobody(uuid), Variables::new(), "outbound", self.now_us());
        channel.phase = Phase::Execute;
        channel.answered = true;
        channel.variables.set("loopback_no_pre_answer", "true");
        channel.variables.set("null_no_pre_answer", "true");
        channel
    }

    pub(super) async fn serve_addressed(&mut self, addressed: Addressed) {
        self.absorb_pending();
        match addressed.leg {
            None => Box::pin(self.serve(*addressed.request)).await,
            Some(uuid) => self.serve_leg(&uuid, *addressed.request).await,
        }
    }

    fn leg_named(&self, uuid: &str) -> Option<LegId> {
        let callee = self.callees.iter().find(|callee| *callee.channel.uuid == *uuid)?;
        Some(callee.id).filter(|id| self.script_legs.contains(id))
    }

    /// A request for a leg. One that cannot be served is dropped: whoever asked hears that the leg is gone.
    async fn serve_leg(&mut self, uuid: &str, request: Request) {
        let Some(id) = self.leg_named(uuid) else { return };
        let (services, snapshot) = (Arc::clone(&self.services), Arc::clone(&self.snapshot));
        let Some(callee) = self.callee(id) else { return };
        let alive = callee.alive();
        match request {
            Request::State { reply } => give(reply, state_of(&callee.channel)),
            Request::Hangup { cause, reply } => {
                self.end_callee(id, Cause::parse(&cause));
                give(reply, ());
            }
            request @ (Request::GetVariable { .. } | Request::SetVariable { .. } | Request::FlushDigits { .. }) => {
                serve_from(&mut callee.channel, &services, &snapshot, request);
            }
            Request::Transfer { reply, .. } => {
                tracing::error!("a leg that a script dialled cannot be transferred yet");
                give(reply, false);
            }
            Request::Dial { reply, .. } => {
                tracing::error!("a leg that a script dialled cannot be the caller of another one yet");
                give(reply, Err(Cause::CHAN_NOT_IMPLEMENTED));
            }
            Request::BridgeWith { leg, reply } if alive => {
                let mut bridged = false;
                self.in_front(id, false, async |call: &mut Self| bridged = call.bridge_with_leg(&leg).await).await;
                give(reply, bridged);
            }
            request if alive => self.in_front(id, true, async |call: &mut Self| call.serve(request).await).await,
            _ => {}
        }
    }

    /// Dials a leg for the script: on behalf of the call's own channel, or of nobody.
    pub(super) async fn dial_for_script(
        &mut self,
        dial_string: &str,
        timeout_s: Option<u32>,
        inherits: bool,
    ) -> Result<Arc<str>, Cause> {
        if self.script_legs.len() >= MOST_LEGS {
            tracing::error!("more than {MOST_LEGS} legs of one script");
            return Err(Cause::SWITCH_CONGESTION);
        }
        self.dial_limit = timeout_s.filter(|seconds| *seconds > 0).map(u64::from);
        let outcome = if inherits {
            Box::pin(self.originate(dial_string)).await
        } else {
            let stand_in = self.stand_in(&(self.services.new_uuid)());
            let own = std::mem::replace(&mut self.a, stand_in);
            let outcome = Box::pin(self.originate(dial_string)).await;
            let stand_in = std::mem::replace(&mut self.a, own);
            if let Some(cause) = stand_in.cause {
                self.hangup(cause);
            }
            self.a.digits.extend(stand_in.digits);
            outcome
        };
        self.dial_limit = None;
        self.stop_ringback();
        let id = outcome.map_err(|failure| failure.cause)?;
        let Some(callee) = self.callee(id) else { return Err(Cause::NORMAL_UNSPECIFIED) };
        let uuid = Arc::clone(&callee.channel.uuid);
        self.script_legs.push(id);
        Ok(uuid)
    }

    /// Joins the channel in front with a leg of the script. False: one of them is not ready.
    pub(super) async fn bridge_with_leg(&mut self, uuid: &str) -> bool {
        let Some(id) = self.leg_named(uuid).filter(|id| self.any_alive(&[*id])) else { return false };
        if !self.executing() {
            return false;
        }
        self.script_legs.retain(|known| *known != id);
        Box::pin(self.bridge_dialled(id)).await;
        if self.callee(id).is_some() {
            self.script_legs.push(id);
        }
        true
    }

    /// Waits until the channel is answered or gone. Ours are answered when they are dialled, or ring in early media.
    pub(super) async fn wait_for_answer(&mut self) {
        while self.executing() && !self.a.answered {
            self.next(None).await;
        }
    }

    /// What a leg says that is up, or in early media.
    pub(super) fn leg_event(&mut self, id: LegId, event: LegEvent) {
        match event {
            LegEvent::Answered { sdp, headers, session, .. } => {
                self.begin_session_of(id, session);
                self.leg_answered(id, sdp.as_deref(), headers);
            }
            LegEvent::Failed(failure) => {
                self.callee_failed(id, failure);
            }
            LegEvent::Bye { reason, headers } => {
                self.callee_hung_up(id, reason, headers);
            }
            LegEvent::Lost(cause) => {
                if let Some(callee) = self.callee(id) {
                    callee.gone = true;
                }
                self.end_callee(id, cause);
            }
            LegEvent::Progress { .. } | LegEvent::Redirected { .. } => {}
            other => self.callee_request(id, other),
        }
    }

    /// What the media of a leg of the script tell while nobody waits for it.
    pub(super) fn script_leg_media(&mut self, id: LegId, event: &MediaEvent) {
        match event {
            MediaEvent::Timeout => self.end_callee(id, Cause::MEDIA_TIMEOUT),
            MediaEvent::Dtmf { digit, duration } => {
                if let Some(callee) = self.callee(id) {
                    callee.channel.push_digit(*digit, *duration);
                }
            }
            _ => {}
        }
    }

    /// Removes the legs of scripts that are over, and writes their records.
    pub(super) fn forget_dead_legs(&mut self) {
        let dead: Vec<LegId> = self.script_legs.iter().copied().filter(|id| !self.any_alive(&[*id])).collect();
        self.script_legs.retain(|id| !dead.contains(id));
        for id in dead {
            self.drop_callee(id);
        }
    }
}

fn state_of(channel: &Channel) -> SessionState {
    let ready = channel.up();
    SessionState {
        ready,
        answered: channel.answered,
        media_ready: ready && channel.has_media(),
        bridged: channel.bridged,
        state: if ready { "CS_SOFT_EXECUTE" } else { "CS_HANGUP" },
        hangup_cause: channel.cause,
        transferring: false,
    }
}
