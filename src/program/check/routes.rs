//! What can be said of numbers and extensions without a call.

use super::view::{Extension, View, constant_pattern};
use crate::engine::dialplan::ast::{Condition, Text};
use crate::words::pattern::Pattern;

/// The condition tests the destination number and nothing else, against an expression that is always the same.
pub(super) fn number_test(condition: &Condition) -> Option<(&Text, Pattern)> {
    let test = &condition.test;
    let number = test.field.as_ref().is_some_and(|field| field.text.eq_ignore_ascii_case("destination_number"));
    let plain = condition.group.is_none() && test.dates.is_empty();
    if !number || !plain {
        return None;
    }
    constant_pattern(test).filter(|(_, pattern)| pattern.error().is_none())
}

/// Whether a condition that fails ends its extension without leaving anything.
pub(super) fn is_gate(condition: &Condition) -> bool {
    let ends = condition
        .breaks
        .as_ref()
        .is_none_or(|value| !["on-true", "never"].iter().any(|other| value.text.eq_ignore_ascii_case(other)));
    ends && condition.anti_actions.is_empty()
}

/// The pattern without which an extension ends, leaving nothing; none when it has no such condition.
pub(super) fn gate(extension: &Extension<'_>) -> Option<Pattern> {
    let mut gates = extension.written.conditions.iter().filter(|condition| is_gate(condition));
    gates.find_map(number_test).map(|(_, pattern)| pattern)
}

/// Expressions that match every number.
const ALL: &[&str] =
    &[".*", "^.*$", "^(.*)$", "(.*)", "^(.*)", "^.*", ".+", "^.+$", "^(.+)$", "(.+)", "^(.+)", "^.+", "^", ""];

/// Whether a condition passes for every call.
pub(super) fn always_passes(condition: &Condition) -> bool {
    let test = &condition.test;
    if condition.group.is_some() || !test.dates.is_empty() {
        return false;
    }
    match &test.field {
        None => true,
        Some(field) => {
            let expression = test.expression.as_ref().map_or("", |expression| &expression.text);
            field.text.eq_ignore_ascii_case("destination_number") && ALL.contains(&expression)
        }
    }
}

/// Whether the hunt of every call ends with this extension.
pub(super) fn takes_all(extension: &Extension<'_>) -> bool {
    let conditions = &extension.written.conditions;
    !extension.continues()
        && !conditions.is_empty()
        && conditions.iter().all(|condition| always_passes(condition) && condition.nested.is_empty())
}

/// Whether calls may begin their hunt at an extension by its name, so that any of them can be reached.
pub(super) fn hunts_by_name(view: &View<'_>) -> bool {
    let named = |name: &str| name.eq_ignore_ascii_case("auto_hunt");
    view.globals.get("auto_hunt").is_some()
        || view.actions().flat_map(|action| action.assignments()).any(|(name, ..)| named(name))
}
