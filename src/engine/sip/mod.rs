//! SIP: messages, transactions, dialogs, authentication (RFC 3261, 3262, 3311, 3515, 3581, 4320, 6026, 7616).
//!
//! [`Stack`] is the whole signalling engine of one shard as a deterministic machine: bytes, commands and time go in;
//! bytes, events and the next deadline come out. It owns no socket, task, clock or global randomness, so a minute of calls
//! runs in a millisecond of test and one seed always gives one run. After each input drain [`Stack::poll_send`] and
//! [`Stack::poll_event`] and ask [`Stack::next_deadline`].
//!
//! Not here: session descriptions, which are opaque bodies; name resolution (targets come resolved); who may call whom.

pub mod auth;
mod ban;
mod command;
mod config;
mod event;
mod flow;
pub mod gateway;
mod identifiers;
pub mod locate;
pub mod messages;
pub mod presence;
pub mod registrar;
mod stack;

pub use ban::{BanRules, Bans, Offence};
pub use command::{Body, Command, CommandError, Headers, Invite, LegId, LegState, Request, TxId};
pub use config::StackConfig;
pub use event::{Counts, Event, Outcome, Totals};
pub use flow::{Flow, FlowId, Target, Transmit, Transport};
pub use identifiers::{CallIds, shard_of};
pub use messages::{FrameError, Framer, HeaderId, Message, Method, NameAddr, Uri};
pub use stack::Stack;
