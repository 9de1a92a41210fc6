//! SIP messages shown to people: all of them, or those of a profile, in the log; those of one call in a file.
//!
//! While nothing is traced a message costs one read of a flag. A traced one is copied to the thread that writes; what that
//! cannot take is left out and counted. Answers to digest challenges are masked.

mod file;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use memchr::memmem;

use super::listeners::Listeners;
use super::peek;
use crate::call::administration::TraceOrder;
use crate::engine::sip::Transport;
use file::{Packet, Writer};

/// Call-IDs that are followed at a time.
const MAX_FOLLOWED: usize = 256;
/// Calls that are waited for at a time.
const MAX_AWAITED: usize = 16;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It came.
    In,
    /// It leaves.
    Out,
}

/// A message and its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) way: Way,
    pub(super) transport: Transport,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) bytes: &'a Bytes,
}

/// What is traced.
pub(super) struct Trace {
    /// Anything is.
    active: AtomicBool,
    /// Everything goes to the log.
    global: AtomicBool,
    /// So does what a profile sends and receives; in their order.
    profiles: Vec<AtomicBool>,
    calls: Mutex<Calls>,
    writer: Writer,
    left_out: AtomicU64,
}

/// Calls that are traced into files.
#[derive(Default)]
struct Calls {
    /// File names by Call-ID.
    followed: HashMap<Vec<u8>, String>,
    /// Number and file name of calls that are waited for.
    awaited: VecDeque<(String, String)>,
}

impl Calls {
    fn follow(&mut self, call_id: &[u8], file: String) -> Result<(), String> {
        if self.followed.len() >= MAX_FOLLOWED && !self.followed.contains_key(call_id) {
            return Err("too many calls are traced".to_owned());
        }
        self.followed.insert(call_id.to_vec(), file);
        Ok(())
    }
}

