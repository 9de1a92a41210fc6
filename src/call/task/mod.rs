//! The task of one call: it owns the caller's channel, the called legs, and the queue through which it is told things.
//!
//! [`run`] takes a call from its INVITE to its record. Everything that waits (an application, an originate, a bridge) is
//! a loop over [`Call::next`], which takes in one event, does what holds for every state (the caller gave up, a digit
//! came, a re-INVITE wants an answer) and hands the rest to the loop. A hang-up of the caller only marks the channel; the
//! loops see it and return, and `finish` sends the refusal or the BYE.
//!
//! Not here: SIP messages, sockets, the clock. A panic in a call ends that call: dropping a leg or a port releases it.

mod activity;
mod attended;
mod audio;
mod bridge;
mod callee;
mod confirm;
mod create;
mod deflect;
mod dialled;
mod digits;
mod displace;
mod emit;
mod enterprise;
mod execute;
mod far_end;
mod finish;
mod guests;
mod heartbeat;
mod hold;
mod hooks;
mod ivr;
mod keys;
mod lending;
mod limit;
mod meta;
mod midcall;
mod originate;
mod origination;
mod parting;
mod partner;
mod pickup;
mod play;
mod playlist;
mod publish;
mod questions;
mod record;
mod refer;
mod refusal;
mod roles;
mod script;
mod script_legs;
mod session_timer;
mod socket;
mod takeover;
mod tones;
mod transfer;
mod voice;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::call::channel::{Channel, Phase, View};
use crate::call::control::Execution;
use crate::call::event::EventName;
use crate::call::leg::{CallEvent, EventSink, Incoming, Leg, LegCommand, LegEvent, LegId};
use crate::call::media::{MediaEvent, PlayId};
use crate::call::observe::Observer;
use crate::call::registry::Listed;
use crate::call::services::{Services, Snapshot};
use crate::engine::dialplan::{Action, Outcome};
use crate::words::model::{Cause, truthy};

pub use audio::LegAudio;
pub use callee::Callee;
pub use guests::Speaks;
pub use lending::Lent;
pub use meta::MetaApp;
pub use origination::{Destination, Origination, begin_origination};
pub use play::source_of;
pub use playlist::{DigitRule, Played};
pub use record::{Recorded, Wish};
pub use refusal::{Refusal, reason_header};
pub use script_legs::anchor;

/// Hang-ups one call may schedule.
const MAX_SCHEDULED: usize = 64;

/// What [`Call::next`] found.
#[derive(Debug)]
pub enum Wake {
    /// The deadline passed.
    Timer,
    /// Something about the caller was taken in: look at its state again.
    Caller,
    /// Media of the caller, digits excepted.
    Media(MediaEvent),
    /// A called leg.
    Callee(LegId, LegEvent),
    /// Media of a called leg.
    CalleeMedia(LegId, MediaEvent),
}

/// An application that a client asked for.
struct Waiting {
    execution: Execution,
    /// The called leg that runs it; none: the channel in front.
    on: Option<LegId>,
    /// Is told when it has ended.
    done: Option<oneshot::Sender<()>>,
}

