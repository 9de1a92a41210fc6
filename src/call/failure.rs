//! What happens to a call after a bridge failed: go on, transfer, or hang up.
//!
//! A pure function of the cause and of the channel's variables `continue_on_fail`, `failure_causes`, `transfer_on_fail`
//! and `failure_order`. The order of the tests is FreeSWITCH's, with one exception that is ours: when `transfer_on_fail`
//! names the cause and `continue_on_fail` is only a true word (a single non-zero number included), the transfer is made.
//! `failure_order=freeswitch` (channel variable, else global) restores FreeSWITCH's order.

use crate::words::expand::{split, split_unlimited};
use crate::words::model::{Cause, truthy};

/// Items that a list of causes may have.
const MAX_CAUSES: usize = 256;

/// What to do with the caller after a bridge failed. Nothing of it applies when the caller is gone already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The next action of the list runs.
    Continue,
    /// Transfer; what is not named takes the defaults of a transfer.
    Transfer {
        /// Destination: as given, else the name of the cause.
        extension: String,
        /// Dialplan.
        dialplan: Option<String>,
        /// Context.
        context: Option<String>,
    },
    /// Hang up with the cause, unless a transfer is under way already.
    Hangup(Cause),
}

/// Decides. `variable` reads a variable of the caller's channel, falling back to globals.
pub fn decide<'v>(cause: Cause, variable: impl Fn(&str) -> Option<&'v str>) -> Decision {
    if cause == Cause::ATTENDED_TRANSFER {
        return Decision::Hangup(cause);
    }
    let continues = variable("continue_on_fail");
    let fatal = variable("failure_causes");
    let transfer = variable("transfer_on_fail").map(Transfer::parse);
    let ours = !variable("failure_order").is_some_and(|order| order.eq_ignore_ascii_case("freeswitch"));

    if let Some(list) = fatal
        && !lists(list, cause)
    {
        return Decision::Continue;
    }
    if let Some(words) = continues {
        let overruled = ours && transfer.as_ref().is_some_and(|transfer| transfer.names(cause));
        if (truthy(words) && !overruled) || (!truthy(words) && lists(words, cause)) {
            return Decision::Continue;
        }
    }
    if continues.is_none() && fatal.is_none() && continues_by_default(cause) {
        return Decision::Continue;
    }
    match transfer {
        Some(transfer) if truthy(&transfer.causes) => Decision::Continue,
        Some(transfer) if lists(&transfer.causes, cause) => transfer.decision(cause),
        _ => Decision::Hangup(cause),
    }
}

/// Whether a comma list holds the cause, by name (any case) or internal number.
pub fn lists(list: &str, cause: Cause) -> bool {
    let number = cause.number().to_string();
    split(list, ',', MAX_CAUSES).iter().any(|item| item.eq_ignore_ascii_case(cause.name()) || *item == number)
}

/// Causes after which the list goes on when no variable says anything.
pub fn continues_by_default(cause: Cause) -> bool {
    [Cause::NO_ANSWER, Cause::NO_USER_RESPONSE, Cause::ORIGINATOR_CANCEL].contains(&cause)
}

/// `<causes> [<exten>|auto_cause [<dialplan> [<context>]]]`
struct Transfer {
    causes: String,
    extension: Option<String>,
    dialplan: Option<String>,
    context: Option<String>,
}

impl Transfer {
    fn parse(text: &str) -> Self {
        let mut words = split_unlimited(text, ' ').into_iter();
        Self {
            causes: words.next().unwrap_or_default(),
            extension: words.next().filter(|word| !word.is_empty() && !word.eq_ignore_ascii_case("auto_cause")),
            dialplan: words.next(),
            context: words.next(),
        }
    }

    /// The cause stands in the list; a true word names nothing.
    fn names(&self, cause: Cause) -> bool {
        !truthy(&self.causes) && lists(&self.causes, cause)
    }

