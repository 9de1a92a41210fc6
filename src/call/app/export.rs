//! `export`: sets a channel variable and gives it to called legs. `nolocal:x=1` sets the odd variable `nolocal:x` here and
//! `x` there.

use super::{Application, Run};
use crate::call::task::Call;

/// The application.
pub(super) static EXPORT: Application = Application {
    name: "export",
    doc: "Sets a channel variable and gives it to called legs",
    syntax: "[nolocal:]<name>=<value>",
    media: false,
    inline: true,
    zombie: true,
    run: Run::Now(run),
};

fn run(call: &mut Call, data: &str) {
    super::export::mark(call, data, "export_vars");
}

/// Sets the variable under its full name and adds the name to a list; without a value it is removed.
pub(super) fn mark(call: &mut Call, data: &str, list: &str) {
    let (name, value) = data.split_once('=').unwrap_or((data, ""));
    if name.is_empty() {
        tracing::error!("no variable is named");
        return;
    }
    if value.is_empty() {
        call.a.variables.remove(name);
        return;
    }
    call.a.variables.set(name, value);
    let names = match call.a.get(list) {
        Some(present) => format!("{present},{name}"),
        None => name.to_owned(),
    };
    call.a.variables.set(list, &names);
}
