//! The variables that govern a failed bridge.

use std::ops::Range;

use super::view::{Action, View};
use crate::words::model::Cause;
use crate::words::text::Span;

/// One of `continue_on_fail`, `failure_causes`, `transfer_on_fail`, set to a value that is known now.
pub(super) struct Setting<'v> {
    pub(super) action: Action<'v>,
    pub(super) name: &'v str,
    /// The whole value.
    pub(super) value: &'v str,
    /// Its causes: the value, of `transfer_on_fail` its first word.
    pub(super) causes: &'v str,
    /// Where the value begins in the data.
    at: usize,
}

impl Setting<'_> {
    /// The place of a part of the value.
    pub(super) fn span(&self, view: &View<'_>, part: Range<usize>) -> Span {
        let data = self.action.data();
        data.map_or(self.action.span(), |data| view.part(data, self.at + part.start..self.at + part.end))
    }

    /// The place of the value.
    pub(super) fn whole(&self, view: &View<'_>) -> Span {
        self.span(view, 0..self.value.len())
    }

    /// The items of its list, with their places in the value.
    pub(super) fn items(&self) -> Vec<(&str, Range<usize>)> {
        let mut from = 0;
        let items = self.causes.split(',').map(|item| {
            let start = from + (item.len() - item.trim_start().len());
            from += item.len() + 1;
            (item.trim(), start..start + item.trim().len())
        });
        items.filter(|(item, _)| !item.is_empty()).collect()
    }
}

/// All of them in the actions given.
pub(super) fn settings<'v>(actions: impl Iterator<Item = Action<'v>>) -> Vec<Setting<'v>> {
    let names = ["continue_on_fail", "failure_causes", "transfer_on_fail"];
    let mut found = Vec::new();
    for action in actions {
        for (name, value, place) in action.assignments() {
            if value.contains('$') || !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                continue;
            }
            let transfer = name.eq_ignore_ascii_case("transfer_on_fail");
            let causes = if transfer { value.split(' ').next().unwrap_or_default() } else { value };
            found.push(Setting { action, name, value, causes, at: place.start });
        }
    }
    found
}

/// The cause of a name or number in a list; none: there is no such cause.
pub(super) fn cause(item: &str) -> Option<Cause> {
    match item.parse::<u32>() {
        Ok(number) => Cause::all().find(|cause| cause.number() == number),
        Err(_) => Cause::from_name(item),
    }
}
