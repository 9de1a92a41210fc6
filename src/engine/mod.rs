//! Deterministic machines: time and randomness are arguments. No tokio, no sockets, no threads.

pub mod audio;
pub mod config;
pub mod dialplan;
pub mod event_socket;
pub mod rtp;
pub mod sdp;
pub mod sip;
pub mod xml;
