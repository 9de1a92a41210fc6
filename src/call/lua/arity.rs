//! How many arguments the methods of a session take, as a checker asks.

use std::ops::RangeInclusive;

use super::table::all;

/// The class that scripts know as the session.
const CLASS: &str = "Session";

/// Numbers of arguments that `session:name(…)` takes, the object not counted; none: there is no such method.
pub fn session_arity(name: &str) -> Option<RangeInclusive<usize>> {
    let method = all().iter().find(|method| method.is_method() && method.class() == CLASS && method.name == name)?;
    Some(method.required.saturating_sub(1)..=method.parameters.len().saturating_sub(1))
}

/// Names of the methods.
pub fn session_methods() -> impl Iterator<Item = &'static str> {
    all().iter().filter(|method| method.is_method() && method.class() == CLASS).map(|method| method.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_methods() {
        assert_eq!(session_arity("setVariable"), Some(2..=2));
        assert_eq!(session_arity("nosuch"), None);
        assert!(session_methods().any(|name| name == "hangup"));
    }
}
