//! Header names: the known ones with their compact forms (RFC 3261 7.3.3), all others as written.

macro_rules! names {
    ($($id:ident $text:literal $($compact:literal)?;)*) => {
        /// A header name this stack or its users look for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum HeaderId {
            $(#[doc = $text] $id,)*
            /// Any other name.
            Other,
        }

        const TABLE: &[(HeaderId, &str, Option<u8>)] = &[$((HeaderId::$id, $text, names!(@compact $($compact)?)),)*];
    };
    (@compact $c:literal) => { Some($c) };
    (@compact) => { None };
}

names! {
    Via "Via" b'v';
    From "From" b'f';
    To "To" b't';
    CallId "Call-ID" b'i';
    CSeq "CSeq";
    Contact "Contact" b'm';
    ContentLength "Content-Length" b'l';
    ContentType "Content-Type" b'c';
    MaxForwards "Max-Forwards";
    Allow "Allow";
    Supported "Supported" b'k';
    Require "Require";
    Route "Route";
    RecordRoute "Record-Route";
    UserAgent "User-Agent";
    Server "Server";
    Reason "Reason";
    Expires "Expires";
    MinExpires "Min-Expires";
    ProxyRequire "Proxy-Require";
    Authorization "Authorization";
    ProxyAuthorization "Proxy-Authorization";
    WwwAuthenticate "WWW-Authenticate";
    ProxyAuthenticate "Proxy-Authenticate";
    RSeq "RSeq";
    RAck "RAck";
    RetryAfter "Retry-After";
    SessionExpires "Session-Expires" b'x';
    MinSe "Min-SE";
    ReferTo "Refer-To" b'r';
    ReferredBy "Referred-By" b'b';
    Replaces "Replaces";
    Event "Event" b'o';
    SubscriptionState "Subscription-State";
    Diversion "Diversion";
    HistoryInfo "History-Info";
    PAssertedIdentity "P-Asserted-Identity";
    PPreferredIdentity "P-Preferred-Identity";
    RemotePartyId "Remote-Party-ID";
    Privacy "Privacy";
    Path "Path";
    ServiceRoute "Service-Route";
    Unsupported "Unsupported";
    Warning "Warning";
    Subject "Subject" b's';
    Accept "Accept";
    AcceptEncoding "Accept-Encoding";
    AcceptLanguage "Accept-Language";
    AllowEvents "Allow-Events" b'u';
    ContentEncoding "Content-Encoding" b'e';
    ContentDisposition "Content-Disposition";
    AlertInfo "Alert-Info";
    CallInfo "Call-Info";
    Date "Date";
    Timestamp "Timestamp";
    Organization "Organization";
    Identity "Identity" b'y';
}

impl HeaderId {
    /// The name behind these bytes, compact or long, in any case.
    pub fn of(name: &[u8]) -> Self {
        if let [letter] = name {
            let letter = letter.to_ascii_lowercase();
            return TABLE.iter().find(|(_, _, compact)| *compact == Some(letter)).map_or(Self::Other, |(id, ..)| *id);
        }
        TABLE
            .iter()
            .find(|(_, text, _)| text.len() == name.len() && text.as_bytes().eq_ignore_ascii_case(name))
            .map_or(Self::Other, |(id, ..)| *id)
    }

    /// The long form; empty for [`HeaderId::Other`].
    pub fn as_str(self) -> &'static str {
        TABLE.get(self as usize).map_or("", |(_, text, _)| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_itself() {
        for (index, (id, text, compact)) in TABLE.iter().enumerate() {
            assert_eq!(*id as usize, index);
            assert_eq!(HeaderId::of(text.as_bytes()), *id);
            assert_eq!(HeaderId::of(text.to_ascii_uppercase().as_bytes()), *id);
            assert_eq!(id.as_str(), *text);
            if let Some(letter) = compact {
                assert_eq!(HeaderId::of(&[letter.to_ascii_uppercase()]), *id);
            }
        }
        assert_eq!(HeaderId::of(b"X-Any"), HeaderId::Other);
        assert_eq!(HeaderId::of(b""), HeaderId::Other);
        assert_eq!(HeaderId::Other.as_str(), "");
    }
}
