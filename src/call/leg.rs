//! The seam to signalling: what a leg tells its call, what a call tells a leg, and how legs are made.
//!
//! A *leg* is one side of a call. Implementations: SIP (`edge::endpoint::sip`), loopback, null, and the scripted legs of
//! tests. Nothing here knows SIP messages; statuses and header pairs are the vocabulary both sides share.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::call::media::MediaEvent;
use crate::call::registry::Question;
use crate::words::model::{CallerProfile, Cause, Variables};

/// Header name and value, order and spelling kept.
pub type Headers = Vec<(String, String)>;

/// Capacity of a call's event queue. A call that is told more than this before it can look is ended.
pub const CALL_QUEUE: usize = 256;

/// A leg of one call; unique within that call only. The A leg is [`LegId::A`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId(pub u32);

impl LegId {
    /// The leg that runs the dialplan.
    pub const A: LegId = LegId(0);
}

/// Everything a call task can be told.
#[derive(Debug)]
pub enum CallEvent {
    /// Signalling.
    Leg {
        /// Which leg it concerns.
        leg: LegId,
        /// What happened.
        event: LegEvent,
    },
    /// Media of one leg.
    Media {
        /// Which leg it concerns.
        leg: LegId,
        /// What happened.
        event: MediaEvent,
    },
    /// The switch wants the call gone (shutdown, `uuid_kill`).
    Hangup(Cause),
    /// Another call, or a client, asks something about one of the call's channels.
    Ask(Question),
}

/// The sending end of a call's queue, stamped with one leg. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EventSink {
    leg: LegId,
    queue: mpsc::Sender<CallEvent>,
    state: Arc<QueueState>,
}

/// What all sinks of a call share.
#[derive(Debug, Default)]
struct QueueState {
    /// An event was lost because the queue was full.
    overflow: AtomicBool,
    /// Questions that were put to the call.
    asked: AtomicU64,
}

impl EventSink {
    /// A queue for one call: the sink of its A leg, and the receiving end.
    pub fn new() -> (Self, mpsc::Receiver<CallEvent>) {
        let (queue, receiver) = mpsc::channel(CALL_QUEUE);
        (Self { leg: LegId::A, queue, state: Arc::default() }, receiver)
    }

    /// The same queue, stamped with another leg.
    #[must_use]
    pub fn for_leg(&self, leg: LegId) -> Self {
        Self { leg, ..self.clone() }
    }

    /// The leg that this sink is stamped with.
    pub fn leg(&self) -> LegId {
        self.leg
    }

    /// Tells the call something about this leg. Never waits; a full queue marks the call as overflowed, which ends it.
    pub fn signal(&self, event: LegEvent) {
        self.put(CallEvent::Leg { leg: self.leg, event });
    }

    /// Tells the call something about this leg's media.
    pub fn media(&self, event: MediaEvent) {
        self.put(CallEvent::Media { leg: self.leg, event });
    }

    /// Tells the call to end.
    pub fn hangup(&self, cause: Cause) {
        self.put(CallEvent::Hangup(cause));
    }

    /// Asks the call something. When it does not take the question its answer never comes.
    pub fn ask(&self, question: Question) {
        self.state.asked.fetch_add(1, Ordering::AcqRel);
        self.put(CallEvent::Ask(question));
    }

    /// How many questions were put to the call.
    pub fn asked(&self) -> u64 {
        self.state.asked.load(Ordering::Acquire)
    }

    /// Whether the call's task is gone.
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Waits until the call's task is gone.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }

    /// Whether an event was lost because the queue was full; the call ends itself when it sees this.
    pub fn overflowed(&self) -> bool {
        self.state.overflow.load(Ordering::Relaxed)
    }

    fn put(&self, event: CallEvent) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(event) {
            self.state.overflow.store(true, Ordering::Relaxed);
        }
    }
}

/// Answers an in-dialog request that the far end waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestToken(pub u64);

/// A Contact of a redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectContact {
    /// The URI without angle brackets.
    pub uri: String,
    /// User part; may be empty.
    pub user: String,
    /// Host part.
    pub host: String,
    /// URI and header parameters as written.
    pub params: String,
    /// Whether the host is one of our own addresses or a directory domain.
    pub local: bool,
}