/// A call.
pub struct Call {
    /// What the calls of the switch share.
    pub services: Arc<Services>,
    /// The configuration this call began with.
    pub snapshot: Arc<Snapshot>,
    /// The caller's channel.
    pub a: Channel,
    /// The caller's audio.
    pub audio: LegAudio,
    /// What `respond` or `redirect` wants the caller to be told.
    pub refusal: Option<Refusal>,
    /// `set_zombie_exec` was run: some applications run after the hang-up.
    pub zombie: bool,
    leg: Box<dyn Leg>,
    sink: EventSink,
    events: mpsc::Receiver<CallEvent>,
    /// Questions that were answered.
    answered: u64,
    callees: Vec<Callee>,
    /// The caller's side has ended the dialog itself (CANCEL, BYE): nothing is to be sent.
    caller_gone: bool,
    /// Hops the caller's INVITE still had.
    max_forwards: u32,
    /// The leg in front: whose channel `a` is.
    front: LegId,
    /// A hook runs on a called leg, which is in front meanwhile: the leg whose place it takes.
    visiting: Option<LegId>,
    /// What other legs said meanwhile.
    deferred: VecDeque<CallEvent>,
    /// Where the caller's REFER wants the called leg to go.
    referral: Option<refer::Referral>,
    /// A transfer that is asked about first (`att_xfer`).
    consultation: Option<attended::Consultation>,
    /// Who waits with music meanwhile.
    on_hold: Option<attended::OnHold>,
    /// Whom the partner of a leg that has left is to be bridged with.
    handover: Option<LegId>,
    /// The channel that the dialling is to go on for.
    adopting: Option<Arc<str>>,
    /// A bridge is being dialled: the caller may give it away.
    gives_away: bool,
    /// Who listens to our legs.
    guests: Vec<guests::Guest>,
    /// Legs that hear guests.
    mixing: Vec<LegId>,
    /// The channel in front listens to another call; true: that is over.
    visited: Option<bool>,
    /// Files over what is said.
    displacing: Vec<displace::Displacing>,
    /// Hold music that plays.
    music: Option<hold::Music>,
    /// Who is away, as listeners were told: true, the caller.
    holding: Option<bool>,
    /// What `bind_meta_app` bound.
    meta: meta::MetaKeys,
    /// Hang-ups that are due later; they end with the call.
    scheduled: JoinSet<()>,
    last_leg: u32,
    last_play: u32,
    last_token: u64,
    /// The REFER of `deflect`.
    deflecting: Option<u64>,
    /// Final status of a NOTIFY about a REFER of ours.
    referred: Option<u16>,
    /// The ringback that is playing.
    ringing: Option<PlayId>,
    /// What the callback of a script is asked about, innermost last.
    resting: Vec<activity::Doing>,
    /// `uuid_break` came: what plays or waits ends.
    broken: bool,
    /// Legs that scripts dialled and no bridge waits for.
    script_legs: Vec<LegId>,
    /// The switch itself has begun the call: nobody waits on the other side.
    begun_here: bool,
    /// Seconds an originate of a script may take.
    dial_limit: Option<u64>,
    /// Applications that run at the next wait, in order.
    executions: VecDeque<Waiting>,
    /// Called legs that are over, but whose recordings are not closed yet.
    lingering: Vec<Callee>,
    /// The channel in front belongs to another call now.
    given_away: bool,
    /// Our offer that brings the media back, and who waits for its answer.
    media_waits: Option<(u64, oneshot::Sender<bool>)>,
    /// The media of the bridge moves away, or back.
    moving: Option<audio::Moving>,
    /// Who waits for a channel to be answered.
    answer_waits: Vec<(Arc<str>, oneshot::Sender<()>)>,
    /// A new offer that waits for the answer of the other side.
    relayed: Option<audio::Relayed>,
    /// Whose ACK brings the answer to an offer, and who made it.
    relayed_ack: Option<(LegId, LegId)>,
    /// The dialog whose partner the channel is to be joined with.
    attended: Option<takeover::Dialog>,
    /// The dialog of another switch whose place the channel is to take, and who referred it there.
    outside: Option<(refer::Outside, Option<String>)>,
    /// Who wants the channel in front.
    borrower: Option<lending::Borrower>,
    /// The channel of another call that it is to be joined with.
    next_bridge: Option<Arc<str>>,
    /// `Application-UUID` of the next application.
    execution_uuid: Option<String>,
    /// What runs instead of the rest of the list.
    replacement: Option<(String, String)>,
    extension: Arc<str>,
    hunted_context: Arc<str>,
    /// The file that plays in front, and whether it stands still.
    sounding: Option<(PlayId, bool)>,
    /// Tones that are waited for.
    tones: Vec<tones::Tone>,
    last_tone: u32,
    /// Requests of programs whose answers matter.
    asked: Vec<far_end::Asked>,
    /// Legs that have calls of their own now.
    parted: Vec<parting::Parted>,
    /// Who looks on.
    observer: Option<Box<dyn Observer>>,
    /// Keeps the caller's channel in the list of calls.
    listed: Listed,
    /// Visit every extension, also those that are known not to match.
    exhaustive: bool,
}

