//! Where `transfer` and `execute_extension` go.

use super::dialled::{UNKNOWN, masked};
use super::view::{Extension, View};
use crate::engine::dialplan::ast::Text;
use crate::words::expand::split;

/// One target, as far as it is known.
pub(super) struct Target<'v> {
    pub(super) data: &'v Text,
    /// `execute_extension`: what goes on after an extension runs, too.
    pub(super) executes: bool,
    pub(super) number: Option<String>,
    pub(super) dialplan: String,
    /// None: it is not known.
    pub(super) context: Option<String>,
}

/// All targets of the dialplan.
pub(super) fn targets<'v>(view: &View<'v>) -> Vec<Target<'v>> {
    view.extensions.iter().flat_map(of).collect()
}

fn of<'v>(extension: &Extension<'v>) -> Vec<Target<'v>> {
    let actions = extension.actions.iter().filter(|action| action.is(&["transfer", "execute_extension"]));
    let one = |(data, executes): (&'v Text, bool)| {
        let mut words = split(&masked(&data.text), ' ', 4);
        words.retain(|word| !word.is_empty());
        if words.first().is_some_and(|word| word.starts_with('-')) {
            words.remove(0);
        }
        let mut words = words.into_iter();
        let known = |word: String| (!word.contains(UNKNOWN)).then_some(word);
        let number = words.next().and_then(known);
        let dialplan = words.next().unwrap_or_else(|| "XML".to_owned());
        let context = match words.next() {
            Some(word) => known(word),
            None => Some(extension.context.name.text.clone()),
        };
        Target { data, executes, number, dialplan, context }
    };
    actions.filter_map(|action| Some((action.data()?, action.is(&["execute_extension"])))).map(one).collect()
}

impl Target<'_> {
    /// Whether it goes to a context of this dialplan.
    pub(super) fn is_xml(&self) -> bool {
        self.dialplan.eq_ignore_ascii_case("XML")
    }
}
