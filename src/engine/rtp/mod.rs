//! RTP and RTCP packets, telephone events, sequence arithmetic, receiver statistics, jitter buffer (RFC 3550, RFC 4733).
//!
//! Everything here is a value or a pure machine: bytes, timestamps and instants come in as arguments. Sockets, clocks and
//! the choice of SSRC and start values belong to the media threads.
//!
//! * [`Packet`], [`Header`]: read without copying, written into the caller's buffer, rewritten in place for relays.
//! * [`Reception`]: what came, what is missing, how unevenly it came; makes the [`ReportBlock`] of a report.
//! * [`rtcp`]: SR, RR, SDES, BYE, compound packets.
//! * [`EventReceiver`], [`EventSender`]: digits as telephone events.
//! * [`JitterBuffer`]: evens out what comes unevenly, 20 to 200 ms.
//!
//! What is not here: SRTP, the jitter-driven stretching of speech.

mod event;
mod jitter;
mod packet;
mod reception;
pub mod rtcp;
mod sequence;

pub use event::{DEFAULT_DURATION, EventPacket, EventPayload, EventReceiver, EventSender, digit_of, event_of};
pub use jitter::{JitterBuffer, JitterConfig, JitterCounters, Played};
pub use packet::{HEADER_LEN, Header, Packet, RtpError, looks_like_rtcp};
pub use reception::{Arrival, Reception};
pub use rtcp::ReportBlock;
pub use sequence::{newer_sequence, newer_timestamp, sequence_distance, timestamp_distance};
