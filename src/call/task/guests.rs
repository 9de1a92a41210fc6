//! Who listens to a leg without being bridged with it: `eavesdrop`, `three_way`, the third one of a conference by
//! `attxfer_conf_key`. A guest hears what the leg's far end says and what it is told; what a guest says is mixed into what
//! the leg, its partner, or both are told. The bridge stays as it is.
//!
//! A guest follows the leg from one bridge to the next, and is told when the leg is over or leaves its call.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::lending::PATIENCE;
use super::{Call, Wake};
use crate::call::leg::{EventSink, LegId};
use crate::call::media::{MediaCommand, PortId};
use crate::call::registry::{Question, Seen};
use crate::words::expand::split;
use crate::words::model::falsy;

/// Guests of one call.
const MOST_GUESTS: usize = 8;

/// Whom a guest speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaks {
    /// The leg that it visits.
    pub to_leg: bool,
    /// What that is bridged with.
    pub to_partner: bool,
}

impl Speaks {
    /// To nobody: it listens.
    pub const NOBODY: Self = Self { to_leg: false, to_partner: false };
    /// To all.
    pub const ALL: Self = Self { to_leg: true, to_partner: true };
}

/// A guest, as its host knows it. Dropping it tells the guest that it is over.
#[derive(Debug)]
pub(super) struct Guest {
    leg: LegId,
    port: PortId,
    speaks: Speaks,
    /// The guest's call, unless it is this one.
    back: Option<(Arc<str>, EventSink)>,
    /// What it was told to hear.
    hears: Vec<PortId>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some((uuid, sink)) = self.back.take() {
            sink.ask(Question::Hear { uuid, ports: None });
        }
    }
}

impl Call {
    /// A channel of another call wants to listen to one of ours.
    pub(super) fn receive_guest(
        &mut self,
        host: &str,
        port: PortId,
        speaks: Speaks,
        back: (Arc<str>, EventSink),
        reply: oneshot::Sender<Vec<PortId>>,
    ) {
        let Some(leg) = self.any_leg_named(host).filter(|leg| self.leg_lives(*leg)) else { return };
        self.guests.retain(|guest| guest.port != port);
        let hears = self.ports_around(leg);
        if self.guests.len() >= MOST_GUESTS || hears.is_empty() {
            return;
        }
        if reply.send(hears.clone()).is_ok() {
            self.guests.push(Guest { leg, port, speaks, back: Some(back), hears });
            self.mix_guests();
        }
    }

    /// A guest speaks to others now.
    pub(super) fn guest_speaks(&mut self, port: PortId, speaks: Speaks) {
        if let Some(guest) = self.guests.iter_mut().find(|guest| guest.port == port) {
            guest.speaks = speaks;
        }
        self.mix_guests();
    }

    /// A guest leaves.
    pub(super) fn guest_leaves(&mut self, port: PortId) {
        for guest in self.guests.iter_mut().filter(|guest| guest.port == port) {
            guest.back = None;
        }
        self.guests.retain(|guest| guest.port != port);
        self.mix_guests();
    }

    /// A leg of this call listens to another, and speaks to both sides.
    pub(super) fn join_as_guest(&mut self, guest: LegId, leg: LegId) {
        let Some(port) = self.audio_of(guest).port_id() else { return };
        let hears = self.ports_around(leg);
        self.audio_of(guest).command(MediaCommand::Hear { from: hears.clone() });
        self.guests.push(Guest { leg, port, speaks: Speaks::ALL, back: None, hears });
        self.mix_guests();
    }

    /// It does not any more.
    pub(super) fn leave_as_guest(&mut self, guest: LegId) {
        let Some(port) = self.audio_of(guest).port_id() else { return };
        self.guest_leaves(port);
        self.audio_of(guest).command(MediaCommand::Hear { from: Vec::new() });
    }

    /// The guests of a leg that leaves this call, or is over, go.
    pub(super) fn dismiss_guests_of(&mut self, leg: LegId) {
        self.guests.retain(|guest| guest.leg != leg);
        self.mix_guests();
    }

    fn leg_lives(&self, leg: LegId) -> bool {
        if leg == self.front { self.a.up() } else { self.any_alive(&[leg]) }
    }

    fn ports_around(&mut self, leg: LegId) -> Vec<PortId> {
        let partner = self.across(leg);
        [Some(leg), partner].into_iter().flatten().filter_map(|leg| self.audio_of(leg).port_id()).collect()
    }

