//! What the shard loop tells a stack.
//!
//! Header pairs given here keep order and spelling. A header that the stack writes by itself (Contact, Allow, Supported,
//! User-Agent, Max-Forwards) is replaced by a pair of that name. Via, From, To, Call-ID, CSeq, Route, Record-Route (those
//! of [`Invite`] apart) and Content-Length are the stack's alone: such pairs are skipped. Line ends inside values become
//! spaces; pairs whose name is no token are skipped.

use bytes::Bytes;

use super::flow::Target;
use super::messages::Method;

/// Header name and value, order and spelling kept.
pub type Headers = Vec<(String, String)>;

/// One leg: an INVITE dialog (with its forks) from the first message to the last. Outbound legs are numbered by the shard
/// loop below [`LegId::INBOUND`]; inbound ones by the stack from there on. A number is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId(pub u64);

impl LegId {
    /// First number of inbound legs.
    pub const INBOUND: u64 = 1 << 63;

    /// Whether the far end called us.
    pub const fn is_inbound(self) -> bool {
        self.0 >= Self::INBOUND
    }
}

/// A request of the far end that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TxId(pub u64);

/// A body and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Value of Content-Type.
    pub content_type: String,
    /// The bytes.
    pub bytes: Bytes,
}

impl Body {
    /// A session description.
    pub fn sdp(bytes: impl Into<Bytes>) -> Self {
        Self { content_type: "application/sdp".to_owned(), bytes: bytes.into() }
    }
}

/// A new outbound leg.
#[derive(Debug, Clone)]
pub struct Invite {
    /// Its number, below [`LegId::INBOUND`].
    pub leg: LegId,
    /// Request-URI.
    pub uri: String,
    /// Where to send.
    pub target: Target,
    /// From value without tag (`"Name" <sip:1000@host>`).
    pub from: String,
    /// To value without tag; absent: the Request-URI in angle brackets.
    pub to: Option<String>,
    /// Contact value; absent: our address.
    pub contact: Option<String>,
    /// Call-ID; absent: one made by the stack (which need not hash to this shard: see [`super::CallIds`]).
    pub call_id: Option<String>,
    /// Route values, first hop first.
    pub route: Vec<String>,
    /// Further headers.
    pub headers: Headers,
    /// The offer; none: the far end offers, and [`Command::Ack`] carries our answer.
    pub body: Option<Body>,
}

/// A request of ours outside any dialog.
#[derive(Debug, Clone)]
pub struct Request {
    /// Comes back in [`super::Event::Response`].
    pub token: u64,
    /// REGISTER, OPTIONS, MESSAGE …; not INVITE, ACK, CANCEL, PRACK, BYE.
    pub method: Method,
    /// Request-URI.
    pub uri: String,
    /// Where to send.
    pub target: Target,
    /// From value without tag.
    pub from: String,
    /// Our tag, of a dialog that the stack does not keep; absent: a new one.
    pub from_tag: Option<String>,
    /// To value; absent: the Request-URI in angle brackets.
    pub to: Option<String>,
    /// Call-ID; absent: one made by the stack.
    pub call_id: Option<String>,
    /// CSeq number; absent: 1. Registrations count on, and so do retries with credentials.
    pub cseq: Option<u32>,
    /// Route values, first hop first.
    pub route: Vec<String>,
    /// Further headers (Contact, Expires, Authorization …).
    pub headers: Headers,
    /// Body.
    pub body: Option<Body>,
}

