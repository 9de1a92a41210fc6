//! SDP: the text (RFC 8866), read leniently and written in order, and offer/answer (RFC 3264) for one audio stream.
//!
//! The text layer knows nothing of codecs; [`SessionDescription::agree`], [`SessionDescription::offer`] and
//! [`SessionDescription::answer`] know nothing of sockets. A new codec is a row in [`CODECS`].
//!
//! What is not here: video, SRTP keys, ICE. Their lines are kept by the text layer; their sections are rejected in an
//! answer.
//!
//! ```
//! use switch::engine::sdp::{Codec, Direction, Local, Preference, SessionDescription};
//! let offer = SessionDescription::parse(
//!     b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n",
//! ).unwrap();
//! let (ours, unknown) = Codec::list("OPUS,PCMU,PCMA@30i");
//! assert_eq!(unknown, ["OPUS"]);
//! let agreed = offer.agree(&ours, Preference::Generous).unwrap();
//! assert_eq!((agreed.codec.info.name, agreed.payload, agreed.dtmf), ("PCMA", 8, Some(101)));
//! let local = Local {
//!     name: "switch".to_owned(),
//!     session: 1,
//!     version: 1,
//!     address: "192.0.2.9:16384".parse().unwrap(),
//!     dtmf: Some(101),
//!     direction: Direction::SendRecv,
//! };
//! let answer = offer.answer(&local, &agreed).to_string();
//! assert!(answer.contains("m=audio 16384 RTP/AVP 8 101\r\n"));
//! ```

mod codec;
mod negotiate;
mod text;

pub use codec::{CODECS, Codec, CodecInfo, valid_ptime};
pub use negotiate::{Agreed, Local, NoAgreement, Preference};
pub use text::{Direction, Line, MediaSection, SdpError, SessionDescription};