    /// Has every leg hear the guests that speak to it, and every guest the legs that it visits.
    pub(super) fn mix_guests(&mut self) {
        if self.guests.is_empty() && self.mixing.is_empty() {
            return;
        }
        let mut guests = std::mem::take(&mut self.guests);
        guests.retain(|guest| self.leg_lives(guest.leg));
        let mut told: Vec<(LegId, Vec<PortId>)> = Vec::new();
        for guest in &mut guests {
            let partner = self.across(guest.leg).filter(|_| guest.speaks.to_partner);
            for leg in [Some(guest.leg).filter(|_| guest.speaks.to_leg), partner].into_iter().flatten() {
                match told.iter_mut().find(|(known, _)| *known == leg) {
                    Some((_, ports)) => ports.push(guest.port),
                    None => told.push((leg, vec![guest.port])),
                }
            }
            let hears = self.ports_around(guest.leg);
            if hears != guest.hears {
                guest.hears.clone_from(&hears);
                if let Some((uuid, sink)) = &guest.back {
                    sink.ask(Question::Hear { uuid: Arc::clone(uuid), ports: Some(hears) });
                }
            }
        }
        self.guests = guests;
        for leg in std::mem::take(&mut self.mixing) {
            let known = leg == self.front || self.callees.iter().any(|callee| callee.id == leg);
            if known && !told.iter().any(|(other, _)| *other == leg) {
                self.audio_of(leg).command(MediaCommand::Hear { from: Vec::new() });
            }
        }
        for (leg, from) in told {
            self.mixing.push(leg);
            self.audio_of(leg).command(MediaCommand::Hear { from });
        }
    }

    /// The host of this channel tells whom to hear now; none: it is over.
    pub(super) fn hear_as_guest(&mut self, ports: Option<Vec<PortId>>) {
        match ports {
            Some(from) if self.visited == Some(false) => self.audio.command(MediaCommand::Hear { from }),
            Some(_) => {}
            None => self.visited = self.visited.map(|_| true),
        }
    }

    /// `eavesdrop` and `three_way`: the channel in front listens to a channel of another call until one of them is over.
    /// `keys`: 1, 2, 3 and 0 choose whom it speaks to, `*` ends it.
    pub async fn visit(&mut self, host: &str, speaks: Speaks, keys: bool) {
        let found = self.services.calls.find(host).filter(|(uuid, _)| self.any_leg_named(uuid).is_none());
        let (Some((host, sink)), Some(port)) = (found, self.audio.port_id()) else {
            tracing::error!(host, "there is no such channel in another call");
            return;
        };
        let (reply, answer) = oneshot::channel();
        let back = (Arc::clone(&self.a.uuid), self.sink.clone());
        sink.ask(Question::Visit { uuid: Arc::clone(&host), port, speaks, back, reply });
        self.visited = Some(false);
        let Ok(Ok(from)) = self.serve_while(timeout(PATIENCE, answer)).await else {
            self.visited = None;
            tracing::error!(%host, "the channel cannot be listened to");
            return;
        };
        self.audio.command(MediaCommand::Hear { from });
        while self.executing() && self.visited == Some(false) {
            self.run_executions().await;
            if keys && let Some(digit) = self.a.digits.pop_front() {
                let speaks = match digit.key {
                    '0' => Speaks::NOBODY,
                    '1' => Speaks { to_leg: true, to_partner: false },
                    '2' => Speaks { to_leg: false, to_partner: true },
                    '3' => Speaks::ALL,
                    '*' => break,
                    _ => continue,
                };
                sink.ask(Question::Speaks { port, speaks });
                continue;
            }
            if self.executing() && matches!(self.next(None).await, Wake::Timer) {
                break;
            }
        }
        self.visited = None;
        sink.ask(Question::Leave { port });
        self.audio.command(MediaCommand::Hear { from: Vec::new() });
    }

    async fn group_of(&mut self, host: &str) -> Option<String> {
        let services = Arc::clone(&self.services);
        let Seen { event, .. } = self.serve_while(crate::call::command::dump(&services, host)).await?;
        event.get("variable_eavesdrop_group").map(str::to_owned)
    }

    /// `eavesdrop <uuid>`, as the channel's variables say.
    pub async fn eavesdrop(&mut self, host: &str) {
        if let Some(wanted) =
            self.a.get("eavesdrop_require_group").filter(|wanted| !wanted.is_empty()).map(str::to_owned)
        {
            let groups = self.group_of(host).await;
            if !groups.is_some_and(|groups| split(&groups, ',', 64).contains(&wanted)) {
                tracing::warn!(host, wanted, "the channel is of another group");
                return;
            }
        }
        let speaks = Speaks {
            to_leg: self.is_true("eavesdrop_whisper_aleg") || self.is_true("eavesdrop_bridge_aleg"),
            to_partner: self.is_true("eavesdrop_whisper_bleg") || self.is_true("eavesdrop_bridge_bleg"),
        };
        let keys = !self.a.get("eavesdrop_enable_dtmf").is_some_and(falsy);
        self.visit(host, speaks, keys).await;
    }
}
