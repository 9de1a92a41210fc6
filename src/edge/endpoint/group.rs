//! `group/<name>[@<domain>]`: dials what `group_call` of the group gives.

use crate::call::leg::{DialRequest, LegFactory, Prepared};
use crate::words::model::Cause;

/// The endpoint `group`.
pub struct GroupEndpoint;

impl LegFactory for GroupEndpoint {
    fn prepare(&self, request: &DialRequest<'_>) -> Result<Prepared, Cause> {
        // It becomes part of a text that is expanded.
        if request.destination.contains(['$', '(', ')', '{', '}']) {
            return Err(Cause::DESTINATION_OUT_OF_ORDER);
        }
        let group = request.destination.split(['@', '+']).next().unwrap_or_default();
        Ok(Prepared::Nested {
            dial_string: format!("${{group_call({})}}", request.destination),
            variables: Vec::new(),
            a_variables: vec![("dialed_group".to_owned(), group.to_owned())],
            callee_variables: Vec::new(),
            recurse: "group_recurse_variables",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_request::dial;
    use super::*;

    #[test]
    fn a_group_is_what_group_call_says() {
        let Ok(Prepared::Nested { dial_string, a_variables, .. }) = dial(&GroupEndpoint, "group", "sales@d+F", &[])
        else {
            panic!("no dial string");
        };
        assert_eq!(dial_string, "${group_call(sales@d+F)}");
        assert_eq!(a_variables, [("dialed_group".to_owned(), "sales".to_owned())]);
        let hostile = dial(&GroupEndpoint, "group", "x)}${system(y)", &[]).err();
        assert_eq!(hostile, Some(Cause::DESTINATION_OUT_OF_ORDER));
    }
}
