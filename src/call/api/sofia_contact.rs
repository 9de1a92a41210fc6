//! `sofia_contact`: what dials the telephones that a user has registered.
//!
//! All registrations, joined by commas so that they ring together; without any `error/user_not_registered`. `*` (or
//! nothing) in the profile's place asks all profiles. A user without domain is one of the default domain.

use super::{ApiContext, ApiFunction};

/// What is printed for a user without registration; dialling it gives USER_NOT_REGISTERED.
const NOT_REGISTERED: &str = "error/user_not_registered";

/// The command.
pub(super) struct SofiaContact;

impl ApiFunction for SofiaContact {
    fn name(&self) -> &'static str {
        "sofia_contact"
    }

    fn doc(&self) -> &'static str {
        "What dials the telephones that a user has registered"
    }

    fn syntax(&self) -> &'static str {
        "[<profile>|*/]<user>[@<domain>][/<user agent pattern>]"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let (profile, rest) = match args.split_once('/') {
            Some((profile, rest)) if !profile.contains('@') => (Some(profile), rest),
            _ => (None, args),
        };
        let (address, agent) = rest.split_once('/').map_or((rest, None), |(address, agent)| (address, Some(agent)));
        let (user, domain) = address.split_once('@').unwrap_or((address, context.directory().default_domain()));
        let profile = profile.filter(|name| !name.is_empty() && *name != "*");
        let agent = agent.filter(|pattern| !pattern.is_empty());
        let contacts = context.contacts(profile, user.trim(), domain.trim(), agent);
        if contacts.is_empty() { NOT_REGISTERED.to_owned() } else { contacts.join(",") }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        let both = "sofia/internal/sip:1000@192.0.2.1,sofia/internal/sip:1000@192.0.2.2";
        check("sofia_contact", "1000@example.com", both);
        check("sofia_contact", "*/1000@example.com", both);
        check("sofia_contact", "1000", both);
        check("sofia_contact", "internal/1000", both);
        check("sofia_contact", "internal/1000@example.com/Phone", "sofia/internal/sip:1000@192.0.2.1");
        check("sofia_contact", "1000@example.com/Phone", "sofia/internal/sip:1000@192.0.2.1");
        check("sofia_contact", "external/1000@example.com", "error/user_not_registered");
        check("sofia_contact", "1001@example.com", "error/user_not_registered");
        check("sofia_contact", "", "error/user_not_registered");
    }
}