/// What a leg tells its call.
#[derive(Debug)]
pub enum LegEvent {
    /// B: 1xx other than 100, in order. A body with SDP is early media.
    Progress {
        /// 101..=199.
        status: u16,
        /// Phrase on the wire.
        phrase: String,
        /// Headers worth showing to the dialplan (`X-`, `P-`, … as the endpoint decides), spelled as received.
        headers: Headers,
        /// SDP of the response.
        sdp: Option<Bytes>,
    },
    /// B: 2xx. The endpoint has sent the ACK already, except when the INVITE went without SDP.
    Answered {
        /// Phrase on the wire.
        phrase: String,
        /// As in [`LegEvent::Progress`].
        headers: Headers,
        /// SDP of the answer; empty when it came with an early response and is not repeated.
        sdp: Option<Bytes>,
        /// The session has to be refreshed.
        session: Option<SessionInterval>,
    },
    /// B: 300, 301, 302, 305. The call decides: [`LegCommand::Retarget`], or give up.
    Redirected {
        /// The status.
        status: u16,
        /// Phrase on the wire.
        phrase: String,
        /// Contacts in order of preference.
        contacts: Vec<RedirectContact>,
        /// Diversion header, when present.
        diversion: Option<String>,
    },
    /// B: the leg is over before an answer.
    Failed(Failure),
    /// The far end ended an answered leg.
    Bye {
        /// Whole Reason header.
        reason: Option<String>,
        /// As in [`LegEvent::Progress`].
        headers: Headers,
    },
    /// A: the caller gave up before the answer. The endpoint has answered 200 and 487 is the call's to send
    /// ([`LegCommand::Reject`] with 487).
    Cancelled {
        /// Whole Reason header.
        reason: Option<String>,
        /// As in [`LegEvent::Progress`].
        headers: Headers,
    },
    /// A: the ACK of our 2xx; with SDP when we offered in the 2xx.
    Acked {
        /// The answer to our offer.
        sdp: Option<Bytes>,
    },
    /// B: it is a placeholder, and this channel of another call takes its place.
    PickedUp {
        /// Uuid of the channel.
        by: Arc<str>,
    },
    /// The leg died under us: no ACK for 32 s, a re-INVITE answered 408/481, the transport broke.
    Lost(Cause),
    /// The far end sends a new offer (re-INVITE or UPDATE), or asks for one (no SDP).
    Reoffer {
        /// To answer it.
        token: RequestToken,
        /// `INVITE`, `UPDATE` or `PRACK`.
        method: &'static str,
        /// The offer.
        sdp: Option<Bytes>,
        /// Value of Session-Expires, when it has one.
        session: Option<String>,
    },
    /// Another in-dialog request: INFO, REFER, NOTIFY, MESSAGE, OPTIONS.
    Request {
        /// To answer it.
        token: RequestToken,
        /// The method.
        method: String,
        /// All headers.
        headers: Headers,
        /// Content-Type, lower case, without parameters.
        content_type: String,
        /// The body.
        body: Bytes,
    },
    /// The final answer to a request of ours ([`LegCommand::Reinvite`], [`LegCommand::Request`]).
    Response {
        /// The token given with the command.
        token: RequestToken,
        /// Final status.
        status: u16,
        /// Phrase on the wire.
        phrase: String,
        /// SDP of a 2xx.
        sdp: Option<Bytes>,
        /// Min-SE of a 422, seconds.
        min_se: Option<u32>,
    },
}

/// How a called leg failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// The status that counts: received, or synthesised (408 no reply, 503 transport).
    pub status: u16,
    /// Phrase on the wire, or the standard one.
    pub phrase: String,
    /// Whole Reason header of the response.
    pub reason: Option<String>,
    /// As in [`LegEvent::Progress`].
    pub headers: Headers,
    /// A challenge we have no credentials for (MANDATORY_IE_MISSING, no pass-through code).
    pub no_credentials: bool,
    /// Set when the endpoint knows the cause better than the status tells.
    pub cause: Option<Cause>,
}

