//! The dialplan `LUA`: what a script leaves in the global `ACTIONS`.

use mlua::{Lua, Table, Value};

/// Actions one list may have.
const MOST: usize = 10_000;

/// Applications and their data. An element is a name, or a table of a name and data; any other makes the whole list empty,
/// as in FreeSWITCH.
pub(super) fn actions(lua: &Lua) -> Result<Vec<(String, String)>, String> {
    let Ok(Value::Table(list)) = lua.globals().raw_get::<Value>("ACTIONS") else {
        return Err("the global ACTIONS is no table".to_owned());
    };
    let mut actions = Vec::new();
    for pair in list.pairs::<Value, Value>() {
        let action = pair.ok().and_then(|(_, element)| action(&element));
        actions.push(action.ok_or("ACTIONS holds what is neither a name nor a table of a name and data")?);
        if actions.len() > MOST {
            return Err(format!("ACTIONS holds more than {MOST} actions"));
        }
    }
    Ok(actions)
}

fn action(element: &Value) -> Option<(String, String)> {
    match element {
        Value::String(name) => Some((name.to_string_lossy(), String::new())),
        Value::Table(table) => {
            Some((text_of(table, 1)?, if absent(table, 2) { String::new() } else { text_of(table, 2)? }))
        }
        _ => None,
    }
}

fn absent(table: &Table, at: i64) -> bool {
    table.raw_get::<Value>(at).is_ok_and(|value| value.is_nil())
}

/// A string; none for anything else.
fn text_of(table: &Table, at: i64) -> Option<String> {
    match table.raw_get::<Value>(at).ok()? {
        Value::String(text) => Some(text.to_string_lossy()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_actions() {
        let pair = |app: &str, data: &str| (app.to_owned(), data.to_owned());
        for (code, expected) in [
            (
                "ACTIONS={{'set','x=1'},{'answer'},'log'}",
                Some(vec![pair("set", "x=1"), pair("answer", ""), pair("log", "")]),
            ),
            ("ACTIONS={}", Some(Vec::new())),
            ("ACTIONS={{'set','x=1'},7}", None),
            ("ACTIONS={{'set',5}}", None),
            ("ACTIONS={{}}", None),
            ("ACTIONS='answer'", None),
            ("", None),
        ] {
            let lua = Lua::new();
            lua.load(code).exec().unwrap();
            assert_eq!(actions(&lua).ok(), expected, "{code}");
        }
    }
}
