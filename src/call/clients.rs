//! Programs that take over a call: the application `socket`.

use std::sync::Arc;

use tokio::sync::oneshot;

/// A channel that a program is to control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controlled {
    /// Uuid of the channel.
    pub uuid: Arc<str>,
    /// `host:port` of the programs, in the order they are tried.
    pub hosts: Vec<String>,
    /// The channel is parked, and what the program asks is queued.
    pub asynchronous: bool,
    /// The program may give every command, not only those about its channel.
    pub full: bool,
}

/// Reaches programs.
pub trait Clients: Send + Sync {
    /// Connects to the first program that listens and has it control the channel. A dropped sender: none does; else the
    /// end of the conversation.
    fn lend(&self, controlled: Controlled) -> oneshot::Receiver<oneshot::Receiver<()>>;
}

/// There are no programs: the switch of a rehearsal.
#[derive(Debug, Default)]
pub struct NoClients;

impl Clients for NoClients {
    fn lend(&self, _: Controlled) -> oneshot::Receiver<oneshot::Receiver<()>> {
        oneshot::channel().1
    }
}
