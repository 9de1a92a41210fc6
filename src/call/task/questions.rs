//! Questions between calls: `uuid_getvar` and `uuid_setvar` of a channel that another task owns.

use std::future::Future;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::parting::Way;
use super::{Call, Waiting, emit, heartbeat, keys, limit};
use crate::call::api;
use crate::call::channel::{Channel, View};
use crate::call::control::{Execution, Order};
use crate::call::event::EventName;
use crate::call::leg::LegId;
use crate::call::limits::Rule;
use crate::call::media::MediaCommand;
use crate::call::registry::{Question, Seen};
use crate::words::expand::{Lookup as _, split};
use crate::words::model::variables::indexed;

/// Longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Applications that may wait for a channel.
const MOST_EXECUTIONS: usize = 1024;
/// What is said of a channel that is gone.
const GONE: &str = "-ERR No such channel!\n";

impl Call {
    /// Answers another call. Whoever asked may have stopped waiting.
    pub(super) fn answer_question(&mut self, question: Question) {
        match question {
            Question::Get { uuid, name, reply } => {
                let (services, snapshot) = (self.services.clone(), self.snapshot.clone());
                let (base, index) = indexed(&name).map_or((name.as_str(), None), |(base, index)| (base, Some(index)));
                let value = self.channel_named(&uuid).map(|channel| {
                    let view = View::new(&services, &snapshot, channel, None);
                    view.variable(base, index).map(std::borrow::Cow::into_owned)
                });
                let _ = reply.send(value);
            }
            Question::Order { uuid, order, reply } => self.obey(&uuid, order, reply),
            Question::Deflect { uuid, uri, reply } => self.deflect_leg(&uuid, &uri, reply),
            Question::Lend { uuid, to, reply } => {
                let callee = self.callees.iter().find(|callee| callee.channel.uuid == uuid).map(|callee| callee.id);
                match callee {
                    Some(id) => self.lend_callee(id, to, reply),
                    None if self.a.uuid == uuid => self.lend_later(to, reply),
                    None => {}
                }
            }
            Question::Execute { uuid, execution, done } => {
                let callee = self.callees.iter().find(|callee| callee.channel.uuid == uuid).map(|callee| callee.id);
                self.execute_later(execution, callee, Some(done));
            }
            Question::AwaitAnswer { uuid, reply } => {
                if self.answer_waits.len() < MOST_EXECUTIONS {
                    self.answer_waits.push((uuid, reply));
                }
                self.tell_answered();
            }
            Question::Visit { uuid, port, speaks, back, reply } => self.receive_guest(&uuid, port, speaks, back, reply),
            Question::Speaks { port, speaks } => self.guest_speaks(port, speaks),
            Question::Leave { port } => self.guest_leaves(port),
            Question::Hear { uuid, ports } => {
                if self.a.uuid == uuid {
                    self.hear_as_guest(ports);
                }
            }
            Question::Adopt { uuid, partner, reply } => {
                let _ = reply.send(self.adopt_later(&uuid, partner));
            }
            Question::Dump { uuid, reply } => {
                let _ = reply.send(self.seen_by_others(&uuid));
            }
            Question::Publish { done } => {
                self.publish();
                let _ = done.send(());
            }
            Question::Command { command, args, reply } => {
                let _ = reply.send(api::run(&command, &mut self.view(), &args));
            }
            Question::Set { uuid, name, value, reply } => {
                let channel = self.channel_named(&uuid);
                let known = channel.is_some();
                if let Some(channel) = channel {
                    channel.variables.set(&name, &value);
                }
                let _ = reply.send(known);
            }
        }
    }

