//! Digest authentication, both sides (RFC 3261 22, RFC 7616, RFC 8760; RFC 2617 with old peers): MD5 and SHA-256, with and
//! without `qop=auth`. Pure: nonces, client nonces and the time are arguments.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use md5::{Digest as _, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Fields of one header value that are looked at.
const MAX_FIELDS: usize = 32;

/// Hash of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `MD5`; what is meant when none is named.
    Md5,
    /// `SHA-256`.
    Sha256,
}

impl Algorithm {
    /// As written in a header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256].into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }

    fn hash(self, text: &str) -> String {
        fn hex(bytes: &[u8]) -> String {
            bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
                let _ = write!(out, "{byte:02x}");
                out
            })
        }
        match self {
            Self::Md5 => hex(&Md5::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

/// What proves who one is.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The password itself.
    Password(String),
    /// MD5 of `user:realm:password` in hexadecimal digits (directory parameter `a1-hash`). Good for MD5 only.
    A1Hash(String),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(…)",
            Self::A1Hash(_) => "A1Hash(…)",
        })
    }
}

impl Secret {
    fn a1(&self, algorithm: Algorithm, user: &str, realm: &str) -> Option<String> {
        match self {
            Self::Password(password) => Some(algorithm.hash(&format!("{user}:{realm}:{password}"))),
            Self::A1Hash(hash) if algorithm == Algorithm::Md5 => Some(hash.to_ascii_lowercase()),
            Self::A1Hash(_) => None,
        }
    }
}

/// A challenge: `WWW-Authenticate` or `Proxy-Authenticate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Whose credentials are wanted.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// Comes back unchanged.
    pub opaque: Option<String>,
    /// The hash.
    pub algorithm: Algorithm,
    /// Whether the header named its algorithm.
    pub names_algorithm: bool,
    /// Whether `qop=auth` is offered.
    pub qop: bool,
    /// The credentials were right, only the nonce was too old.
    pub stale: bool,
}

impl Challenge {
    /// Reads a header value; none when it is no digest challenge, or asks for what we cannot do (`-sess`, `auth-int` alone,
    /// another hash).
    pub fn parse(value: &str) -> Option<Self> {
        let fields = Fields::parse(value)?;
        let algorithm = fields.get("algorithm");
        let qop = fields.get("qop");
        if qop.is_some_and(|offers| !offers.split(',').any(|offer| offer.trim().eq_ignore_ascii_case("auth"))) {
            return None;
        }
        Some(Self {
            realm: fields.get("realm").unwrap_or_default().to_owned(),
            nonce: fields.get("nonce")?.to_owned(),
            opaque: fields.get("opaque").map(str::to_owned),
            algorithm: Algorithm::of(algorithm.unwrap_or("MD5"))?,
            names_algorithm: algorithm.is_some(),
            qop: qop.is_some(),
            stale: fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// The header value.
    pub fn write(&self) -> String {
        let mut out = format!("Digest realm=\"{}\", nonce=\"{}\"", escape(&self.realm), escape(&self.nonce));
        if let Some(opaque) = &self.opaque {
            let _ = write!(out, ", opaque=\"{}\"", escape(opaque));
        }
        if self.stale {
            out.push_str(", stale=true");
        }
        let _ = write!(out, ", algorithm={}", self.algorithm.name());
        if self.qop {
            out.push_str(", qop=\"auth\"");
        }
        out
    }

    /// The value of `Authorization` or `Proxy-Authorization` that answers it; none when the secret does not fit the hash.
    /// `count` is the number of requests sent with this nonce, this one included.
    pub fn answer(
        &self,
        user: &str,
        secret: &Secret,
        method: &str,
        uri: &str,
        cnonce: &str,
        count: u32,
    ) -> Option<String> {
        let a1 = secret.a1(self.algorithm, user, &self.realm)?;
        let nc = format!("{count:08x}");
        let counted = self.qop.then_some((&*nc, cnonce));
        let response = response(self.algorithm, &a1, &self.nonce, counted, method, uri);
        let mut out = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{response}\"",
            escape(user),
            escape(&self.realm),
            escape(&self.nonce),
            escape(uri)
        );
        if self.names_algorithm {
            let _ = write!(out, ", algorithm={}", self.algorithm.name());
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(out, ", opaque=\"{}\"", escape(opaque));
        }
        if self.qop {
            let _ = write!(out, ", qop=auth, nc={nc}, cnonce=\"{}\"", escape(cnonce));
        }
        Some(out)
    }
}

/// Credentials as received: `Authorization` or `Proxy-Authorization`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Realm they are for.
    pub realm: String,
    /// The nonce they answer.
    pub nonce: String,
    /// Digest URI, as the client hashed it.
    pub uri: String,
    /// The hash.
    pub algorithm: Algorithm,
    /// Nonce count; none without `qop`.
    pub count: Option<u32>,
    response: String,
    nc: String,
    cnonce: String,
}

impl Credentials {
    /// Reads a header value; none when it is no digest, is incomplete, or uses what we never ask for.
    pub fn parse(value: &str) -> Option<Self> {
        let fields = Fields::parse(value)?;
        let owned = |name: &str| fields.get(name).map(str::to_owned);
        let with_qop = match fields.get("qop") {
            Some(qop) if qop.eq_ignore_ascii_case("auth") => true,
            Some(_) => return None,
            None => false,
        };
        let nc = owned("nc").unwrap_or_default();
        let count = match with_qop {
            true if nc.len() == 8 => Some(u32::from_str_radix(&nc, 16).ok()?),
            true => return None,
            false => None,
        };
        Some(Self {
            user: owned("username")?,
            realm: owned("realm")?,
            nonce: owned("nonce")?,
            uri: owned("uri")?,
            algorithm: Algorithm::of(fields.get("algorithm").unwrap_or("MD5"))?,
            count,
            response: owned("response")?.to_ascii_lowercase(),
            nc,
            cnonce: owned("cnonce").unwrap_or_default(),
        })
    }