    fn decision(self, cause: Cause) -> Decision {
        Decision::Transfer {
            extension: self.extension.unwrap_or_else(|| cause.name().to_owned()),
            dialplan: self.dialplan,
            context: self.context,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `+` go on, `-` hang up, anything else the words of a transfer.
    fn check(cause: Cause, variables: &[(&'static str, &'static str)], expected: &str) {
        let decision = decide(cause, |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| *value));
        let found = match decision {
            Decision::Continue => "+".to_owned(),
            Decision::Hangup(with) => {
                assert_eq!(with, cause);
                "-".to_owned()
            }
            Decision::Transfer { extension, dialplan, context } => {
                [Some(extension), dialplan, context].into_iter().flatten().collect::<Vec<_>>().join(" ")
            }
        };
        assert_eq!(found, expected, "{} with {variables:?}", cause.name());
    }

    const BUSY: Cause = Cause::USER_BUSY;
    const NO_ANSWER: Cause = Cause::NO_ANSWER;
    const REJECTED: Cause = Cause::CALL_REJECTED;

    #[test]
    fn defaults() {
        check(BUSY, &[], "-");
        check(NO_ANSWER, &[], "+");
        check(Cause::NO_USER_RESPONSE, &[], "+");
        check(Cause::ORIGINATOR_CANCEL, &[], "+");
        check(Cause::ATTENDED_TRANSFER, &[("continue_on_fail", "true")], "-");
    }

    #[test]
    fn continue_on_fail() {
        check(NO_ANSWER, &[("continue_on_fail", "false")], "-");
        check(BUSY, &[("continue_on_fail", "true")], "+");
        check(BUSY, &[("continue_on_fail", "NO_ANSWER, user_busy")], "+");
        check(BUSY, &[("continue_on_fail", "17,19")], "+");
        check(BUSY, &[("continue_on_fail", "NO_ANSWER,486")], "-");
        check(BUSY, &[("continue_on_fail", "19")], "+");
        check(BUSY, &[("continue_on_fail", "^^:NO_ANSWER:USER_BUSY")], "+");
        check(BUSY, &[("continue_on_fail", "'USER_BUSY',x")], "+");
        check(Cause::USER_NOT_REGISTERED, &[("continue_on_fail", "806,1")], "+");
    }

    #[test]
    fn failure_causes() {
        check(Cause::NO_ROUTE_DESTINATION, &[("failure_causes", "USER_BUSY")], "+");
        check(BUSY, &[("failure_causes", "USER_BUSY")], "-");
        check(NO_ANSWER, &[("failure_causes", "NO_ANSWER")], "-");
        check(NO_ANSWER, &[("failure_causes", "USER_BUSY")], "+");
        check(BUSY, &[("failure_causes", "USER_BUSY"), ("continue_on_fail", "true")], "+");
        check(BUSY, &[("failure_causes", "USER_BUSY"), ("transfer_on_fail", "USER_BUSY 7")], "7");
    }

    #[test]
    fn transfer_on_fail() {
        check(BUSY, &[("transfer_on_fail", "USER_BUSY 7 XML t")], "7 XML t");
        check(BUSY, &[("transfer_on_fail", "USER_BUSY")], "USER_BUSY");
        check(BUSY, &[("transfer_on_fail", "NO_ANSWER,17 auto_cause XML t")], "USER_BUSY XML t");
        check(BUSY, &[("transfer_on_fail", "true 7 XML t")], "+");
        check(REJECTED, &[("transfer_on_fail", "USER_BUSY 7 XML t")], "-");
        check(NO_ANSWER, &[("transfer_on_fail", "NO_ANSWER 7 XML t")], "+");
        check(NO_ANSWER, &[("continue_on_fail", "false"), ("transfer_on_fail", "NO_ANSWER 7 XML t")], "7 XML t");
        check(BUSY, &[("continue_on_fail", "USER_BUSY"), ("transfer_on_fail", "USER_BUSY 7 XML t")], "+");
    }

    #[test]
    fn worked_example_of_two_lists() {
        let variables = [
            ("continue_on_fail", "NORMAL_TEMPORARY_FAILURE,NO_ROUTE_DESTINATION"),
            ("transfer_on_fail", "USER_BUSY,CALL_REJECTED,NO_ANSWER auto_cause XML errors"),
        ];
        check(Cause::NORMAL_TEMPORARY_FAILURE, &variables, "+");
        check(BUSY, &variables, "USER_BUSY XML errors");
        check(NO_ANSWER, &variables, "NO_ANSWER XML errors");
        check(Cause::UNALLOCATED_NUMBER, &variables, "-");
        check(Cause::NO_USER_RESPONSE, &variables, "-");
        check(Cause::INVALID_GATEWAY, &variables, "-");
    }

    #[test]
    fn a_named_cause_beats_a_blanket_continue_unless_told_otherwise() {
        let both = [("continue_on_fail", "true"), ("transfer_on_fail", "USER_BUSY 7 XML t")];
        check(BUSY, &both, "7 XML t");
        check(REJECTED, &both, "+");
        check(BUSY, &[("continue_on_fail", "1"), ("transfer_on_fail", "17,18 7")], "7");
        check(BUSY, &[("continue_on_fail", "true"), ("transfer_on_fail", "true 7")], "+");
        check(BUSY, &[both[0], both[1], ("failure_order", "FreeSWITCH")], "+");
        check(BUSY, &[both[0], both[1], ("failure_order", "ours")], "7 XML t");
        check(BUSY, &[both[0], both[1], ("failure_causes", "NO_ANSWER")], "+");
    }

    proptest! {
        #[test]
        fn never_panics(list in ".{0,40}", causes in ".{0,40}", number in 0u32..900) {
            let variables = [("continue_on_fail", list.as_str()), ("transfer_on_fail", causes.as_str())];
            decide(Cause::from_number(number), |name| variables.iter().find(|(key, _)| *key == name).map(|(_, v)| *v));
        }
    }
}
