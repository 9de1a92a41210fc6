//! Digest credentials of the phone (RFC 7616; RFC 2617 when the challenge is an old one).

use std::fmt::Write as _;

use md5::{Digest as _, Md5};
use sha2::Sha256;

/// Name and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password, clear text.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).field("password", &"…").finish()
    }
}

/// The value of `Authorization` or `Proxy-Authorization` that answers a challenge; `None` when the challenge asks for a
/// scheme or algorithm this phone does not know.
pub(super) fn answer(
    challenge: &str,
    credentials: &Credentials,
    method: &str,
    uri: &str,
    cnonce: &str,
) -> Option<String> {
    let rest = challenge.trim().strip_prefix("Digest").or_else(|| challenge.trim().strip_prefix("digest"))?;
    let fields = fields(rest);
    let field =
        |name: &str| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, text)| text.as_str());
    let realm = field("realm").unwrap_or("");
    let nonce = field("nonce")?;
    let algorithm = field("algorithm").unwrap_or("MD5");
    let base = algorithm.strip_suffix("-sess").unwrap_or(algorithm);
    let hash: fn(&str) -> String = match base.to_ascii_uppercase().as_str() {
        "MD5" => md5_hex,
        "SHA-256" => sha256_hex,
        _ => return None,
    };
    let mut secret = hash(&format!("{}:{realm}:{}", credentials.user, credentials.password));
    if base != algorithm {
        secret = hash(&format!("{secret}:{nonce}:{cnonce}"));
    }
    let target = hash(&format!("{method}:{uri}"));
    let with_qop = field("qop").is_some_and(|qop| qop.split(',').any(|one| one.trim() == "auth"));
    let response = if with_qop {
        hash(&format!("{secret}:{nonce}:00000001:{cnonce}:auth:{target}"))
    } else {
        hash(&format!("{secret}:{nonce}:{target}"))
    };
    let mut out = format!(
        "Digest username=\"{}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\"",
        credentials.user
    );
    if field("algorithm").is_some() {
        let _ = write!(out, ", algorithm={algorithm}");
    }
    if with_qop || base != algorithm {
        let _ = write!(out, ", cnonce=\"{cnonce}\"");
    }
    if with_qop {
        out.push_str(", qop=auth, nc=00000001");
    }
    if let Some(opaque) = field("opaque") {
        let _ = write!(out, ", opaque=\"{opaque}\"");
    }
    Some(out)
}

/// `name=value, name="value, with comma"` pairs.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']).to_owned();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        out.push((name, value.trim().to_owned()));
        rest = next;
    }
    out
}

fn md5_hex(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

fn sha256_hex(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mufasa() -> Credentials {
        Credentials { user: "Mufasa".into(), password: "Circle of Life".into() }
    }

    #[test]
    fn the_examples_of_rfc_7616_come_out() {
        let challenge = |algorithm: &str| {
            format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            )
        };
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        for (algorithm, wanted) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let got = answer(&challenge(algorithm), &mufasa(), "GET", "/dir/index.html", cnonce).unwrap();
            assert!(got.contains(&format!("response=\"{wanted}\"")), "{got}");
            assert!(got.contains("qop=auth, nc=00000001"), "{got}");
        }
    }

    #[test]
    fn an_old_challenge_gets_an_old_answer() {
        let creds = Credentials { user: "a".into(), password: "b".into() };
        let got = answer("Digest realm=\"r\",nonce=\"n\"", &creds, "INVITE", "sip:x", "c").unwrap();
        let wanted = md5_hex(&format!("{}:n:{}", md5_hex("a:r:b"), md5_hex("INVITE:sip:x")));
        assert!(got.contains(&wanted) && !got.contains("cnonce"), "{got}");
    }

    #[test]
    fn unknown_schemes_are_not_answered() {
        for challenge in
            ["Basic realm=\"x\"", "Digest realm=\"x\",nonce=\"n\",algorithm=AKAv1-MD5", "Digest realm=\"x\""]
        {
            assert_eq!(answer(challenge, &mufasa(), "INVITE", "sip:x", "c"), None, "{challenge}");
        }
    }
}