    /// Whether they prove the secret for this request. The comparison takes the same time wherever it fails.
    pub fn prove(&self, secret: &Secret, method: &str) -> bool {
        let Some(a1) = secret.a1(self.algorithm, &self.user, &self.realm) else { return false };
        let counted = self.count.map(|_| (&*self.nc, &*self.cnonce));
        let expected = response(self.algorithm, &a1, &self.nonce, counted, method, &self.uri);
        expected.as_bytes().ct_eq(self.response.as_bytes()).into()
    }
}

fn response(
    algorithm: Algorithm,
    a1: &str,
    nonce: &str,
    counted: Option<(&str, &str)>,
    method: &str,
    uri: &str,
) -> String {
    let a2 = algorithm.hash(&format!("{method}:{uri}"));
    algorithm.hash(&match counted {
        Some((nc, cnonce)) => format!("{a1}:{nonce}:{nc}:{cnonce}:auth:{a2}"),
        None => format!("{a1}:{nonce}:{a2}"),
    })
}

/// What a nonce is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceState {
    /// Ours, of age, and the count is new.
    Good,
    /// Not ours (any more), or this count came before: challenge again with `stale=true`.
    Stale,
}

/// Nonces that were given out, with the highest count seen. The oldest give way when there are too many.
#[derive(Debug)]
pub struct Nonces {
    life: Duration,
    limit: usize,
    known: HashMap<String, (Instant, u32)>,
    order: VecDeque<String>,
}

impl Nonces {
    /// Nonces live this long; at most `limit` (at least 1) are kept.
    pub fn new(life: Duration, limit: usize) -> Self {
        Self { life, limit: limit.max(1), known: HashMap::new(), order: VecDeque::new() }
    }

    /// Nonces that are given out from now on live this long.
    pub fn set_life(&mut self, life: Duration) {
        self.life = life;
    }

    /// Notes a nonce, made by the caller from good randomness.
    pub fn issue(&mut self, now: Instant, nonce: String) {
        let expired = |nonces: &Self, front: &String| nonces.known.get(front).is_none_or(|(until, _)| *until <= now);
        while self.order.len() >= self.limit || self.order.front().is_some_and(|front| expired(self, front)) {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        if self.known.insert(nonce.clone(), (now + self.life, 0)).is_none() {
            self.order.push_back(nonce);
        }
    }

    /// Judges the nonce of credentials that are right, and uses up their count. Without `qop` a nonce is good until it is
    /// too old.
    pub fn redeem(&mut self, now: Instant, credentials: &Credentials) -> NonceState {
        match self.known.get_mut(&credentials.nonce) {
            Some((until, _)) if *until <= now => NonceState::Stale,
            Some((_, seen)) => match credentials.count {
                Some(count) if count <= *seen => NonceState::Stale,
                Some(count) => {
                    *seen = count;
                    NonceState::Good
                }
                None => NonceState::Good,
            },
            None => NonceState::Stale,
        }
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// `Digest name=value, name="value" …`
struct Fields(Vec<(String, String)>);

impl Fields {
    fn parse(value: &str) -> Option<Self> {
        let value = value.trim_start();
        let (scheme, mut rest) = value.split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let mut fields = Vec::new();
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',', '\r', '\n']);
            if rest.is_empty() {
                return Some(Self(fields));
            }
            if fields.len() >= MAX_FIELDS {
                return None;
            }
            let (name, after) = rest.split_once('=')?;
            let (text, after) = token(after.trim_start())?;
            fields.push((name.trim().to_owned(), text));
            rest = after;
        }
    }

    /// The first field of a name.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, text)| text.as_str())
    }
}

/// A token or quoted string, and what follows.
fn token(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return Some((token.trim().to_owned(), rest));
    };
    let mut out = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((out, quoted.get(at + 1..)?)),
            '\\' => out.push(letters.next()?.1),
            other => out.push(other),
        }
    }
    None
}