    /// Carries out an order for a channel. A called leg takes only some.
    fn obey(&mut self, uuid: &str, order: Order, reply: Option<oneshot::Sender<bool>>) {
        let callee = self.callees.iter().find(|callee| *callee.channel.uuid == *uuid).map(|callee| callee.id);
        let done = match (order, callee) {
            (Order::Hangup(cause), Some(id)) => {
                self.end_callee(id, cause);
                true
            }
            (Order::Set(variables), _) => {
                if let Some(channel) = self.channel_named(uuid) {
                    for (name, value) in &variables {
                        channel.variables.set(name, value);
                    }
                }
                true
            }
            (Order::ReleasePlaces(name), _) => {
                let services = self.services.clone();
                if let Some(channel) = self.channel_named(uuid) {
                    limit::release_places(&services, channel, name.as_deref());
                }
                true
            }
            (Order::FlushDigits, _) => {
                if let Some(channel) = self.channel_named(uuid) {
                    channel.digits.clear();
                }
                true
            }
            (Order::ReceiveDigits(digits), _) => {
                if let Some(channel) = self.channel_named(uuid) {
                    keys::receive(channel, &digits);
                }
                true
            }
            (Order::Transfer { extension, dialplan, context, whom }, _) => {
                self.transfer_leg(uuid, whom, &Way { extension, dialplan, context })
            }
            (Order::Hold(wanted), _) => self.any_leg_named(uuid).is_some_and(|id| self.hold_leg(id, wanted)),
            (Order::Display(text), _) => self.any_leg_named(uuid).is_some_and(|id| self.display(id, &text)),
            (Order::SendInfo { content_type, body }, _) => {
                self.any_leg_named(uuid).is_some_and(|id| self.send_info(id, &content_type, &body))
            }
            (Order::Chat(text), _) => self.any_leg_named(uuid).is_some_and(|id| self.chat(id, &text)),
            (Order::Level(lane, level), _) => {
                let id = self.any_leg_named(uuid);
                id.map(|id| self.audio_of(id).command(MediaCommand::Level { lane, level })).is_some()
            }
            (Order::SteerFile(what), None) => self.steer_file(&what),
            (Order::MoveMedia { away }, _) => self.any_leg_named(uuid).is_some() && self.move_media(away),
            (Order::PhoneEvent(event), _) => self.any_leg_named(uuid).is_some_and(|id| self.phone_event(id, &event)),
            (Order::Heartbeat { seconds, late }, _) => {
                self.channel_named(uuid).map(|channel| heartbeat::beat(channel, seconds, late)).is_some()
            }
            (Order::Displace(what), callee) => {
                let leg = callee.or_else(|| self.any_leg_named(uuid));
                return leg.map_or((), |leg| self.displace_leg(leg, &what, reply));
            }
            (Order::EndDisplace(path), _) => {
                self.any_leg_named(uuid).is_some_and(|leg| self.end_displacing(leg, &path))
            }
            (Order::Record(order), callee) => return self.record_leg(callee, order, reply),
            (Order::Execute(execution), Some(id)) => self.execute_later(execution, Some(id), None),
            (Order::SendDigits(digits), Some(id)) => {
                self.execute_later(Execution::once("send_dtmf", &digits), Some(id), None)
            }
            (order, Some(_)) => {
                tracing::error!(?order, "not available for a called leg yet");
                false
            }
            (order, None) => self.obey_in_front(order),
        };
        if let Some(reply) = reply {
            let _ = reply.send(done);
        }
    }

    fn obey_in_front(&mut self, order: Order) -> bool {
        match order {
            Order::Hangup(cause) => self.hangup(cause),
            Order::Park => return self.transfer("park:", Some("inline"), None),
            Order::Break => self.broken = true,
            Order::Answer => self.later("answer", ""),
            Order::PreAnswer => self.later("pre_answer", ""),
            Order::RingReady => self.later("ring_ready", ""),
            Order::SendDigits(digits) => self.later("send_dtmf", &digits),
            Order::Execute(execution) => return self.execute_later(execution, None, None),
            Order::Replace(actions) => {
                let list: Vec<String> = actions.into_iter().map(|(name, data)| format!("{name}:{data}")).collect();
                return self.transfer(&format!("m:|:{}", list.join("|")), Some("inline"), None);
            }
            Order::TakePlace { realm, id, max, interval_s } => {
                return self.take_place(&realm, &id, Rule { max, interval_s });
            }
            Order::Bridge(uuid) => return self.bridge_later(&uuid),
            Order::Record(_)
            | Order::Displace(_)
            | Order::EndDisplace(_)
            | Order::Transfer { .. }
            | Order::Hold(_)
            | Order::Chat(_)
            | Order::Level(..)
            | Order::SteerFile(_)
            | Order::MoveMedia { .. }
            | Order::Display(_)
            | Order::SendInfo { .. }
            | Order::PhoneEvent(_)
            | Order::Heartbeat { .. }
            | Order::Set(_)
            | Order::FlushDigits
            | Order::ReceiveDigits(_)
            | Order::ReleasePlaces(_) => {}
        }
        true
    }

