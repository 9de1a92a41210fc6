//! `uuid_transfer` of the other side of a bridge: a called leg leaves this call and begins one of its own.
//!
//! Its far end and its media go on speaking to this call's queue; the call passes that on, and lives until the new one is
//! over.

use std::sync::Arc;

use super::Call;
use super::script_legs::nobody_calls;
use crate::call::channel::Phase;
use crate::call::control::Whom;
use crate::call::leg::{CallEvent, EventSink, LegId};
use crate::call::media::MediaCommand;

/// A leg that left, and where what is said of it goes.
#[derive(Debug)]
pub(super) struct Parted {
    leg: LegId,
    to: EventSink,
}

/// Where a transfer leads.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) extension: String,
    pub(super) dialplan: Option<String>,
    pub(super) context: Option<String>,
}

impl Call {
    /// Transfers a channel of this call, its partner, or both. False: there is no such leg, or it is not up.
    pub(super) fn transfer_leg(&mut self, uuid: &str, whom: Whom, way: &Way) -> bool {
        let Some(named) = self.any_leg_named(uuid) else { return false };
        let partner = self.bridge_partner();
        let other = if named == self.front { partner } else { partner.map(|_| self.front) };
        let (first, second) = match whom {
            Whom::Own => (Some(named), None),
            Whom::Partner => (other, None),
            Whom::Both => (Some(named), other),
        };
        // The called leg first: it cannot leave a caller that has gone on already.
        let mut legs: Vec<LegId> = first.into_iter().chain(second).collect();
        legs.sort_by_key(|leg| *leg == self.front);
        let mut done = !legs.is_empty();
        for leg in legs {
            done &= if leg == self.front {
                self.transfer(&way.extension, way.dialplan.as_deref(), way.context.as_deref())
            } else {
                partner == Some(leg) && self.part_with(leg, way.clone())
            };
        }
        done
    }

    /// A called leg goes on in a call of its own.
    fn part_with(&mut self, id: LegId, way: Way) -> bool {
        if self.visiting.is_some() {
            return false;
        }
        if let Some(music) = self.music.take() {
            self.stop_music(id, music);
        }
        self.audio.command(MediaCommand::Part);
        self.end_relay();
        self.dismiss_guests_of(id);
        let Some(at) = self.callees.iter().position(|callee| callee.id == id) else { return false };
        let super::Callee { mut channel, audio, leg, gone, listed, .. } = self.callees.remove(at);
        let Some(leg) = leg else { return false };
        audio.command(MediaCommand::Part);
        channel.phase = Phase::Execute;
        channel.bridged = false;
        let services = Arc::clone(&self.services);
        let mut call = nobody_calls(Arc::clone(&services), &(services.new_uuid)().into());
        (call.a, call.audio, call.leg, call.caller_gone) = (channel, audio, leg, gone);
        // Listed anew before the old entry goes: the channel is never missing.
        call.listed = services.calls.list(Arc::clone(&call.a.uuid), call.sink.clone());
        drop(listed);
        self.parted.push(Parted { leg: id, to: call.sink.clone() });
        let span = tracing::info_span!("call", uuid = %call.a.uuid);
        tokio::spawn(tracing::Instrument::instrument(
            async move {
                call.media_back().await;
                call.transfer(&way.extension, way.dialplan.as_deref(), way.context.as_deref());
                call.route().await;
                Box::pin(call.finish()).await;
            },
            span,
        ));
        true
    }

    /// What is said of a leg that left is passed on. None: it was.
    pub(super) fn pass_on(&self, event: CallEvent) -> Option<CallEvent> {
        let to = |leg: LegId| self.parted.iter().find(|parted| parted.leg == leg).map(|parted| &parted.to);
        match event {
            CallEvent::Leg { leg, event } => match to(leg) {
                Some(sink) => sink.signal(event),
                None => return Some(CallEvent::Leg { leg, event }),
            },
            CallEvent::Media { leg, event } => match to(leg) {
                Some(sink) => sink.media(event),
                None => return Some(CallEvent::Media { leg, event }),
            },
            other => return Some(other),
        }
        None
    }

    /// Passes on until the calls of all legs that left are over.
    pub(super) async fn see_off(&mut self) {
        while let Some(Parted { to, .. }) = self.parted.last() {
            let to = to.clone();
            let event = tokio::select! {
                biased;
                () = to.closed() => None,
                event = self.events.recv() => event,
            };
            match event {
                Some(event) => drop(self.pass_on(event)),
                None => drop(self.parted.pop()),
            }
        }
    }
}
