//! Answers to a challenge of a called party (401, 407). Pure but for the client nonce, which is an argument.

use crate::call::leg::Headers;
use crate::engine::config::Directory;
use crate::engine::sip::auth::{Challenge, Secret};
use crate::engine::sip::messages::text;
use crate::engine::sip::{HeaderId, Message};
use crate::words::model::Variables;

/// Status that stands for a repeated challenge, as FreeSWITCH's stack has it.
pub(super) const REPEATED: u16 = 904;
/// Its phrase.
pub(super) const REPEATED_PHRASE: &str = "Operation has no matching challenge";

/// What the switch proves itself with to one called party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credential {
    pub(super) user: String,
    pub(super) secret: Secret,
    /// Realms that it is for; empty: any.
    pub(super) realms: Vec<String>,
}

impl Credential {
    fn of(user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), secret: Secret::Password(password.to_owned()), realms: Vec::new() }
    }

    /// Whether a challenge of this realm may be answered with it.
    pub(super) fn is_for(&self, realm: &str) -> bool {
        self.realms.is_empty() || self.realms.iter().any(|known| known.eq_ignore_ascii_case(realm))
    }
}

/// `sip_auth_username` and `sip_auth_password` of a leg.
pub(super) fn of_variables(variables: &Variables) -> Option<Credential> {
    let (user, password) = (variables.get("sip_auth_username")?, variables.get("sip_auth_password")?);
    Some(Credential::of(user, password))
}

/// Finds the credentials of a leg: those of its variables, else `reverse-auth-user` and `reverse-auth-pass` of the
/// directory user that is called, by `presence_id` or by the URI.
pub(super) fn find(variables: &Variables, directory: &Directory, user: &str, domain: &str) -> Option<Credential> {
    if let Some(own) = of_variables(variables) {
        return Some(own);
    }
    let dialled = variables.get("presence_id").and_then(|id| id.split_once('@'));
    let known = dialled.and_then(|(user, domain)| directory.user(user, domain));
    let user = known.or_else(|| directory.user(user, domain))?;
    Some(Credential::of(user.param("reverse-auth-user")?, user.param("reverse-auth-pass")?))
}

/// What to do about a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Repeat the request with these headers.
    Retry(Headers),
    /// The response has no challenge: an ordinary refusal.
    Unchallenged,
    /// Nothing to answer it with.
    NoCredentials,
    /// Answered before, in vain.
    Repeated,
}

/// Answers the challenges of a response. `tried`: they were answered once already.
pub(super) fn answer(
    response: &Message,
    credential: Option<&Credential>,
    tried: bool,
    uri: &str,
    cnonce: &str,
) -> Answer {
    let mut headers = Headers::new();
    let (mut challenged, mut stale) = (false, false);
    for (asks, answers) in
        [(HeaderId::ProxyAuthenticate, "Proxy-Authorization"), (HeaderId::WwwAuthenticate, "Authorization")]
    {
        challenged |= response.value(asks).is_some();
        let answered = response.values(asks).filter_map(|value| Challenge::parse(&text(value))).find_map(|challenge| {
            let credential = credential.filter(|credential| credential.is_for(&challenge.realm))?;
            stale |= challenge.stale;
            challenge.answer(&credential.user, &credential.secret, "INVITE", uri, cnonce, 1)
        });
        headers.extend(answered.map(|value| (answers.to_owned(), value)));
    }
    match (challenged, credential) {
        (false, _) => Answer::Unchallenged,
        (true, None) => Answer::NoCredentials,
        (true, Some(_)) if tried && !stale => Answer::Repeated,
        (true, Some(_)) if headers.is_empty() => Answer::NoCredentials,
        (true, Some(_)) => Answer::Retry(headers),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::response;
    use super::*;
    use crate::engine::config::Directory;
    use crate::engine::xml::{NoFiles, load};

    fn credential() -> Credential {
        Credential { user: "u".to_owned(), secret: Secret::Password("p".to_owned()), realms: Vec::new() }
    }

    const CHALLENGE: &str = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";

    #[test]
    fn challenges_are_answered_once() {
        let response = response(407, &format!("Proxy-Authenticate: {CHALLENGE}\r\n"));
        let Answer::Retry(headers) = answer(&response, Some(&credential()), false, "sip:2@h", "c") else { panic!() };
        let [(name, value)] = headers.as_slice() else { panic!("{headers:?}") };
        assert_eq!(name, "Proxy-Authorization");
        assert!(
            value.starts_with("Digest username=\"u\", realm=\"r\"") && value.contains("uri=\"sip:2@h\""),
            "{value}"
        );
        assert_eq!(answer(&response, Some(&credential()), true, "sip:2@h", "c"), Answer::Repeated);
        assert_eq!(answer(&response, None, false, "sip:2@h", "c"), Answer::NoCredentials);
    }

    #[test]
    fn odd_challenges() {
        let answer_to =
            |headers: &str, tried| answer(&response(401, headers), Some(&credential()), tried, "sip:2@h", "c");
        assert_eq!(answer_to("", false), Answer::Unchallenged);
        assert_eq!(answer_to("WWW-Authenticate: Basic realm=\"r\"\r\n", false), Answer::NoCredentials);
        let stale = format!("WWW-Authenticate: Bearer x\r\nWWW-Authenticate: {CHALLENGE}, stale=true\r\n");
        let Answer::Retry(headers) = answer_to(&stale, true) else { panic!() };
        assert_eq!(headers[0].0, "Authorization");
    }

    #[test]
    fn the_credentials_of_a_gateway_answer_its_own_realm() {
        let response = response(407, &format!("Proxy-Authenticate: {CHALLENGE}\r\n"));
        let of_realm = |realm: &str| Credential { realms: vec![realm.to_owned()], ..credential() };
        let answer_to = |realm: &str| answer(&response, Some(&of_realm(realm)), false, "sip:2@h", "c");
        assert!(matches!(answer_to("R"), Answer::Retry(_)));
        assert_eq!(answer_to("other"), Answer::NoCredentials);
    }

    #[test]
    fn where_credentials_come_from() {
        let text = r#"<document><section name="directory"><domain name="d"><user id="7"><params>
            <param name="reverse-auth-user" value="ru"/><param name="reverse-auth-pass" value="rp"/></params></user>
            </domain></section></document>"#;
        let directory = Directory::read(&load("d.xml", text.as_bytes(), Variables::new(), &NoFiles).root.unwrap());
        let found = |variables: &[(&str, &str)], user: &str| {
            find(&variables.iter().copied().collect(), &directory, user, "d").map(|found| found.user)
        };
        assert_eq!(found(&[("sip_auth_username", "u"), ("sip_auth_password", "p")], "7").as_deref(), Some("u"));
        assert_eq!(found(&[("sip_auth_username", "u")], "7").as_deref(), Some("ru"));
        assert_eq!(found(&[], "8"), None);
    }
}
