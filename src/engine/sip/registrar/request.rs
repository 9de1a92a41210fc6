//! What a REGISTER asks for.

use super::super::messages::scan::number;
use super::super::messages::{HeaderId, Message, NameAddr, Scheme, Uri, text, unquote};

/// Contacts of one request.
const MOST_CONTACTS: usize = 16;
/// Bytes of a contact's URI, and of its instance.
const MOST_BYTES: usize = 512;
/// Values of Path.
const MOST_PATHS: usize = 8;
/// Letters of User-Agent that are kept.
const MOST_AGENT: usize = 128;

/// One contact of a REGISTER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Its URI.
    pub uri: String,
    /// Its own `expires`.
    pub expires: Option<u32>,
    /// Preference in thousandths.
    pub q: u16,
    /// `+sip.instance`, quotes off.
    pub instance: Option<String>,
    /// `reg-id`.
    pub reg_id: Option<u32>,
}

/// A REGISTER, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The contacts; none: only a query.
    pub contacts: Vec<Contact>,
    /// `Contact: *`: all bindings go.
    pub all: bool,
    /// Value of `Expires`.
    pub expires: Option<u32>,
    /// Values of Path.
    pub path: Vec<String>,
    /// Call-ID.
    pub call_id: String,
    /// CSeq number.
    pub cseq: u32,
    /// User-Agent, cut short.
    pub user_agent: String,
    /// The phone knows RFC 5626, and no proxy stands between.
    pub outbound: bool,
}

/// Why a REGISTER makes no sense. All are answered 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationFault {
    /// `*` stands with other contacts, or without `Expires: 0` (RFC 3261 10.3 step 6).
    #[error("Invalid Wildcard Contact")]
    Wildcard,
    /// A contact is no usable SIP URI.
    #[error("Invalid Contact")]
    Contact,
    /// More contacts than a request may bring.
    #[error("Too Many Contacts")]
    TooMany,
    /// Path cannot be read.
    #[error("Invalid Path")]
    Path,
}

impl Registration {
    /// Reads a request.
    pub fn read(request: &Message) -> Result<Self, RegistrationFault> {
        let expires = request.value(HeaderId::Expires).map(|value| number(value, u32::MAX).unwrap_or(u32::MAX));
        let (mut contacts, mut all) = (Vec::new(), false);
        for value in request.list(HeaderId::Contact) {
            if contacts.len() >= MOST_CONTACTS {
                return Err(RegistrationFault::TooMany);
            }
            if value == b"*" {
                all = true;
            } else {
                contacts.push(contact(value).ok_or(RegistrationFault::Contact)?);
            }
        }
        if all && (!contacts.is_empty() || expires != Some(0)) {
            return Err(RegistrationFault::Wildcard);
        }
        let mut path = Vec::new();
        for value in request.list(HeaderId::Path) {
            let good = NameAddr::parse(value).and_then(|address| address.parsed_uri().ok().map(is_sip));
            if path.len() >= MOST_PATHS || value.len() > MOST_BYTES || good != Some(true) {
                return Err(RegistrationFault::Path);
            }
            path.push(text(value).into_owned());
        }
        let agent = request.text(HeaderId::UserAgent).unwrap_or_default();
        Ok(Self {
            contacts,
            all,
            expires,
            path,
            call_id: text(request.call_id()).into_owned(),
            cseq: request.cseq(),
            user_agent: agent.chars().take(MOST_AGENT).collect(),
            outbound: request.lists(HeaderId::Supported, "outbound") && request.list(HeaderId::Via).count() == 1,
        })
    }
}

fn contact(value: &[u8]) -> Option<Contact> {
    let address = NameAddr::parse(value)?;
    let uri = address.parsed_uri().ok().filter(|uri| is_sip(*uri) && !uri.host.is_empty())?;
    // Headers of a URI would end up in our INVITE.
    if uri.headers.is_some() || address.uri.len() > MOST_BYTES {
        return None;
    }
    let instance = address.params.value("+sip.instance").map(|value| text(&unquote(value)).into_owned());
    let q = address.params.value("q").map_or(Some(1000), thousandths);
    Some(Contact {
        uri: text(address.uri).into_owned(),
        // What is no number stands for an hour (RFC 3261 10.2.1.1).
        expires: address.params.value("expires").map(|value| number(value, u32::MAX).unwrap_or(3600)),
        q: q.unwrap_or(1000),
        instance: instance.filter(|text| !text.is_empty() && text.len() <= MOST_BYTES),
        reg_id: address.params.value("reg-id").and_then(|value| number(value, i32::MAX as u32)).filter(|id| *id > 0),
    })
}

fn is_sip(uri: Uri<'_>) -> bool {
    matches!(uri.scheme, Scheme::Sip | Scheme::Sips)
}

/// A q-value: `0`, `1.0`, `0.75`.
fn thousandths(value: &[u8]) -> Option<u16> {
    let value: f32 = std::str::from_utf8(value).ok()?.parse().ok()?;
    (0.0..=1.0).contains(&value).then(|| (value * 1000.0).round() as u16)
}