/// For a quoted string: `"` and `\` escaped, line ends taken out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if matches!(letter, '"' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn password(text: &str) -> Secret {
        Secret::Password(text.to_owned())
    }

    /// The examples of RFC 7616 3.9.1.
    #[test]
    fn examples_of_the_rfc() {
        for (algorithm, expected) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let challenge = format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            let challenge = Challenge::parse(&challenge).unwrap();
            let secret = password("Circle of Life");
            let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            let answer = challenge.answer("Mufasa", &secret, "GET", "/dir/index.html", cnonce, 1).unwrap();
            assert!(answer.contains(&format!("response=\"{expected}\"")), "{answer}");
            let credentials = Credentials::parse(&answer).unwrap();
            assert_eq!((credentials.count, credentials.algorithm.name()), (Some(1), algorithm));
            assert!(credentials.prove(&secret, "GET"));
            assert!(!credentials.prove(&secret, "PUT"));
            assert!(!credentials.prove(&password("circle of life"), "GET"));
        }
    }

    #[test]
    fn old_peers_and_hashed_passwords() {
        let challenge = Challenge::parse("digest realm=\"r\",nonce=n1").unwrap();
        assert_eq!((challenge.algorithm, challenge.qop), (Algorithm::Md5, false));
        let answer = challenge.answer("u", &password("p"), "INVITE", "sip:b@h", "c", 1).unwrap();
        assert!(!answer.contains("nc=") && !answer.contains("algorithm"), "{answer}");
        let hashed = Secret::A1Hash(Algorithm::Md5.hash("u:r:p").to_uppercase());
        assert!(Credentials::parse(&answer).unwrap().prove(&hashed, "INVITE"));

        let strong = Challenge::parse("Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256").unwrap();
        assert_eq!(strong.answer("u", &hashed, "INVITE", "sip:b@h", "c", 1), None);
    }

    #[test]
    fn what_we_cannot_do_is_refused() {
        for challenge in [
            "",
            "Basic realm=\"r\"",
            "Digest realm=\"r\"",
            "Digest realm=\"r\", nonce=\"n",
            "Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess",
            "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"",
        ] {
            assert_eq!(Challenge::parse(challenge), None, "{challenge}");
        }
        let credentials = "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"s\", response=\"x\"";
        assert!(Credentials::parse(credentials).is_some());
        for more in [", qop=auth", ", qop=auth, nc=1", ", qop=auth, nc=0000000g", ", qop=auth-int", ", algorithm=SHA-1"]
        {
            assert_eq!(Credentials::parse(&format!("{credentials}{more}")), None, "{more}");
        }
    }

    #[test]
    fn nonces_age_and_count() {
        #[expect(clippy::disallowed_methods, reason = "any instant does")]
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut nonces = Nonces::new(Duration::from_secs(30), 2);
        let with = |nonce: &str, count: u32| {
            let challenge = Challenge::parse(&format!("Digest realm=r, nonce={nonce}, qop=auth")).unwrap();
            Credentials::parse(&challenge.answer("u", &password("p"), "M", "s", "c", count).unwrap()).unwrap()
        };
        nonces.issue(at(0), "a".to_owned());
        assert_eq!(nonces.redeem(at(1), &with("a", 1)), NonceState::Good);
        assert_eq!(nonces.redeem(at(1), &with("a", 1)), NonceState::Stale, "a replay");
        assert_eq!(nonces.redeem(at(29), &with("a", 5)), NonceState::Good);
        assert_eq!(nonces.redeem(at(29), &with("a", 4)), NonceState::Stale, "a count that went back");
        assert_eq!(nonces.redeem(at(30), &with("a", 6)), NonceState::Stale, "too old");
        assert_eq!(nonces.redeem(at(1), &with("b", 1)), NonceState::Stale, "not ours");
        for nonce in ["b", "c", "d"] {
            nonces.issue(at(31), nonce.to_owned());
        }
        assert_eq!(nonces.len(), 2);
        assert_eq!(nonces.redeem(at(31), &with("d", 1)), NonceState::Good);
        assert_eq!(nonces.redeem(at(31), &with("b", 1)), NonceState::Stale, "it had to give way");
    }

    proptest! {
        #[test]
        fn what_is_answered_is_proved(user in "[^\\pC]{1,12}", realm in "[^\\pC]{0,12}", text in ".{0,12}", strong: bool, qop: bool) {
            let algorithm = if strong { Algorithm::Sha256 } else { Algorithm::Md5 };
            let challenge = Challenge {
                realm, nonce: "n".to_owned(), opaque: None, algorithm, names_algorithm: true, qop, stale: false,
            };
            prop_assert_eq!(Challenge::parse(&challenge.write()), Some(challenge.clone()));
            let secret = password(&text);
            let answer = challenge.answer(&user, &secret, "INVITE", "sip:a@b", "c", 7).unwrap();
            let credentials = Credentials::parse(&answer).unwrap();
            prop_assert_eq!(&credentials.user, &user);
            prop_assert!(credentials.prove(&secret, "INVITE"));
        }

        #[test]
        fn never_panics(text in "Digest (realm|nonce|qop|nc|=|\"|\\\\|,| |a|é|auth|0){0,40}") {
            Challenge::parse(&text);
            Credentials::parse(&text);
        }
    }
}
