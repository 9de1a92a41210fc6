//! The engine of one shard.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

use super::command::{Command, CommandError, LegId, LegState};
use super::config::StackConfig;
use super::event::{Counts, Event, Totals};
use super::flow::{Flow, FlowId, Transmit};
use super::identifiers::Names;

/// The signalling engine of one shard. See the [module](super).
#[derive(Debug)]
pub struct Stack {
    config: StackConfig,
    names: Names,
}

impl Stack {
    /// An empty stack. The same seed and inputs give the same outputs.
    pub fn new(config: StackConfig, seed: u64) -> Self {
        Self { config, names: Names::new(seed) }
    }

    /// Takes in one datagram, or one message cut out of a stream by [`super::Framer`].
    pub fn on_datagram(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        let _ = (now, flow, bytes, &self.config, self.names.branch());
    }

    /// A stream whose next message cannot be taken ([`super::FrameError`] with a `head`): answers 513 or 400 if it was a
    /// request. Send what [`Stack::poll_send`] gives, then close the connection.
    pub fn on_frame_error(&mut self, now: Instant, flow: Flow, error: &super::FrameError) {
        let _ = (now, flow, error);
    }

    /// A connection is gone. Requests that wait for a response on it fail as if 503 had come; its responses go to a new
    /// connection.
    pub fn on_flow_closed(&mut self, now: Instant, flow: FlowId) {
        let _ = (now, flow);
    }

    /// Nothing can be sent to this address (ICMP error, refused connection): requests under way to it fail as if 503 had
    /// come.
    pub fn on_send_failed(&mut self, now: Instant, destination: SocketAddr) {
        let _ = (now, destination);
    }

    /// Runs all timers that are due.
    pub fn on_timer(&mut self, now: Instant) {
        let _ = now;
    }

    /// Carries out a command.
    pub fn command(&mut self, now: Instant, command: Command) -> Result<(), CommandError> {
        let _ = (now, command);
        Err(CommandError::Full)
    }

    /// The next message to send.
    pub fn poll_send(&mut self) -> Option<Transmit> {
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When [`Stack::on_timer`] wants to be called; may be early, never late.
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// What is held at the moment.
    pub fn counts(&self) -> Counts {
        Counts::default()
    }

    /// Running totals.
    pub fn totals(&self) -> Totals {
        Totals::default()
    }

    /// Where a leg stands; none when it is over.
    pub fn leg_state(&self, leg: LegId) -> Option<LegState> {
        let _ = leg;
        None
    }

    /// Our tag in the leg's dialogs (To of an inbound leg, From of an outbound one).
    pub fn local_tag(&self, leg: LegId) -> Option<&str> {
        let _ = leg;
        None
    }
}
