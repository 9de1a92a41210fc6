//! The wire form of the event socket: requests out of bytes, and the frames that answer them (spec: event socket, 2).
//!
//! A request is lines up to a blank one: the command, headers, and a body when `Content-Length` says so. Lines end with
//! LF, CR LF or both; blank lines before a command are skipped.

mod reply;
mod request;

pub use reply::{api_response, command_reply, disconnect_notice, event_head};
pub use request::{Refused, Request, Requests};
