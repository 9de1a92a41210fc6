//! `group`: named lists of dial strings, kept in the database in the order in which they were added (realm `_group/<name>`).

use super::{ApiContext, ApiFunction};

/// Realm of the database that holds a group's entries, before its name.
const REALM: &str = "_group/";

/// The command.
pub(super) struct Group;

impl ApiFunction for Group {
    fn name(&self) -> &'static str {
        "group"
    }

    fn doc(&self) -> &'static str {
        "Lists of dial strings that outlive a restart"
    }

    fn syntax(&self) -> &'static str {
        "insert|delete|call:<group>[:<url>|:order|:multi]"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let mut parts = args.splitn(3, ':');
        let command = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (group, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let realm = format!("{REALM}{group}");
        let store = context.store();
        let mut entries = store.db_list(Some(&realm));
        entries.sort();
        let url = |entry: &str| entry.split_once(' ').map_or(entry, |(_, url)| url).to_owned();
        let present = entries.iter().find(|entry| url(entry) == rest).cloned();
        let done = |done: bool| (if done { "+OK" } else { "!err!" }).to_owned();
        match command.as_str() {
            _ if group.is_empty() => "!err!".to_owned(),
            "insert" if !rest.is_empty() => {
                let last = entries.last().and_then(|entry| entry.split_once(' ')?.0.parse::<u64>().ok());
                let number = last.map_or(0, |last| last.saturating_add(1));
                done(present.is_some() || store.db_insert(&realm, &format!("{number:020} {rest}"), "1"))
            }
            "delete" if !rest.is_empty() => done(present.is_none_or(|entry| store.db_delete(&realm, &entry))),
            "call" => {
                let separator = match rest {
                    "order" => "|",
                    "multi" => ":_:",
                    _ => ",",
                };
                entries.iter().map(|entry| url(entry)).collect::<Vec<_>>().join(separator)
            }
            _ => "!err!".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("group", "insert:sales:user/1", "+OK");
        check("group", "delete:sales:user/1", "+OK");
        check("group", "insert:sales", "!err!");
        check("group", "", "!err!");
    }
}