/// Takes one call from start to end.
pub async fn run(services: Arc<Services>, incoming: Incoming) {
    let span = tracing::info_span!("call", uuid = %incoming.profile.uuid, from = %incoming.profile.caller_id_number,
        to = %incoming.profile.destination_number);
    tracing::Instrument::instrument(whole(services, incoming), span).await;
}

async fn whole(services: Arc<Services>, incoming: Incoming) {
    Call::new(services, incoming).run().await;
}

/// As [`run`], with somebody who looks on. `exhaustive`: the hunts visit every extension, also those that are known not to
/// match.
pub async fn rehearse(services: Arc<Services>, incoming: Incoming, observer: Box<dyn Observer>, exhaustive: bool) {
    let call = Call { observer: Some(observer), exhaustive, ..Call::new(services, incoming) };
    call.run().await;
}

impl Call {
    fn new(services: Arc<Services>, incoming: Incoming) -> Self {
        let snapshot = services.snapshot.load_full();
        let Incoming {
            leg,
            sink,
            events,
            profile,
            variables,
            offer,
            media,
            session,
            max_forwards,
            direction,
            received_us,
        } = incoming;
        let mut a = Channel::new(profile, variables, direction, received_us);
        a.session_rules = session;
        let listed = services.calls.list(Arc::clone(&a.uuid), sink.clone());
        if let Some(call_id) = a.get("sip_call_id") {
            services.calls.name_dialog(&a.uuid, call_id);
        }
        Self {
            a,
            listed,
            audio: LegAudio::caller(media, offer),
            refusal: None,
            zombie: false,
            leg,
            sink,
            events,
            answered: 0,
            callees: Vec::new(),
            caller_gone: false,
            max_forwards,
            front: LegId::A,
            visiting: None,
            deferred: VecDeque::new(),
            referral: None,
            consultation: None,
            on_hold: None,
            handover: None,
            adopting: None,
            gives_away: false,
            guests: Vec::new(),
            mixing: Vec::new(),
            visited: None,
            displacing: Vec::new(),
            music: None,
            holding: None,
            meta: meta::MetaKeys::default(),
            scheduled: JoinSet::new(),
            last_leg: 0,
            last_play: 0,
            last_token: 0,
            deflecting: None,
            referred: None,
            ringing: None,
            resting: Vec::new(),
            broken: false,
            script_legs: Vec::new(),
            begun_here: false,
            dial_limit: None,
            executions: VecDeque::new(),
            execution_uuid: None,
            lingering: Vec::new(),
            given_away: false,
            media_waits: None,
            moving: None,
            answer_waits: Vec::new(),
            relayed: None,
            relayed_ack: None,
            attended: None,
            outside: None,
            borrower: None,
            next_bridge: None,
            replacement: None,
            extension: Arc::from(""),
            hunted_context: Arc::from(""),
            sounding: None,
            tones: Vec::new(),
            last_tone: 0,
            asked: Vec::new(),
            parted: Vec::new(),
            observer: None,
            exhaustive: false,
            snapshot,
            services,
        }
    }

    async fn run(mut self) {
        self.begin();
        self.replace_dialog().await;
        self.route().await;
        self.finish().await;
    }

