//! One port: its sockets, its stream, what it plays, whom it is joined with. Owned by one thread.

mod keys;
mod mix;
mod playback;
mod receive;
mod record;
mod reports;
mod shape;
mod stream;
mod transmit;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::call::media::{MediaCommand, MediaEvent, PlayEnd, PlaySource, StreamSetup};
use crate::engine::audio::AudioCodec;
use crate::engine::rtp::{EventReceiver, Reception};

use super::clock::Micros;
use super::engine::Engine;
use super::outgoing::Outgoing;
use super::pair::Pair;
use super::player::Player;
use super::shared::{Order, Shared};
use keys::Keys;
use mix::Mix;
use playback::Playback;
pub(super) use receive::{Forward, Kind};
use record::Record;
use reports::Reports;
use shape::Shape;
use stream::{Route, Stream};

/// A port.
pub(super) struct Port {
    pub(super) shared: Arc<Shared>,
    pub(super) pair: Pair,
    /// Slot of the port it is joined with, on the same thread.
    pub(super) peer: Option<usize>,
    /// Time for which the thread has it in its list of times.
    pub(super) armed: Option<Micros>,
    /// Its audio does not wake the thread.
    pub(super) quiet: bool,
    stream: Option<Stream>,
    /// How audio of the peer becomes ours.
    route: Route,
    echo: bool,
    idle: bool,
    muted: bool,

    reception: Reception,
    events: EventReceiver,
    /// When a digit without an end is taken as ended.
    event_due: Option<Micros>,
    /// When the far end was last heard; at first, when the stream began.
    heard: Micros,
    silence_told: bool,
    first_told: bool,
    /// Packets were kept from the peer: relaying begins anew with the next.
    withheld: bool,

    out: Outgoing,
    keys: Keys,
    play: Option<Playback>,
    /// When the next own frame is due; none while there is nothing of our own to send.
    tick: Option<Micros>,
    /// Whether the next own frame begins anew.
    fresh: bool,
    sent: u64,
    sent_octets: u64,
    reports: Reports,
    records: Vec<Record>,
    /// The samples of a payload, while somebody listens.
    samples: Vec<i16>,
    shape: Shape,
    mix: Mix,
}

/// State of a playback.
enum Playing {
    /// For the stream.
    Waiting(PlaySource),
    /// A loader is at it.
    Loading(&'static AudioCodec),
    /// It sounds.
    Running(Player),
}

impl Port {
    pub(super) fn new(shared: Arc<Shared>, pair: Pair, now: Micros) -> Self {
        Self {
            shared,
            pair,
            peer: None,
            armed: None,
            quiet: false,
            stream: None,
            route: Route::None,
            echo: false,
            idle: false,
            muted: false,
            reception: Reception::default(),
            events: EventReceiver::default(),
            event_due: None,
            heard: now,
            silence_told: false,
            first_told: false,
            withheld: false,
            out: Outgoing::new(rand::random(), rand::random(), rand::random()),
            keys: Keys::default(),
            play: None,
            tick: None,
            fresh: true,
            sent: 0,
            sent_octets: 0,
            reports: Reports::default(),
            records: Vec::new(),
            samples: Vec::new(),
            shape: Shape::default(),
            mix: Mix::default(),
        }
    }

    /// Reads one datagram; none: nothing waits.
    pub(super) fn read(&self, rtcp: bool, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let socket = if rtcp { self.pair.rtcp()? } else { &self.pair.rtp };
        loop {
            match socket.recv_from(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Filled to the brim: it was cut, and is no audio of ours.
                read => return read.ok().filter(|(len, _)| *len < buffer.len()),
            }
        }
    }

    /// Carries out an order.
    pub(super) fn obey(&mut self, order: Order, engine: &Arc<Engine>, now: Micros) {
        match order {
            Order::Command(command) => self.command(command, engine, now),
            Order::Loaded(id, result) => {
                if let Some(result) = self.displaced(id, result) {
                    self.loaded(id, result, now);
                }
            }
        }
        self.update_clock(now);
    }

    fn command(&mut self, command: MediaCommand, engine: &Arc<Engine>, now: Micros) {
        match command {
            MediaCommand::Setup(setup) => self.setup(&setup, engine, now),
            MediaCommand::Play { id, source } => self.play(id, source, engine, now),
            MediaCommand::Stop { id } => self.stop_play(id),
            MediaCommand::Steer { id, by } => self.steer_play(id, by),
            MediaCommand::Echo(on) => self.echo = on,
            MediaCommand::IdleSilence(on) => self.idle = on,
            MediaCommand::SendDtmf { digits, duration } => self.send_digits(&digits, duration),
            MediaCommand::Mute(on) => self.muted = on,
            MediaCommand::Level { lane, level } => self.set_level(lane, level),
            MediaCommand::Hear { from } => self.hear_from(&from, engine),
            MediaCommand::Displace { id, what } => self.displace(id, what, engine, now),
            MediaCommand::EndDisplace { id } => self.end_displacement(id),
            MediaCommand::Listen(on) => self.listen(on),
            MediaCommand::WatchTone { id, spec } => self.watch_tone(id, &spec, now),
            MediaCommand::ForgetTones => self.forget_tones(),
            MediaCommand::Record { id, spec } => self.begin_record(id, *spec, engine, now),
            MediaCommand::StopRecord { id } => self.stop_record(id, now),
            MediaCommand::ChangeRecord { id, change } => self.change_record(id, change, now),
            // Seen to by the handle and the thread.
            MediaCommand::Join { .. } | MediaCommand::Part => {}
        }
    }