/// Everything a stack can be told.
#[derive(Debug, Clone)]
pub enum Command {
    /// Outbound: calls.
    Invite(Box<Invite>),
    /// Outbound, after a [`super::Event::Failure`] by 401, 407 or 422: the same INVITE once more (same Call-ID, next
    /// CSeq). These headers are added to, or by name replace, those of the first attempt.
    Retry {
        /// Which leg.
        leg: LegId,
        /// Authorization or Proxy-Authorization, usually.
        headers: Headers,
    },
    /// Outbound, after a [`super::Event::Failure`] by 3xx: the same INVITE to another URI (same Call-ID, next CSeq).
    Retarget {
        /// Which leg.
        leg: LegId,
        /// New Request-URI.
        uri: String,
        /// Where to send.
        target: Target,
    },
    /// Inbound: 1xx.
    Provisional {
        /// Which leg.
        leg: LegId,
        /// 100..=199.
        code: u16,
        /// Standard phrase when absent.
        reason: Option<String>,
        /// Further headers.
        headers: Headers,
        /// Early media.
        body: Option<Body>,
        /// Resent until its PRACK is here (RFC 3262); the caller must know `100rel`. Without a PRACK within 64·T1:
        /// [`super::Event::AckTimeout`], and 504. Further responses and the answer wait meanwhile.
        reliable: bool,
    },
    /// Inbound: 200. Resent until the ACK is here; without one within 64·T1: [`super::Event::AckTimeout`] and BYE.
    Answer {
        /// Which leg.
        leg: LegId,
        /// Further headers.
        headers: Headers,
        /// Answer, or offer when the INVITE had none.
        body: Option<Body>,
    },
    /// Inbound: final refusal; [`super::Event::Terminated`] follows at once.
    Reject {
        /// Which leg.
        leg: LegId,
        /// 300..=699.
        code: u16,
        /// Standard phrase when absent.
        reason: Option<String>,
        /// Further headers (Reason, Contact, a challenge …).
        headers: Headers,
    },
    /// The ACK to a 2xx whose offer we answer: needed exactly when our INVITE or re-INVITE went without a body. All other
    /// ACKs are the stack's own.
    Ack {
        /// Which leg.
        leg: LegId,
        /// Our answer.
        body: Option<Body>,
    },
    /// Ends an answered leg. Waits for the ACK of our 2xx first, as RFC 3261 15 demands of a callee.
    Bye {
        /// Which leg.
        leg: LegId,
        /// Further headers (Reason …).
        headers: Headers,
    },
    /// Outbound: gives up an unanswered leg. Held until the first 1xx; a crossing 2xx is ACKed and ended by BYE, with the
    /// same headers. Ends in one [`super::Event::Failure`].
    Cancel {
        /// Which leg.
        leg: LegId,
        /// Further headers (Reason …).
        headers: Headers,
    },
    /// A new offer on an answered leg, or (no body) the wish for one. A 491 is retried once by the stack.
    Reinvite {
        /// Which leg.
        leg: LegId,
        /// Comes back in [`super::Event::Response`].
        token: u64,
        /// Further headers.
        headers: Headers,
        /// The offer.
        body: Option<Body>,
    },
    /// Any other request in the leg's dialog: UPDATE, INFO, REFER, NOTIFY, MESSAGE, OPTIONS, an extension.
    Request {
        /// Which leg.
        leg: LegId,
        /// Comes back in [`super::Event::Response`].
        token: u64,
        /// Not INVITE, ACK, BYE, CANCEL, PRACK.
        method: Method,
        /// Further headers.
        headers: Headers,
        /// Body.
        body: Option<Body>,
    },
    /// A request outside any dialog.
    Send(Box<Request>),
    /// Answers [`super::Event::InDialog`] or [`super::Event::OutOfDialog`]; 1xx may precede the final one.
    Respond {
        /// Which request.
        tx: TxId,
        /// 100..=699.
        code: u16,
        /// Standard phrase when absent.
        reason: Option<String>,
        /// Further headers.
        headers: Headers,
        /// Body.
        body: Option<Body>,
    },
    /// Requests in this leg's dialog go here from now on, whatever Contact and Route say. Without it: an IP address in
    /// the first Route or the Contact of the far end is used as it stands, and for names the address it spoke from.
    NextHop {
        /// Which leg.
        leg: LegId,
        /// Where to send.
        target: Target,
    },
}

/// Why a command was not carried out. Nothing was sent, nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No such leg (any more).
    #[error("no leg {0:?}")]
    UnknownLeg(LegId),
    /// No such request, or it has its final answer.
    #[error("no request {0:?} waits for an answer")]
    UnknownRequest(TxId),
    /// The number is taken, or belongs to the stack's own range.
    #[error("leg number {0:?} cannot be used")]
    LegTaken(LegId),
    /// The leg's state has no place for it.
    #[error("{command} does not fit leg {leg:?} in state {state:?}")]
    WrongState {
        /// Which leg.
        leg: LegId,
        /// Name of the command.
        command: &'static str,
        /// The leg's state.
        state: LegState,
    },
    /// An offer of ours or of the far end is open (glare): try again when it is closed.
    #[error("an offer is open on leg {0:?}")]
    OfferOpen(LegId),
    /// The method has a command of its own, or is the stack's.
    #[error("{0} cannot be sent by this command")]
    Method(Method),
    /// Status out of the range for this command.
    #[error("status {0} does not fit this command")]
    Status(u16),
    /// A limit of [`super::StackConfig`] is reached.
    #[error("the stack is full")]
    Full,
}

/// Where a leg stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LegState {
    /// Inbound: INVITE arrived, no final response sent.
    Incoming,
    /// Outbound: INVITE sent, no response yet.
    Calling,
    /// Outbound: at least one 1xx.
    Proceeding,
    /// Outbound: given up, final response awaited.
    Cancelling,
    /// Outbound: refused in a way that allows [`Command::Retry`] or [`Command::Retarget`].
    Refused,
    /// Answered.
    Answered,
    /// BYE is under way.
    Ending,
}