    fn begin(&mut self) {
        tracing::info!(context = %self.a.profile.context, name = %self.a.profile.chan_name, "new call");
        let number = self.services.status.count(self.services.calls.count(), self.now_us());
        self.a.variables.set("session_id", &number.to_string());
        self.fire(EventName::CHANNEL_CREATE, &[]);
        self.fire_state("CS_INIT", "1");
        if self.audio.offers_late() && !self.audio.takes_late_offers() {
            // Late offers are off (enable-3pcc).
            self.hangup(Cause::MANDATORY_IE_MISSING);
            return;
        }
        if let Some(codecs) = self.audio.offered_codecs() {
            self.a.variables.set("ep_codec_string", &codecs);
        }
        self.a.variables.set("endpoint_disposition", "DELAYED NEGOTIATION");
    }

    /// Hunts and executes until no transfer is pending any more.
    async fn route(&mut self) {
        while self.a.phase == Phase::Routing {
            if self.lend().await {
                self.given_away = true;
                return;
            }
            self.follow_attended().await;
            if self.borrower.is_some() {
                continue;
            }
            if self.bridge_outside().await || self.bridge_with_another().await {
                continue;
            }
            if self.a.phase != Phase::Routing {
                break;
            }
            self.fire_state("CS_ROUTING", "2");
            let begun = Instant::now();
            let outcome = self.hunt().await;
            self.services.meters.hunt.record(begun.elapsed().as_secs_f64());
            match outcome {
                Outcome::Plan(plan) => {
                    if !self.a.up() {
                        break;
                    }
                    self.a.phase = Phase::Execute;
                    self.extension = plan.extension.clone();
                    self.hunted_context = plan.context.clone();
                    let actions: Arc<[Action]> = plan.actions.into();
                    self.a.history.found(plan.extension, Arc::clone(&actions));
                    if plan.inline_dialplan {
                        self.a.profile.destination_number = std::mem::take(&mut self.a.profile.rdnis);
                    }
                    self.fire_state("CS_EXECUTE", "4");
                    self.execute_list(&actions).await;
                    if self.a.phase == Phase::Execute {
                        tracing::info!("the last dialplan instruction was executed, hanging up");
                        self.hangup(Cause::NORMAL_CLEARING);
                    }
                }
                Outcome::NoRoute | Outcome::NoDialplan => {
                    tracing::info!(destination = %self.a.profile.destination_number,
                        context = %self.a.profile.context, "no route");
                    self.hangup(Cause::NO_ROUTE_DESTINATION);
                }
            }
        }
    }