impl Trace {
    /// Nothing is traced; files will lie in this folder.
    pub(super) fn new(profiles: usize, folder: PathBuf) -> Self {
        Self {
            active: AtomicBool::new(false),
            global: AtomicBool::new(false),
            profiles: (0..profiles).map(|_| AtomicBool::new(false)).collect(),
            calls: Mutex::default(),
            writer: Writer::new(folder),
            left_out: AtomicU64::new(0),
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries an order out; the error says what is wrong with it.
    pub(super) fn order(&self, order: TraceOrder<'_>, listeners: &Listeners) -> Result<(), String> {
        match order {
            TraceOrder::Everything(on) => self.global.store(on, Ordering::Relaxed),
            TraceOrder::Profile(name, on) => {
                let at = listeners.called(name);
                let flag = at.and_then(|at| self.profiles.get(at)).ok_or("there is no such profile")?;
                flag.store(on, Ordering::Relaxed);
            }
            TraceOrder::Call { call_id, file } => {
                let file = file_name(file)?;
                self.calls().follow(call_id.as_bytes(), file)?;
            }
            TraceOrder::Next { number, file } => {
                let file = file_name(file)?;
                let mut calls = self.calls();
                if calls.awaited.len() >= MAX_AWAITED {
                    return Err("too many calls are waited for".to_owned());
                }
                calls.awaited.push_back((number.to_owned(), file));
            }
            TraceOrder::EndCall(call_id) => {
                let mut calls = self.calls();
                let file = calls.followed.get(call_id.as_bytes()).cloned().ok_or("it is not traced")?;
                calls.followed.retain(|_, name| *name != file);
            }
            TraceOrder::EndFile(file) => {
                let mut calls = self.calls();
                let before = calls.followed.len() + calls.awaited.len();
                calls.followed.retain(|_, name| name != file);
                calls.awaited.retain(|(_, name)| name != file);
                if calls.followed.len() + calls.awaited.len() == before {
                    return Err("there is no such trace".to_owned());
                }
            }
        }
        let calls = self.calls();
        let active = self.global.load(Ordering::Relaxed)
            || self.profiles.iter().any(|on| on.load(Ordering::Relaxed))
            || !calls.followed.is_empty()
            || !calls.awaited.is_empty();
        self.active.store(active, Ordering::Relaxed);
        Ok(())
    }

    /// A leg is dialled for a caller: what is traced of the caller is traced of the leg.
    pub(super) fn dialled(&self, caller: Option<&str>, call_id: &str) {
        if !self.active.load(Ordering::Relaxed) {
            return;
        }
        let mut calls = self.calls();
        let Some(file) = caller.and_then(|caller| calls.followed.get(caller.as_bytes()).cloned()) else { return };
        if let Err(error) = calls.follow(call_id.as_bytes(), file) {
            tracing::warn!(error, "a called leg is not traced");
        }
    }

    /// A message came or leaves.
    pub(super) fn seen(&self, seen: Seen<'_>, listeners: &Listeners) {
        if self.active.load(Ordering::Relaxed) {
            self.show(seen, listeners);
        }
    }

    fn show(&self, seen: Seen<'_>, listeners: &Listeners) {
        let profile = || {
            let listener = listeners.all().get(listeners.speaking_as(seen.local)?)?;
            self.profiles.get(listener.profile).map(|on| on.load(Ordering::Relaxed))
        };
        let logged = self.global.load(Ordering::Relaxed) || profile() == Some(true);
        let file = self.file_of(&seen);
        if !logged && file.is_none() {
            return;
        }
        let bytes = masked(seen.bytes);
        if logged {
            let (verb, preposition) = match seen.way {
                Way::In => ("recv", "from"),
                Way::Out => ("send", "to"),
            };
            let transport = if seen.transport == Transport::Udp { "udp" } else { "tcp" };
            let (ip, port, count) = (seen.remote.ip(), seen.remote.port(), bytes.len());
            let text = String::from_utf8_lossy(&bytes);
            tracing::info!(target: "siptrace", "{verb} {count} bytes {preposition} {transport}/[{ip}]:{port}\n{text}");
        }
        if let Some(file) = file {
            let Seen { way, local, remote, .. } = seen;
            let (source, destination) = if way == Way::In { (remote, local) } else { (local, remote) };
            if !self.writer.write(Packet { file, source, destination, bytes }) {
                let count = self.left_out.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
                if count.is_power_of_two() {
                    tracing::warn!(count, "a traced message is left out: the disk is too slow");
                }
            }
        }
    }

    /// The file of the call that a message belongs to. An INVITE may be what somebody waits for.
    fn file_of(&self, seen: &Seen<'_>) -> Option<String> {
        let call_id = peek::call_id(seen.bytes)?;
        let mut calls = self.calls();
        if let Some(file) = calls.followed.get(call_id) {
            return Some(file.clone());
        }
        if seen.way == Way::Out || !seen.bytes.starts_with(b"INVITE ") {
            return None;
        }
        let at = calls.awaited.iter().position(|(number, _)| concerns(seen.bytes, number))?;
        let (_, file) = calls.awaited.remove(at)?;
        calls.follow(call_id, file.clone()).ok()?;
        Some(file)
    }
}

/// Whether an INVITE goes to a user or comes from one: the Request-URI, or From.
fn concerns(invite: &[u8], number: &str) -> bool {
    invite.split(|byte| *byte == b'\n').take_while(|line| !line.trim_ascii().is_empty()).enumerate().any(
        |(at, line)| {
            let head = line.get(..5).unwrap_or_default();
            let from = head.eq_ignore_ascii_case(b"from:") || line.starts_with(b"f:");
            (at == 0 || from)
                && ["sip:", "sips:", "tel:"].iter().any(|scheme| {
                    let wanted = format!("{scheme}{number}");
                    memmem::find_iter(line, wanted.as_bytes()).any(|found| {
                        let next = line.get(found.saturating_add(wanted.len()));
                        next.is_none_or(|next| b"@;>: \r".contains(next))
                    })
                })
        },
    )
}

/// A file name that stays in the folder of traces.
fn file_name(name: &str) -> Result<String, String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let ending = [".pcap", ".txt"].iter().any(|ending| name.ends_with(ending));
    if name.len() <= 128 && !name.starts_with('.') && name.chars().all(fits) && ending {
        Ok(name.to_owned())
    } else {
        Err("a trace is named <letters and digits>.pcap or .txt".to_owned())
    }
}

/// The message with the answers to digest challenges overwritten, octet for octet.
fn masked(bytes: &Bytes) -> Bytes {
    let end = memmem::find(bytes, b"\r\n\r\n").unwrap_or(bytes.len());
    let head = bytes.get(..end).unwrap_or_default();
    let mut secrets: Vec<std::ops::Range<usize>> = Vec::new();
    let mut start = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
        let carries =
            [&b"authorization"[..], b"proxy-authorization"].iter().any(|known| name.eq_ignore_ascii_case(known));
        if carries && let Some(found) = memmem::find(&line.to_ascii_lowercase(), b"response=\"") {
            let from = found + b"response=\"".len();
            let length = line.get(from..).and_then(|rest| memchr::memchr(b'"', rest)).unwrap_or(0);
            secrets.push(start + from..start + from + length);
        }
        start += line.len();
    }
    if secrets.is_empty() {
        return bytes.clone();
    }
    let mut copy = bytes.to_vec();
    for secret in secrets {
        if let Some(part) = copy.get_mut(secret) {
            part.fill(b'x');
        }
    }
    copy.into()
}

