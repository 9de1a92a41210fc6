//! The table: sorted by name when it is first used.

use std::sync::LazyLock;

use super::{
    Command, describe, displace, far_end, files, hupall, limits, orders, origination, parts, record, reload, schedule,
    settings, show, sofia, sound, status, trace, unavailable, variables, wrap,
};

static TABLE: LazyLock<Vec<&'static Command>> = LazyLock::new(|| {
    let groups: [&'static [Command]; 21] = [
        describe::COMMANDS,
        displace::COMMANDS,
        far_end::COMMANDS,
        files::COMMANDS,
        hupall::COMMANDS,
        limits::COMMANDS,
        orders::COMMANDS,
        origination::COMMANDS,
        parts::COMMANDS,
        record::COMMANDS,
        reload::COMMANDS,
        schedule::COMMANDS,
        settings::COMMANDS,
        show::COMMANDS,
        sofia::COMMANDS,
        sound::COMMANDS,
        status::COMMANDS,
        trace::COMMANDS,
        unavailable::COMMANDS,
        variables::COMMANDS,
        wrap::COMMANDS,
    ];
    let mut all: Vec<&'static Command> = groups.into_iter().flatten().collect();
    all.sort_by_key(|command| command.name);
    all
});

/// Every command, sorted by name.
pub fn all() -> &'static [&'static Command] {
    &TABLE
}

/// A command by name, ignoring case.
pub fn find(name: &str) -> Option<&'static Command> {
    let lower = name.to_ascii_lowercase();
    let at = TABLE.binary_search_by(|command| command.name.cmp(lower.as_str())).ok()?;
    TABLE.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_once_and_in_one_table() {
        assert!(TABLE.is_sorted_by(|a, b| a.name < b.name));
        for command in all() {
            assert!(!command.doc.is_empty(), "{}", command.name);
            assert!(crate::call::api::find(command.name).is_none(), "{} is in both tables", command.name);
        }
    }
}