/// What a call tells a leg. Commands that do not fit the leg's state are ignored with a debug line.
#[derive(Debug)]
pub enum LegCommand {
    /// A: 1xx.
    Provisional {
        /// 100..=199.
        status: u16,
        /// Standard phrase when absent.
        phrase: Option<String>,
        /// Extra headers.
        headers: Headers,
        /// Early media.
        sdp: Option<Bytes>,
    },
    /// A: 200.
    Answer {
        /// Extra headers.
        headers: Headers,
        /// Answer, or offer when the INVITE had none.
        sdp: Option<Bytes>,
    },
    /// A: final refusal.
    Reject {
        /// 300..=699.
        status: u16,
        /// Standard phrase when absent.
        phrase: Option<String>,
        /// Extra headers (Reason, Contact, …).
        headers: Headers,
        /// Put a digest challenge for this realm into it (empty: the To host).
        challenge: Option<String>,
    },
    /// Ends an answered leg.
    Bye {
        /// Extra headers (Reason, …).
        headers: Headers,
    },
    /// B: gives up an unanswered leg. The endpoint waits for the first 1xx by itself and ends a crossing 2xx.
    Cancel {
        /// Extra headers (Reason, …).
        headers: Headers,
    },
    /// B: sends the INVITE to another URI (after [`LegEvent::Redirected`]).
    Retarget {
        /// The new Request-URI.
        uri: String,
    },
    /// B: the ACK of a 2xx whose offer we answer (the INVITE went without SDP).
    Ack {
        /// Our answer.
        sdp: Option<Bytes>,
    },
    /// A new offer of ours.
    Reinvite {
        /// Comes back in [`LegEvent::Response`].
        token: RequestToken,
        /// Extra headers.
        headers: Headers,
        /// The offer; none asks the far end for one.
        sdp: Option<Bytes>,
    },
    /// Another in-dialog request of ours.
    Request {
        /// Comes back in [`LegEvent::Response`].
        token: RequestToken,
        /// The method.
        method: &'static str,
        /// Extra headers.
        headers: Headers,
        /// Content-Type.
        content_type: String,
        /// Body.
        body: Bytes,
    },
    /// Answers [`LegEvent::Reoffer`] or [`LegEvent::Request`].
    Respond {
        /// Which one.
        token: RequestToken,
        /// Final status.
        status: u16,
        /// Extra headers.
        headers: Headers,
        /// SDP of the answer.
        sdp: Option<Bytes>,
    },
}

/// One leg's signalling. Dropping it ends the leg as the state demands (CANCEL, BYE, 480).
pub trait Leg: Send {
    /// Hands over a command; never waits.
    fn send(&mut self, command: LegCommand);
}

/// What an endpoint says about the sessions of its callers (RFC 4028).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionRules {
    /// Off: no timer is asked for or granted.
    pub enabled: bool,
    /// Seconds that we ask for; 0: none unless the far end asks.
    pub interval_s: u32,
    /// The shortest that we take, seconds.
    pub shortest_s: u32,
}

/// A session timer as it was agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionInterval {
    /// The session ends this long after its last refresh.
    pub seconds: u32,
    /// It is up to us to refresh.
    pub ours: bool,
}

/// What the media of a leg needs to know from its endpoint.
#[derive(Debug, Clone)]
pub struct MediaParams {
    /// Address our RTP sockets bind to.
    pub bind: IpAddr,
    /// Address we put into SDP (differs from `bind` behind NAT).
    pub advertise: IpAddr,
    /// Codec preferences for this direction, `NAME[@RATEh][@PTIMEi]` comma list.
    pub codecs: Arc<str>,
    /// `generous`, `greedy` or `scrooge`.
    pub negotiation: Arc<str>,
    /// Payload number we offer for telephone events.
    pub dtmf_payload: u8,
    /// Seconds without RTP after which an answered leg ends; 0 never.
    pub rtp_timeout_s: u32,
    /// The same while held.
    pub rtp_hold_timeout_s: u32,
    /// A caller may leave the offer to us.
    pub late_offers: bool,
}

