//! The scripted phone behind `switch call`, `switch demo` and the end-to-end tests: a caller and a far end that do what a
//! plan says and report all that happened on the wire.
//!
//! It shares no SIP, SDP, RTP or codec code with the switch, so that a mistake there cannot hide behind the same mistake
//! here. It is not a telephone for people: no registration, no sound card, one call at a time per [`Phone`].
//!
//! ```no_run
//! # async fn example() -> Result<(), switch::program::phone::PhoneError> {
//! use switch::program::phone::{CallPlan, Phone};
//!
//! let phone = Phone::bind([127, 0, 0, 1].into());
//! let report = phone.call(CallPlan::to("sip:9196@127.0.0.1:5060")).await?;
//! println!("{:?} after {:.1} s of audio", report.status, report.heard.seconds());
//! # Ok(())
//! # }
//! ```

mod audio;
mod caller;
mod compare;
mod dialog;
mod digest;
mod far_end;
mod far_script;
mod g711;
mod line;
mod message;
mod offer;
mod rtp;
mod sound;

pub use audio::{AudioPort, Heard, Stream};
pub use caller::{CallEnd, CallPlan, CallReport, Phone, PhoneError, Response, resolve};
pub use compare::{Found, Prompts, SAME, find, loud_seconds, rms, tone_share};
pub use digest::Credentials;
pub use far_end::{FarEnd, FarEndOf, FarReport};
pub use far_script::{FarResponse, FarScript, FarStep};
pub use g711::Codec;
pub use line::Transport;
pub use message::{Message, MessageError, Reason, parameter, uri_of, user_of};
pub use sound::{FRAME, RATE, Sound, SoundError, read_wav, write_wav};