    /// The channel as expansion and hunts see it.
    pub fn view(&mut self) -> View<'_> {
        let peer = self.callees.first_mut().map(|callee| &mut callee.channel);
        View::new(&self.services, &self.snapshot, &mut self.a, peer).observed(self.observer.as_deref_mut())
    }

    /// A variable of the caller's channel, falling back to globals.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.a.get(name).map(str::to_owned).or_else(|| self.services.globals.get(name))
    }

    /// Whether a variable of the channel or a global one is a true word.
    pub fn is_true(&self, name: &str) -> bool {
        self.variable(name).is_some_and(|value| truthy(&value))
    }

    /// The present instant, microseconds since 1970.
    pub fn now_us(&self) -> u64 {
        (self.services.now_us)()
    }

    /// Whether actions may go on: the channel is up and no transfer is pending.
    pub fn executing(&self) -> bool {
        self.a.executing()
    }

    /// Marks the caller's channel as hung up; the first cause counts.
    pub fn hangup(&mut self, cause: Cause) {
        let now = self.now_us();
        let ends = self.a.up();
        self.a.hangup(cause, now);
        if ends {
            self.fire(EventName::CHANNEL_HANGUP, &[]);
            self.fire_state("CS_HANGUP", "10");
        }
    }

    /// Hangs the caller up after a time, whatever it does then.
    pub fn hangup_later(&mut self, after: Duration, cause: Cause) {
        if self.scheduled.len() >= MAX_SCHEDULED {
            tracing::error!("too many scheduled hang-ups");
            return;
        }
        let sink = self.sink.clone();
        self.scheduled.spawn(async move {
            tokio::time::sleep(after).await;
            sink.hangup(cause);
        });
    }

    /// Waits for one event, at most until the deadline.
    pub async fn next(&mut self, until: Option<Instant>) -> Wake {
        self.tell_answered();
        if self.sink.overflowed() && self.a.up() {
            tracing::error!("the call was told more than it could take in");
            self.hangup(Cause::SWITCH_CONGESTION);
            return Wake::Caller;
        }
        if self.visiting.is_none()
            && let Some(event) = self.deferred.pop_front()
        {
            return self.absorb(event);
        }
        self.publish();
        let session = self.session_deadline();
        let beat = self.beat_deadline();
        let event = match until.into_iter().chain(session).chain(beat).min() {
            Some(first) => match timeout_at(first, self.events.recv()).await {
                Ok(event) => event,
                Err(_) if session == Some(first) => {
                    self.session_due();
                    return Wake::Caller;
                }
                Err(_) if beat == Some(first) => {
                    self.beats_due();
                    return Wake::Caller;
                }
                Err(_) => return Wake::Timer,
            },
            None => self.events.recv().await,
        };
        match event {
            Some(event) => self.absorb(event),
            // The call holds a sink itself, so its queue never closes.
            None => Wake::Caller,
        }
    }

    /// Takes in what has arrived already, without waiting.
    pub fn absorb_pending(&mut self) {
        if self.visiting.is_none() {
            // What concerns called legs was for whoever waits for them.
            while let Some(event) = self.deferred.pop_front() {
                self.absorb(event);
            }
        }
        while let Ok(event) = self.events.try_recv() {
            self.absorb(event);
        }
    }

    fn absorb(&mut self, event: CallEvent) -> Wake {
        if matches!(event, CallEvent::Ask(_)) {
            self.answered = self.answered.wrapping_add(1);
        }
        let Some(event) = self.pass_on(event) else { return Wake::Caller };
        if self.waits_on(&event) || self.displacement_event(&event) {
            return Wake::Caller;
        }
        let event = match &event {
            CallEvent::Leg { leg, .. } | CallEvent::Media { leg, .. } => match self.defers(*leg, event) {
                Some(event) => event,
                None => return Wake::Caller,
            },
            CallEvent::Hangup(_) | CallEvent::Ask(_) => event,
        };
        match event {
            CallEvent::Hangup(cause) => {
                self.hangup(cause);
                Wake::Caller
            }
            CallEvent::Ask(question) => {
                self.answer_question(question);
                Wake::Caller
            }
            CallEvent::Leg { leg, event } if leg == self.front => {
                self.on_caller(event);
                Wake::Caller
            }
            CallEvent::Leg { leg, event } if self.script_legs.contains(&leg) => {
                self.leg_event(leg, event);
                Wake::Caller
            }
            CallEvent::Leg { leg, event } => Wake::Callee(leg, event),
            CallEvent::Media { leg, event: MediaEvent::Dtmf { digit, duration } } if leg == self.front => {
                self.a.push_digit(digit, duration);
                self.fire_digit(None, digit, duration);
                Wake::Caller
            }
            CallEvent::Media { leg, event: MediaEvent::Timeout } if leg == self.front => {
                self.hangup(Cause::MEDIA_TIMEOUT);
                Wake::Caller
            }
            CallEvent::Media { leg, event: MediaEvent::ToneHeard { id } } => {
                self.tone_heard(leg, id);
                Wake::Caller
            }
            CallEvent::Media {
                leg,
                event: event @ (MediaEvent::RecordStarted { .. } | MediaEvent::RecordEnded { .. }),
            } => {
                self.recording_event(leg, &event);
                if leg == self.front { Wake::Media(event) } else { Wake::Caller }
            }
            CallEvent::Media { leg, event } if leg == self.front => {
                self.note_end(&event);
                Wake::Media(event)
            }
            CallEvent::Media { leg, event } if self.script_legs.contains(&leg) => {
                self.script_leg_media(leg, &event);
                Wake::Caller
            }
            CallEvent::Media { leg, event } => {
                if let MediaEvent::Dtmf { digit, duration } = event {
                    self.fire_digit(Some(leg), digit, duration);
                }
                Wake::CalleeMedia(leg, event)
            }
        }
    }

    /// What the caller's leg says.
    fn on_caller(&mut self, event: LegEvent) {
        match event {
            LegEvent::Cancelled { reason, headers } => {
                self.caller_gone = true;
                self.caller_ended("recv_cancel", 487, reason.as_deref(), headers);
                self.a.variables.set("sip_invite_failure_status", "487");
                self.a.variables.set("sip_invite_failure_phrase", "CANCEL");
                self.ended_with(Cause::ORIGINATOR_CANCEL, 487);
            }
            LegEvent::Bye { reason, headers } => {
                self.caller_gone = true;
                self.caller_ended("recv_bye", 200, reason.as_deref(), headers);
                let cause = reason.as_deref().and_then(refusal::q850_of);
                let plain = if self.a.answered { Cause::NORMAL_CLEARING } else { Cause::ORIGINATOR_CANCEL };
                self.ended_with(cause.unwrap_or(plain), 200);
            }
            LegEvent::Lost(cause) => {
                self.caller_gone = true;
                self.hangup(cause);
            }
            LegEvent::Acked { sdp } => {
                if self.relay_ack(self.front, sdp.as_ref()) {
                    return;
                }
                if let Err(cause) = self.audio.acknowledged(sdp.as_deref(), &self.a.variables) {
                    self.hangup(cause);
                }
            }
            LegEvent::Reoffer { token, method, sdp, session } => {
                self.reoffer_caller(midcall::Reoffer { token, method, sdp, session });
            }
            LegEvent::Request { token, method, content_type, body, headers } => {
                self.request_of_caller(token, &method, &content_type, &body, &headers);
            }
            LegEvent::Response { token, status, phrase, sdp, min_se } => {
                if self.relay_answer(token.0, status, sdp.as_ref())
                    || self.moving_answered(token.0, status, sdp.as_ref())
                    || self.session_too_short(self.front, token.0, status, min_se)
                    || self.far_end_answered(token.0, status, &phrase, sdp.as_deref())
                {
                    return;
                }
                self.media_is_back(token.0, status, sdp.as_deref());
                if let Some(timer) = &mut self.a.session {
                    timer.answered(token.0, status);
                }
                self.answered_request(token.0, status);
            }
            other => tracing::debug!(?other, "an event that no calling leg has"),
        }
    }

    fn caller_ended(
        &mut self,
        disposition: &str,
        status: u16,
        reason: Option<&str>,
        headers: crate::call::leg::Headers,
    ) {
        self.a.variables.set("sip_hangup_disposition", disposition);
        self.a.variables.set("proto_specific_hangup_cause", &format!("sip:{status}"));
        self.a.variables.set("sip_term_status", &status.to_string());
        if let Some(reason) = reason {
            self.a.set_received("sip_reason", reason);
            for callee in &mut self.callees {
                callee.channel.set_received("sip_reason", reason);
            }
        }
        for (name, value) in headers {
            let name = format!("sip_bye_h_{name}");
            self.a.set_received(&name, &value);
            for callee in &mut self.callees {
                callee.channel.set_received(&name, &value);
            }
        }
    }

    fn ended_with(&mut self, cause: Cause, status: u16) {
        if self.a.up() {
            self.a.status = status;
            self.a.variables.set("sip_term_cause", &cause.number().to_string());
        }
        self.hangup(cause);
    }

    /// Sends something to the caller.
    pub fn tell(&mut self, command: LegCommand) {
        self.leg.send(command);
    }

    fn next_play(&mut self) -> PlayId {
        self.last_play = self.last_play.wrapping_add(1);
        PlayId(self.last_play)
    }
}