    /// Tells who waits for an answer that it has come; who waits for a channel that is gone is let go.
    pub(super) fn tell_answered(&mut self) {
        if self.answer_waits.is_empty() {
            return;
        }
        for (uuid, reply) in std::mem::take(&mut self.answer_waits) {
            match self.channel_named(&uuid).map(|channel| (channel.up(), channel.answered)) {
                Some((true, false)) => self.answer_waits.push((uuid, reply)),
                Some((true, true)) => {
                    let _ = reply.send(());
                }
                _ => {}
            }
        }
    }

    fn later(&mut self, application: &str, data: &str) {
        self.execute_later(Execution::once(application, data), None, None);
    }

    /// Keeps an application for the next wait. False: too many are kept already.
    pub(super) fn execute_later(
        &mut self,
        execution: Execution,
        on: Option<LegId>,
        done: Option<oneshot::Sender<()>>,
    ) -> bool {
        if self.executions.len() >= MOST_EXECUTIONS {
            tracing::error!("too many applications wait for the channel");
            return false;
        }
        self.executions.push_back(Waiting { execution, on, done });
        true
    }

    fn seen_by_others(&mut self, uuid: &str) -> Option<Seen> {
        let services = self.services.clone();
        self.a.codec = self.audio.codec_name();
        for callee in &mut self.callees {
            callee.channel.codec = callee.audio.codec_name();
        }
        let partner = match self.bridged_callee() {
            Some(bridged) if *self.a.uuid == *uuid => Some(bridged),
            Some(bridged) if *bridged == *uuid => Some(self.a.uuid.clone()),
            _ => None,
        };
        let callee = self.callees.iter().find(|callee| *callee.channel.uuid == *uuid);
        let recordings = callee.map_or(&self.audio, |callee| &callee.audio).recorded_files();
        let channel = self.channel_named(uuid)?;
        let event = emit::about(&services, EventName::CHANNEL_DATA, channel, &[]);
        Some(Seen { event, partner, recordings })
    }

    fn channel_named(&mut self, uuid: &str) -> Option<&mut Channel> {
        let callees = self.callees.iter_mut().map(|callee| &mut callee.channel);
        std::iter::once(&mut self.a).chain(callees).find(|channel| *channel.uuid == *uuid)
    }

    /// `uuid_getvar` and `uuid_setvar` of a channel of another call; none: it is no such command, or the call's own.
    pub(super) async fn ask_another(&mut self, command: &str, args: &str) -> Option<String> {
        let words = split(args, ' ', 3);
        let (uuid, sink) = self.services.calls.find(words.first()?)?;
        if self.channel_named(&uuid).is_some() {
            return None;
        }
        let name = words.get(1)?.clone();
        if command.eq_ignore_ascii_case("uuid_getvar") {
            let (reply, answer) = oneshot::channel();
            sink.ask(Question::Get { uuid, name, reply });
            let value = self.serve_until(answer).await.and_then(Result::ok).flatten();
            return Some(value.map_or_else(|| GONE.to_owned(), |value| value.unwrap_or_else(|| "_undef_".to_owned())));
        }
        let (reply, answer) = oneshot::channel();
        sink.ask(Question::Set { uuid, name, value: words.get(2).cloned().unwrap_or_default(), reply });
        let known = self.serve_until(answer).await.and_then(Result::ok).unwrap_or(false);
        Some((if known { "+OK\n" } else { GONE }).to_owned())
    }

    /// Waits for an answer and serves the call meanwhile: two calls may ask one another. None: it took too long.
    async fn serve_until<T>(&mut self, answer: impl Future<Output = T>) -> Option<T> {
        let until = Instant::now() + PATIENCE;
        let mut answer = std::pin::pin!(timeout_at(until, answer));
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer.ok(),
                Some(event) = self.events.recv() => drop(self.absorb(event)),
            }
        }
    }
}
