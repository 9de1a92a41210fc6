//! One contact of a user, and how it is dialled.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::super::flow::Transport;
use super::super::messages::{Uri, Via, text};

/// Number of a binding, never used twice.
pub type BindingId = u64;

/// A contact that a user has registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its number.
    pub id: BindingId,
    /// The user, as written in To.
    pub user: String,
    /// Domain of the user.
    pub domain: String,
    /// Profile that took the registration.
    pub profile: String,
    /// URI of the contact, as sent.
    pub contact: String,
    /// `+sip.instance` (RFC 5626), quotes off.
    pub instance: Option<String>,
    /// `reg-id`; counts together with the instance only.
    pub reg_id: Option<u32>,
    /// Preference in thousandths.
    pub q: u16,
    /// Call-ID of the registration.
    pub call_id: String,
    /// Its CSeq.
    pub cseq: u32,
    /// When the phone believes it to end, in seconds since 1970.
    pub expires: u64,
    /// When it ends here: a little later.
    pub until: u64,
    /// Values of Path, nearest proxy first.
    pub path: Vec<String>,
    /// Where the REGISTER came from.
    pub received: SocketAddr,
    /// Over which protocol.
    pub transport: Transport,
    /// The contact cannot be reached as written: requests go to where the REGISTER came from.
    pub nat: bool,
    /// User-Agent of the phone.
    pub user_agent: String,
}

impl Binding {
    /// Whether requests go back to where the REGISTER came from: behind NAT always, over a stream as long as its
    /// connection lives (`connected`).
    pub fn goes_back(&self, connected: bool) -> bool {
        self.nat || (self.transport.is_reliable() && connected)
    }

    /// The contact for a dial string, `fs_path` telling where the request goes when that is not the contact itself.
    /// Nothing in it can begin another leg.
    pub fn dial_uri(&self, connected: bool) -> String {
        let mut out = dial_safe(&self.contact);
        if self.nat {
            out.push_str(";fs_nat=yes");
        }
        let path = if self.path.is_empty() {
            let transport = if self.transport.is_reliable() { ";transport=tcp" } else { "" };
            self.goes_back(connected).then(|| format!("<sip:{}{transport}>", self.received))
        } else {
            Some(self.path.join(","))
        };
        if let Some(path) = path {
            out.push_str(";fs_path=");
            encode(&path, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'), &mut out);
        }
        out
    }
}

fn encode(text: &str, plain: impl Fn(u8) -> bool, out: &mut String) {
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// A URI whose bytes mean nothing to the grammar of dial strings; those that do are percent-encoded. The brackets of an
/// IPv6 host stay, and so does what is encoded already. A contact comes from the network: without this a phone could
/// add legs of its own to a dial string.
fn dial_safe(uri: &str) -> String {
    let mut out = String::with_capacity(uri.len());
    let host =
        uri.rfind('@').map_or_else(|| uri.find(':').map_or(0, |at| at.saturating_add(1)), |at| at.saturating_add(1));
    let (head, tail) = uri.split_at_checked(host).unwrap_or(("", uri));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b";:@=&+/?%!*().~#-".contains(&byte);
    encode(head, plain, &mut out);
    let literal = tail.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match literal {
        Some((address, rest))
            if address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.') =>
        {
            let _ = write!(out, "[{address}]");
            encode(rest, plain, &mut out);
        }
        _ => encode(tail, plain, &mut out),
    }
    out
}

/// Whether a contact cannot be reached as written by whoever got its REGISTER from `source`: it names an address of a
/// private network or of the phone's own host, and the message came from elsewhere. `aggressive`: it is enough that the
/// topmost Via names another address or port than the source (`aggressive-nat-detection`).
pub fn is_behind_nat(contact: &Uri<'_>, via: Option<&Via<'_>>, source: SocketAddr, aggressive: bool) -> bool {
    let hidden = |ip: IpAddr| ip != source.ip() && is_hidden(ip) && (!is_hidden(source.ip()) || is_local(ip));
    let sent_by =
        via.and_then(|via| text(via.host).trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok());
    if contact.ip().is_some_and(hidden) {
        return true;
    }
    let port = via.and_then(|via| via.port).unwrap_or(5060);
    aggressive && sent_by.is_some_and(|ip| ip != source.ip() || port != source.port())
}

/// An address that only its own network can reach.
fn is_hidden(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_private() || v4.is_link_local() || matches!(v4.octets(), [100, 64..=127, ..]) || is_local(ip)
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || is_local(ip),
    }
}

/// An address of the phone itself.
fn is_local(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}
