//! What a stack tells the shard loop.

use std::sync::Arc;

use super::command::{LegId, TxId};
use super::flow::Flow;
use super::messages::{Message, Method};

/// How a request of ours ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// By a final response.
    Response(Arc<Message>),
    /// No final response in time; behaves as a received 408.
    Timeout,
    /// It could not be sent; behaves as a received 503.
    Transport,
    /// INVITE only: a 2xx crossed our CANCEL and was ended by ACK and BYE.
    Cancelled,
}

/// Everything a stack can tell. A leg ends in exactly one [`Event::Failure`] (outbound, never answered) or
/// [`Event::Terminated`] (all others); nothing about it follows. After a `Failure` by 3xx, 401, 407 or 422 the loop may
/// give [`super::Command::Retry`] or [`super::Command::Retarget`] within 64·T1, which opens the leg again.
#[derive(Debug, Clone)]
pub enum Event {
    /// A new inbound leg; its 100 is out when so configured.
    Invite {
        /// Number given by the stack.
        leg: LegId,
        /// The INVITE.
        request: Arc<Message>,
        /// Where it came from.
        flow: Flow,
    },
    /// Inbound: the caller gave up before the answer. 200 to the CANCEL and 487 to the INVITE are out;
    /// [`Event::Terminated`] follows.
    Cancelled {
        /// Which leg.
        leg: LegId,
        /// The CANCEL (Reason).
        request: Arc<Message>,
    },
    /// The ACK to a 2xx of ours (INVITE or re-INVITE), first copy only; its body may be the answer to our offer.
    AckReceived {
        /// Which leg.
        leg: LegId,
        /// The ACK.
        request: Arc<Message>,
    },
    /// Our 2xx was never acknowledged, or a reliable 1xx; the stack sends BYE, or 504, and [`Event::Terminated`] follows.
    AckTimeout {
        /// Which leg.
        leg: LegId,
    },
    /// Outbound: a 1xx, 100 included. Reliable ones are acknowledged (PRACK) and reported once.
    Provisional {
        /// Which leg.
        leg: LegId,
        /// Which early dialog, counted from 0 in order of appearance; 0 for a 1xx without To tag.
        fork: u32,
        /// The response.
        response: Arc<Message>,
        /// Where it came from.
        flow: Flow,
    },
    /// Outbound: answered by a 2xx. The ACK is out unless the INVITE had no body. 2xx of further forks are ended silently.
    Success {
        /// Which leg.
        leg: LegId,
        /// Which dialog.
        fork: u32,
        /// The response.
        response: Arc<Message>,
        /// Where it came from.
        flow: Flow,
    },
    /// Outbound: not answered. The last event of the leg, see above.
    Failure {
        /// Which leg.
        leg: LegId,
        /// How.
        outcome: Outcome,
    },
    /// The far end hung up; its 200 is out, [`Event::Terminated`] follows. On an inbound leg it may come before the
    /// answer: the INVITE then got its 487.
    Bye {
        /// Which leg.
        leg: LegId,
        /// The BYE (Reason).
        request: Arc<Message>,
    },
    /// A request in the dialog that wants [`super::Command::Respond`]: re-INVITE, UPDATE, INFO, REFER, NOTIFY, MESSAGE,
    /// OPTIONS, extensions listed in Allow.
    InDialog {
        /// Which leg.
        leg: LegId,
        /// To answer it.
        tx: TxId,
        /// The request.
        request: Arc<Message>,
    },
    /// A request outside any dialog that wants [`super::Command::Respond`]: REGISTER, OPTIONS, MESSAGE, NOTIFY …; and a
    /// SUBSCRIBE within a subscription, whose dialogs the stack does not keep.
    OutOfDialog {
        /// To answer it.
        tx: TxId,
        /// The request.
        request: Arc<Message>,
        /// Where it came from.
        flow: Flow,
    },
    /// A request of ours (re-INVITE included) has its final outcome.
    Response {
        /// The leg, for a request in a dialog.
        leg: Option<LegId>,
        /// As given with the command.
        token: u64,
        /// The method.
        method: Method,
        /// How it ended.
        outcome: Outcome,
    },
    /// The leg is over.
    Terminated {
        /// Which leg.
        leg: LegId,
    },
}

/// What a stack holds at the moment; all zero when nothing is left over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Client transactions.
    pub client_transactions: usize,
    /// Server transactions.
    pub server_transactions: usize,
    /// Legs.
    pub legs: usize,
    /// Early and confirmed dialogs of those legs.
    pub dialogs: usize,
    /// Events not yet fetched.
    pub events: usize,
    /// Messages not yet fetched.
    pub sends: usize,
}

/// Running totals since the start, for metrics and logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages taken in.
    pub received: u64,
    /// Messages sent, retransmissions included.
    pub sent: u64,
    /// Retransmissions sent.
    pub resent: u64,
    /// Bytes that were no SIP message at all, or a response or ACK nobody waits for.
    pub ignored: u64,
    /// Requests refused by the stack itself for their form (400, 416, 420, 505, 513 …).
    pub malformed: u64,
    /// Requests refused for lack of room (503).
    pub overload: u64,
}
