//! `switch`: a FreeSWITCH-compatible softswitch.
//!
//! Five floors; a module names only its own floor where `tests/architecture.rs` lists it, and anything from lower floors:
//!
//! * [`words`]: plain values: source text and diagnostics, vocabulary, expansion, patterns.
//! * [`engine`]: deterministic machines: XML, configuration, dialplan, SIP, SDP, RTP, audio. No clock, no socket, no task.
//! * [`call`]: call control, written against traits: channel, executor, originate, bridge, applications, Lua, records.
//! * [`edge`]: sockets, threads, files and the only real clock.
//! * [`program`]: what the binary does: server, check, phone, command line.

pub mod call;
pub mod edge;
pub mod engine;
pub mod program;
pub mod words;