    /// Digits for a far end that knows no events are not sent; one that is not known yet may.
    fn send_digits(&mut self, digits: &str, duration: u32) {
        if self.stream.as_ref().is_none_or(|stream| stream.dtmf.is_some()) {
            self.keys.push(digits, duration);
        }
    }

    fn setup(&mut self, setup: &StreamSetup, engine: &Arc<Engine>, now: Micros) {
        let stream = Stream::new(setup, self.stream.take(), now);
        self.out.set_clock(stream.clock, stream.units);
        if !stream.latch.is_locked() {
            self.first_told = false;
        }
        if stream.dtmf.is_none() {
            self.keys.clear();
        }
        (self.heard, self.silence_told, self.fresh) = (now, false, true);
        self.stream = Some(stream);
        self.reshape();
        if !setup.raw {
            self.begin_reports(now);
        }
        self.begin_play(engine, now);
    }

    /// Joined with the port in another slot of the thread.
    pub(super) fn join(&mut self, slot: usize, other: &Port, now: Micros) {
        self.peer = Some(slot);
        self.route_from(other);
        self.update_clock(now);
    }

    /// Computes how the peer's audio becomes ours, when either has another codec.
    pub(super) fn route_from(&mut self, other: &Port) {
        self.route = match (&self.stream, &other.stream) {
            (Some(own), Some(other)) => own.route_from(other),
            _ => Route::None,
        };
    }

    /// No longer joined.
    pub(super) fn part(&mut self, now: Micros) {
        self.peer = None;
        self.out.end_relay();
        self.update_clock(now);
    }

    /// Slot whose port sends on what this one receives.
    pub(super) fn target(&self, own: usize) -> Option<usize> {
        if self.echo { Some(own) } else { self.peer }
    }

    /// Sends on a packet of the peer, or its own when it echoes.
    pub(super) fn relay(&mut self, datagram: &mut [u8], forward: &Forward, now: Micros) {
        let route = if self.echo { Route::Same } else { self.route };
        self.pass_on(datagram, forward, route, now);
    }

    /// The next time at which something is to be done.
    pub(super) fn next_due(&self) -> Option<Micros> {
        [self.tick, self.silence_due(), self.reports.due, self.event_due, self.records_due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due.
    pub(super) fn run(&mut self, now: Micros, scratch: &mut Vec<u8>) {
        self.run_clock(now, scratch);
        if self.event_due.is_some_and(|due| due <= now) {
            self.expire_event();
        }
        if self.silence_due().is_some_and(|due| due <= now) {
            self.silence_told = true;
            self.shared.tell(MediaEvent::Timeout);
        }
        if self.reports.due.is_some_and(|due| due <= now) {
            self.report(now);
        }
        if self.records_due().is_some_and(|due| due <= now) {
            self.write_records(now);
        }
    }

    /// Ends everything, before it is dropped.
    pub(super) fn close(&mut self, now: Micros) {
        self.end_play(PlayEnd::Stopped);
        self.end_records(now);
        self.send_goodbye(now);
        self.shared.close();
    }

    /// When the far end's silence is to be told.
    fn silence_due(&self) -> Option<Micros> {
        let stream = self.stream.as_ref().filter(|stream| stream.receive && !self.silence_told)?;
        stream.timeout.map(|timeout| self.heard + timeout)
    }

    /// Starts or stops the clock, as what there is to send wants it.
    fn update_clock(&mut self, now: Micros) {
        if !self.wants_clock() {
            self.tick = None;
        } else if self.tick.is_none() {
            (self.tick, self.fresh) = (Some(now), true);
        }
    }

    /// Whether what it receives may wait for its next own frame.
    pub(super) fn wants_quiet(&self) -> bool {
        self.tick.is_some() && self.peer.is_none() && !self.echo
    }

    fn wants_clock(&self) -> bool {
        let running = matches!(&self.play, Some(Playback { playing: Playing::Running(_), paused: false, .. }));
        self.stream.is_some() && (self.keys.active() || running || self.is_idle() || self.mixes())
    }

    /// Whether silence is to be sent when nothing else is.
    fn is_idle(&self) -> bool {
        self.idle && self.peer.is_none() && !self.echo
    }
}
