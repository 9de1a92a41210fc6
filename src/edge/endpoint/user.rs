//! `user/<id>[@<domain>]`: stands for the directory user's `dial-string`.
//!
//! The domain defaults to the global `domain`. `dialed_user` and `dialed_domain` are set on A, in whose scope the dial
//! string is expanded. No such user: SUBSCRIBER_ABSENT; no `dial-string`: MANDATORY_IE_MISSING; a dial string that names
//! the same user again: INVALID_IE_CONTENTS. Params `dial-var-<name>` become variables of the B legs, and so do the
//! user's own variables.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::call::leg::{DialRequest, LegFactory, Prepared};
use crate::engine::config::{Directory, User};
use crate::words::model::Cause;

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
        Ok(Prepared::Nested {
            dial_string: dial_string.to_owned(),
            variables: dial_variables(user),
            // The user's own spelling: what is dialled may come from a caller, and ends up in an expanded text.
            a_variables: vec![("dialed_user".to_owned(), user.id.clone()), ("dialed_domain".to_owned(), domain)],
            callee_variables: user.variables.clone(),
            recurse: "user_recurse_variables",
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

#[cfg(test)]
mod tests {
    use super::super::test_request::dial;
    use super::*;
    use crate::engine::xml::{NoFiles, load};
    use crate::words::model::Variables;

    fn endpoint() -> UserEndpoint {
        let text = r#"<document><section name="directory"><domain name="d">
            <params><param name="dial-string" value="{x=${dialed_user}}${sofia_contact(${dialed_user}@${dialed_domain})}"/></params>
            <user id="1000"/>
            <user id="1001" number-alias="7"><params><param name="dial-string" value="sofia/out/sip:1@h"/>
              <param name="Dial-Var-Lang" value="de"/></params><variables><variable name="v" value="1"/></variables></user>
            </domain><domain name="e"><user id="1"/></domain></section></document>"#;
        let root = load("d.xml", text.as_bytes(), Variables::new(), &NoFiles).root.unwrap();
        let globals: Globals = Arc::new(|name| (name == "domain").then(|| "d".to_owned()));
        UserEndpoint::new(Arc::new(ArcSwap::from_pointee(Directory::read(&root))), globals)
    }

    #[test]
    fn users_stand_for_their_dial_strings() {
        let nested = |destination: &str| match dial(&endpoint(), "user", destination, &[]) {
            Ok(Prepared::Nested { dial_string, variables, a_variables, callee_variables, .. }) => {
                let shown = |pairs: Vec<(String, String)>| {
                    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
                };
                [dial_string, shown(variables), shown(a_variables), shown(callee_variables)]
            }
            Ok(Prepared::Leg(_)) => panic!("a leg"),
            Err(cause) => [cause.name(), "", "", ""].map(str::to_owned),
        };
        let by_domain = "{x=${dialed_user}}${sofia_contact(${dialed_user}@${dialed_domain})}";
        assert_eq!(nested("1000"), [by_domain, "", "dialed_user=1000,dialed_domain=d", ""]);
        assert_eq!(nested("7@d"), ["sofia/out/sip:1@h", "Lang=de", "dialed_user=1001,dialed_domain=d", "v=1"]);
        assert_eq!(nested("1003")[0], "SUBSCRIBER_ABSENT");
        assert_eq!(nested("1000@nowhere")[0], "SUBSCRIBER_ABSENT");
        assert_eq!(nested("1@e")[0], "MANDATORY_IE_MISSING");
    }
}
