//! `hash`: a value in the memory shared by all calls.
//!
//! The last part keeps its slashes.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct Hash;

impl ApiFunction for Hash {
    fn name(&self) -> &'static str {
        "hash"
    }

    fn doc(&self) -> &'static str {
        "A value in the memory shared by all calls"
    }

    fn syntax(&self) -> &'static str {
        "insert|insert_ifempty|select|delete|delete_ifmatch/realm/key[/value]"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let parts: Vec<&str> = args.splitn(4, '/').collect();
        let store = context.store();
        let reply =
            match *parts.as_slice() {
                [command, realm, key] if command.eq_ignore_ascii_case("select") => {
                    return store.hash_select(realm, key).unwrap_or_default();
                }
                [command, realm, key, value] if command.eq_ignore_ascii_case("insert") => {
                    store.hash_insert(realm, key, value);
                    "+OK\n"
                }
                [command, realm, key, value] if command.eq_ignore_ascii_case("insert_ifempty") => {
                    if store.hash_select(realm, key).is_some() {
                        "-ERR key already exists\n"
                    } else {
                        store.hash_insert(realm, key, value);
                        "+OK\n"
                    }
                }
                [command, realm, key, ..] if command.eq_ignore_ascii_case("delete") => {
                    if store.hash_delete(realm, key) { "+OK\n" } else { "-ERR Not found\n" }
                }
                [command, realm, key, value] if command.eq_ignore_ascii_case("delete_ifmatch") => {
                    match store.hash_select(realm, key) {
                        None => "-ERR Not found\n",
                        Some(found) if found != value => "-ERR Doesn't match\n",
                        Some(_) => {
                            store.hash_delete(realm, key);
                            "+OK\n"
                        }
                    }
                }
                _ => return format!("-ERR Usage: hash {}\n", self.syntax()),
            };
        reply.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("hash", "insert/r/k/a/b", "+OK\n");
        check("hash", "select/r/k", "kept");
        check("hash", "insert_ifempty/r/k/x", "-ERR key already exists\n");
        check("hash", "delete_ifmatch/r/k/x", "-ERR Doesn't match\n");
        check("hash", "delete/r/none", "-ERR Not found\n");
        check("hash", "select/r/none", "");
        check("hash", "", "-ERR Usage: hash insert|insert_ifempty|select|delete|delete_ifmatch/realm/key[/value]\n");
    }
}