#[cfg(test)]
mod tests {
    use super::super::settings::SipSettings;
    use super::*;
    use std::sync::Arc;

    fn listeners() -> Listeners {
        let profiles = SipSettings::default().profiles.into_iter().map(Arc::new).collect();
        Listeners::new(Vec::new(), profiles)
    }

    fn trace(folder: &std::path::Path) -> Trace {
        Trace::new(1, folder.to_path_buf())
    }

    fn seen(way: Way, bytes: &Bytes) -> Seen<'_> {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Seen { way, transport: Transport::Udp, local: address(5060), remote: address(5070), bytes }
    }

    fn message(first: &str, call_id: &str) -> Bytes {
        format!("{first}\r\nFrom: <sip:7@x>;tag=1\r\nCall-ID: {call_id}\r\n\r\n").into()
    }

    #[test]
    fn a_call_that_is_waited_for_and_its_legs_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (trace, listeners) = (trace(folder.path()), listeners());
        trace.order(TraceOrder::Next { number: "7", file: "a.pcap" }, &listeners).unwrap();
        let file = |way, bytes: &Bytes| trace.file_of(&seen(way, bytes));
        assert_eq!(file(Way::In, &message("OPTIONS sip:x SIP/2.0", "0")), None);
        assert_eq!(file(Way::In, &message("INVITE sip:1@x SIP/2.0", "1")).as_deref(), Some("a.pcap"));
        trace.dialled(Some("1"), "2");
        trace.dialled(Some("9"), "3");
        trace.dialled(None, "4");
        for (call_id, expected) in [("1", Some("a.pcap")), ("2", Some("a.pcap")), ("3", None), ("4", None)] {
            assert_eq!(file(Way::Out, &message("SIP/2.0 200 OK", call_id)).as_deref(), expected, "{call_id}");
        }
        assert_eq!(file(Way::In, &message("INVITE sip:1@x SIP/2.0", "5")), None, "only the next one");
        trace.order(TraceOrder::EndCall("2"), &listeners).unwrap();
        assert_eq!(file(Way::In, &message("BYE sip:x SIP/2.0", "1")), None);
        assert!(!trace.active.load(Ordering::Relaxed));
        assert!(trace.order(TraceOrder::EndFile("a.pcap"), &listeners).is_err());
    }

    #[test]
    fn orders_have_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let (trace, listeners) = (trace(folder.path()), listeners());
        for file in ["", "../x.pcap", ".x.txt", "a/b.txt", "plain", "a.exe"] {
            assert!(trace.order(TraceOrder::Call { call_id: "1", file }, &listeners).is_err(), "{file}");
        }
        assert!(trace.order(TraceOrder::Profile("nosuch", true), &listeners).is_err());
        for n in 0..1_000 {
            let _ = trace.order(TraceOrder::Call { call_id: &n.to_string(), file: "x.txt" }, &listeners);
            let _ = trace.order(TraceOrder::Next { number: "1", file: "x.txt" }, &listeners);
        }
        let calls = trace.calls();
        assert_eq!((calls.followed.len(), calls.awaited.len()), (MAX_FOLLOWED, MAX_AWAITED));
    }

    #[test]
    fn whom_an_invite_concerns() {
        for (first, from, expected) in [
            ("INVITE sip:7@x SIP/2.0", "sip:1@x", true),
            ("INVITE sip:77@x SIP/2.0", "sip:1@x", false),
            ("INVITE tel:7;a=b SIP/2.0", "sip:1@x", true),
            ("INVITE sip:1@x SIP/2.0", "sip:7@x", true),
            ("INVITE sip:1@x SIP/2.0", "sip:17@x", false),
        ] {
            let text = format!("{first}\r\nTo: <sip:7@x>\r\nFrom: <{from}>;tag=7\r\n\r\nsip:7@x");
            assert_eq!(concerns(text.as_bytes(), "7"), expected, "{text}");
        }
    }

    #[test]
    fn answers_to_challenges_are_masked() {
        let text = "REGISTER sip:x SIP/2.0\r\nProxy-Authorization: Digest a=\"b\", Response=\"0123\", c=d\r\n\r\nresponse=\"9\"";
        let shown = masked(&Bytes::from(text));
        assert_eq!(shown, text.replace("0123", "xxxx"));
        for odd in ["", "Authorization: response=\"", "Authorization: response=", "\n:\n"] {
            assert_eq!(masked(&Bytes::from(odd)), odd);
        }
    }
}
