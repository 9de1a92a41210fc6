//! `user/<id>[@<domain>]`: stands for the directory user's `dial-string`.
//!
//! The domain defaults to the global `domain`. `dialed_user` and `dialed_domain` are set on A and seen by the dial string,
//! which is expanded in A's scope. No such user: SUBSCRIBER_ABSENT; no `dial-string`: MANDATORY_IE_MISSING; a dial string
//! that names the same user again: INVALID_IE_CONTENTS. Params `dial-var-<name>` become variables of the B legs.
//!
//! Not done here: `sofia_contact` finds nobody until there is a registrar, so it gives `error/user_not_registered`; other
//! API functions in a dial string insert nothing.

use std::borrow::Cow;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::call::leg::{DialRequest, LegFactory, Prepared};
use crate::engine::config::{Directory, User};
use crate::words::expand::{Api, Lookup, expand};
use crate::words::model::{Cause, Variables};

/// What `sofia_contact` prints for a user without registration.
const NOT_REGISTERED: &str = "error/user_not_registered";
/// Prefix of the params that become variables.
const DIAL_VAR: &str = "dial-var-";

/// Reads a global variable.
pub type Globals = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The endpoint `user`.
pub struct UserEndpoint {
    directory: Arc<ArcSwap<Directory>>,
    globals: Globals,
}

impl UserEndpoint {
    /// Looks users up in `directory`.
    pub fn new(directory: Arc<ArcSwap<Directory>>, globals: Globals) -> Self {
        Self { directory, globals }
    }
}

impl LegFactory for UserEndpoint {
    fn prepare(&self, request: &DialRequest<'_>) -> Result<Prepared, Cause> {
        let (id, domain) = match request.destination.split_once('@') {
            Some((id, domain)) => (id, domain.to_owned()),
            None => (request.destination, (self.globals)("domain").unwrap_or_default()),
        };
        let directory = self.directory.load();
        let user = directory.user(id, &domain).ok_or(Cause::SUBSCRIBER_ABSENT)?;
        let dial_string = user.param("dial-string").ok_or(Cause::MANDATORY_IE_MISSING)?;
        let mut scope = Scope {
            dialed: [("dialed_user", id), ("dialed_domain", &domain)],
            request,
            variables: request.a_variables,
            globals: &self.globals,
        };
        // Its lookup never defers a call, so the expansion cannot fail.
        let expanded = expand(dial_string, &mut scope).map_or_else(|_| String::new(), Cow::into_owned);
        if names_itself(&expanded, id, &domain) {
            tracing::warn!(user = id, domain, "the user's dial-string dials the user again");
            return Err(Cause::INVALID_IE_CONTENTS);
        }
        Ok(Prepared::Nested {
            dial_string: expanded,
            variables: dial_variables(user),
            a_variables: vec![("dialed_user".to_owned(), id.to_owned()), ("dialed_domain".to_owned(), domain)],
        })
    }
}

fn dial_variables(user: &User) -> Vec<(String, String)> {
    let named = |name: &str| name.get(..DIAL_VAR.len()).is_some_and(|head| head.eq_ignore_ascii_case(DIAL_VAR));
    user.params
        .iter()
        .filter(|(name, _)| named(name))
        .filter_map(|(name, value)| Some((name.get(DIAL_VAR.len()..)?.to_owned(), value.clone())))
        .collect()
}

/// Whether a leg of the dial string is `user/<id>`, with this domain or none.
fn names_itself(dial_string: &str, id: &str, domain: &str) -> bool {
    dial_string.split([',', '|', ']', '}', '>']).any(|leg| {
        let Some(destination) = leg.trim().strip_prefix("user/") else { return false };
        let (user, host) = destination.split_once('@').unwrap_or((destination, domain));
        user.eq_ignore_ascii_case(id) && host.eq_ignore_ascii_case(domain)
    })
}

/// A's scope, with the dialled user in front.
struct Scope<'a> {
    dialed: [(&'static str, &'a str); 2],
    request: &'a DialRequest<'a>,
    variables: Option<&'a Variables>,
    globals: &'a Globals,
}

impl Lookup for Scope<'_> {
    fn variable(&self, name: &str, index: Option<usize>) -> Option<Cow<'_, str>> {
        if index.is_none()
            && let Some((_, value)) = self.dialed.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            return Some(Cow::Borrowed(value));
        }
        let own = self.variables.and_then(|variables| match index {
            None => variables.get(name),
            Some(index) => variables.item(name, index),
        });
        own.map(Cow::Borrowed)
            .or_else(|| self.request.a_profile.and_then(|profile| profile.field(name)))
            .or_else(|| (self.globals)(name).map(Cow::Owned))
    }

    fn api(&mut self, name: &str, _args: &str) -> Api {
        if name.eq_ignore_ascii_case("sofia_contact") { Api::Value(NOT_REGISTERED.to_owned()) } else { Api::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_request::dial;
    use super::*;
    use crate::engine::xml::{NoFiles, load};

    fn endpoint() -> UserEndpoint {
        let text = r#"<document><section name="directory"><domain name="d">
            <params><param name="dial-string" value="{x=${dialed_user}}${sofia_contact(${dialed_user}@${dialed_domain})}"/></params>
            <user id="1000"/>
            <user id="1001"><params><param name="dial-string" value="sofia/out/sip:${dialed_user}@${gw}${nothing(1)}"/>
              <param name="Dial-Var-Lang" value="de"/></params></user>
            <user id="1002"><params><param name="dial-string" value="error/x|[a=1]user/1002@${dialed_domain}"/></params></user>
            </domain><domain name="e"><user id="1"/></domain></section></document>"#;
        let root = load("d.xml", text.as_bytes(), Variables::new(), &NoFiles).root.unwrap();
        let globals: Globals = Arc::new(|name| match name {
            "domain" => Some("d".to_owned()),
            "gw" => Some("192.0.2.1".to_owned()),
            _ => None,
        });
        UserEndpoint::new(Arc::new(ArcSwap::from_pointee(Directory::read(&root))), globals)
    }

    #[test]
    fn dial_strings_are_expanded() {
        let nested = |destination: &str| match dial(&endpoint(), "user", destination, &[]) {
            Ok(Prepared::Nested { dial_string, variables, a_variables }) => {
                let shown = |pairs: Vec<(String, String)>| {
                    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
                };
                [dial_string, shown(variables), shown(a_variables)]
            }
            Ok(Prepared::Leg(_)) => panic!("a leg"),
            Err(cause) => [cause.name().to_owned(), String::new(), String::new()],
        };
        let on_a = |user: &str| format!("dialed_user={user},dialed_domain=d");
        assert_eq!(nested("1000"), ["{x=1000}error/user_not_registered".to_owned(), String::new(), on_a("1000")]);
        assert_eq!(nested("1001@d"), ["sofia/out/sip:1001@192.0.2.1".to_owned(), "Lang=de".to_owned(), on_a("1001")]);
        assert_eq!(nested("1002")[0], "INVALID_IE_CONTENTS");
        assert_eq!(nested("1003")[0], "SUBSCRIBER_ABSENT");
        assert_eq!(nested("1000@nowhere")[0], "SUBSCRIBER_ABSENT");
        assert_eq!(nested("1@e")[0], "MANDATORY_IE_MISSING");
    }
}
