//! `uuid_bridge`: a channel of one call becomes a leg of another.
//!
//! A call that lends its channel keeps its queue and passes on what the channel's far end and media say; everything else
//! about the channel is the borrower's from then on: its commands, its end, its record.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::callee::{Callee, LegTimers};
use super::roles::NotStarted;
use super::{Call, LegAudio};
use crate::call::channel::{Channel, Phase};
use crate::call::leg::{CallEvent, EventSink, Leg, LegId};
use crate::call::registry::Question;
use crate::words::model::Cause;

/// Time for the other call to let its channel go.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// A channel on its way to another call.
pub struct Lent {
    pub(super) channel: Channel,
    pub(super) audio: LegAudio,
    pub(super) leg: Box<dyn Leg>,
    pub(super) gone: bool,
}

impl std::fmt::Debug for Lent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lent").field("uuid", &self.channel.uuid).finish_non_exhaustive()
    }
}

/// Who wants the channel.
#[derive(Debug)]
pub(super) struct Borrower {
    sink: EventSink,
    reply: oneshot::Sender<Lent>,
}

impl Call {
    /// Another call wants the channel in front. It leaves what it does first.
    pub(super) fn lend_later(&mut self, sink: EventSink, reply: oneshot::Sender<Lent>) {
        if self.a.up() && self.borrower.is_none() {
            self.borrower = Some(Borrower { sink, reply });
            self.a.phase = Phase::Routing;
        }
    }

    /// Another call wants a called leg of a bridge: the caller is let go, the leg comes in front and leaves.
    pub(super) fn lend_callee(&mut self, id: LegId, sink: EventSink, reply: oneshot::Sender<Lent>) {
        let bridged = self.callees.iter().any(|callee| callee.id == id && callee.channel.answered && callee.alive());
        if bridged && self.a.bridged && self.borrower.is_none() {
            self.borrower = Some(Borrower { sink, reply });
            self.hangup(Cause::ATTENDED_TRANSFER);
        }
    }

    /// Gives the channel away, and passes on what is said of it until its new call is over. False: nobody wants it.
    pub(super) async fn lend(&mut self) -> bool {
        let Some(Borrower { sink, reply }) = self.borrower.take() else { return false };
        self.dismiss_guests_of(self.front);
        let lent = Lent {
            channel: std::mem::take(&mut self.a),
            audio: std::mem::replace(&mut self.audio, LegAudio::callee(None)),
            leg: std::mem::replace(&mut self.leg, Box::new(NotStarted)),
            gone: self.caller_gone,
        };
        if let Err(lent) = reply.send(lent) {
            // Whoever asked has given up.
            (self.a, self.audio, self.leg) = (lent.channel, lent.audio, lent.leg);
            self.hangup(Cause::NORMAL_CLEARING);
            return false;
        }
        // Whoever waits for an application here waits in vain.
        self.executions.clear();
        loop {
            let event = tokio::select! {
                biased;
                () = sink.closed() => break,
                event = self.events.recv() => event,
            };
            match event {
                Some(CallEvent::Leg { leg, event }) if leg == self.front => sink.signal(event),
                Some(CallEvent::Media { leg, event }) if leg == self.front => sink.media(event),
                Some(event @ (CallEvent::Leg { .. } | CallEvent::Media { .. })) => drop(self.pass_on(event)),
                // Hang-ups and questions find the channel where it is listed: with its new call.
                Some(_) => {}
                None => break,
            }
        }
        true
    }

    /// Leaves what the channel does, and joins it with a channel of another call.
    pub(super) fn bridge_later(&mut self, uuid: &str) -> bool {
        let possible = self.a.up() && self.a.uuid != Arc::from(uuid);
        if possible {
            self.next_bridge = Some(uuid.into());
            self.a.phase = Phase::Routing;
        }
        possible
    }

    /// Carries out what [`Call::bridge_later`] left. False: there is nothing.
    pub(super) async fn bridge_with_another(&mut self) -> bool {
        let Some(uuid) = self.next_bridge.take() else { return false };
        self.a.phase = Phase::Execute;
        let Some(id) = self.borrow(&uuid).await else {
            tracing::error!(%uuid, "the other channel is gone");
            self.hangup(Cause::NORMAL_CLEARING);
            return true;
        };
        // Neither was described to the other.
        self.media_back().await;
        self.in_front(id, true, async |call: &mut Self| {
            call.media_back().await;
        })
        .await;
        Box::pin(self.bridge_dialled(id)).await;
        self.drop_callee(id);
        if self.a.phase == Phase::Execute {
            self.hangup(Cause::NORMAL_CLEARING);
        }
        true
    }

    /// A channel of another call becomes a called leg of this one.
    pub(super) async fn borrow(&mut self, uuid: &str) -> Option<LegId> {
        let (uuid, sink) = self.services.calls.find(uuid)?;
        self.last_leg = self.last_leg.wrapping_add(1);
        let id = LegId(self.last_leg);
        let (reply, answer) = oneshot::channel();
        sink.ask(Question::Lend { uuid, to: self.sink.for_leg(id), reply });
        let Lent { mut channel, audio, leg, gone } = self.serve_while(timeout(PATIENCE, answer)).await.ok()?.ok()?;
        channel.phase = Phase::Media;
        channel.other = Some(Box::new(self.a.profile.clone()));
        channel.variables.set("signal_bond", &self.a.uuid);
        self.a.other = Some(Box::new(channel.profile.clone()));
        let listed = self.services.calls.list(Arc::clone(&channel.uuid), self.sink.clone());
        self.callees.push(Callee {
            id,
            channel,
            audio,
            leg: Some(leg),
            prepared: None,
            timers: LegTimers::default(),
            gone,
            required: false,
            redirects: 0,
            placeholder: false,
            listed,
        });
        Some(id)
    }
}