/// A call that came in: everything the call task starts from.
pub struct Incoming {
    /// The caller's leg.
    pub leg: Box<dyn Leg>,
    /// Sink of the A leg (further legs get [`EventSink::for_leg`]).
    pub sink: EventSink,
    /// The call's queue.
    pub events: mpsc::Receiver<CallEvent>,
    /// Who calls whom; `uuid`, `chan_name`, `source`, `context`, `dialplan` are filled in.
    pub profile: CallerProfile,
    /// Variables of the channel from the start (`sip_*`, directory variables).
    pub variables: Variables,
    /// The caller's offer; none: late offer.
    pub offer: Option<Bytes>,
    /// Media settings of the profile; none: the leg has no media (loopback without, null).
    pub media: Option<MediaParams>,
    /// What its endpoint says about session timers.
    pub session: SessionRules,
    /// Start value of the hop counter (`Max-Forwards`).
    pub max_forwards: u32,
    /// `inbound`, or `outbound` for a leg that was originated and then routed.
    pub direction: &'static str,
    /// Microseconds since 1970 at which the INVITE arrived.
    pub received_us: u64,
}

/// One leg to be dialled.
#[derive(Debug)]
pub struct DialRequest<'a> {
    /// Endpoint name, `sofia`, as written.
    pub endpoint: &'a str,
    /// Text after the first slash; `service` when empty.
    pub destination: &'a str,
    /// The merged variables for leg creation (`{}` overridden by `[]`), and A's `sip_h_*` when they are copied.
    pub variables: &'a Variables,
    /// The caller's profile; none for an originate without A.
    pub a_profile: Option<&'a CallerProfile>,
    /// The caller's variables.
    pub a_variables: Option<&'a Variables>,
    /// Uuid for the new channel.
    pub uuid: &'a str,
    /// Hops left for the new leg.
    pub max_forwards: u32,
    /// Caller id that B shall see, by the rules of originate.
    pub caller_id_name: &'a str,
    /// As above, the number.
    pub caller_id_number: &'a str,
}

/// What dialling a leg came to.
pub enum Prepared {
    /// A leg ready to start.
    Leg(Box<dyn PreparedLeg>),
    /// The endpoint stands for another dial string (`user/`, `group/`).
    Nested {
        /// Dial string, to be expanded in A's scope.
        dial_string: String,
        /// Variables for its B legs, overriding (`dial-var-*`).
        variables: Vec<(String, String)>,
        /// Set on A before the expansion (`dialed_user`, `dialed_domain`).
        a_variables: Vec<(String, String)>,
        /// Set on the B legs once they exist (`<variables>` of the user).
        callee_variables: Vec<(String, String)>,
        /// A false word in this variable of the `{}` level keeps that level from the nested legs.
        recurse: &'static str,
    },
}

/// A leg that exists but has not sent anything yet.
pub trait PreparedLeg: Send {
    /// Name of the channel, `sofia/internal/1000@host`.
    fn channel_name(&self) -> String;
    /// Media settings; none: the leg has no media of its own.
    fn media(&self) -> Option<MediaParams>;
    /// Whether the leg only keeps a place for somebody else: it alone does not keep an originate going, and leaves no record.
    fn is_placeholder(&self) -> bool {
        false
    }
    /// Sends the INVITE (or whatever starts the leg).
    fn start(self: Box<Self>, offer: Option<Bytes>, sink: EventSink) -> Started;
}

/// A leg that was started.
pub struct Started {
    /// Its signalling.
    pub leg: Box<dyn Leg>,
    /// Variables that exist from the start (`sip_call_id`, `sip_to_uri` …).
    pub variables: Vec<(String, String)>,
}

/// Makes outgoing legs. One implementation dispatches by endpoint name.
pub trait LegFactory: Send + Sync {
    /// Prepares one leg; the error is the cause of a failed creation (unknown endpoint: CHAN_NOT_IMPLEMENTED).
    fn prepare(&self, request: &DialRequest<'_>) -> Result<Prepared, Cause>;

    /// What dials the telephones that a user has registered, oldest first; endpoints without registrations have none.
    fn contacts(&self, _query: &ContactQuery<'_>) -> Vec<String> {
        Vec::new()
    }
}

/// Whose registrations are asked for.
#[derive(Debug, Clone, Copy)]
pub struct ContactQuery<'a> {
    /// On this profile only; a domain stands for all.
    pub profile: Option<&'a str>,
    /// The user.
    pub user: &'a str,
    /// Its domain.
    pub domain: &'a str,
    /// Pattern that User-Agent must match.
    pub user_agent: Option<&'a str>,
}
