//! `docs/commands.md` is made from the tables of commands and applications, and is current. With `UPDATE_DOCS=1` it is
//! written anew.

use std::fmt::Write as _;

use switch::call::{api, app, command};
use switch::engine::config::ScriptSettings;
use switch::engine::xml::{self, NoFiles};
use switch::words::model::Variables;

fn reference() -> String {
    let mut text = "# Commands and applications\n\nMade from the tables of the program (`tests/reference.rs`).\n\n\
                    ## API commands\n\nFor `api` and `bgapi` of the event socket, `switch cli`, `freeswitch.API()` of scripts, and\n\
                    `${name(arguments)}` of the dialplan.\n\n| Command | Arguments | What it does |\n|---|---|---|\n"
        .to_owned();
    let now = api::all().iter().map(|function| (function.name(), function.syntax(), function.doc()));
    let waiting = command::all().iter().map(|command| (command.name, command.syntax, command.doc));
    let mut all: Vec<_> = now.chain(waiting).collect();
    all.sort_unstable();
    let cell = |text: &str| text.replace('|', "\\|");
    for (name, syntax, doc) in all {
        let _ = writeln!(
            text,
            "| `{name}` | {} | {} |",
            if syntax.is_empty() { String::new() } else { format!("`{}`", cell(syntax)) },
            cell(doc)
        );
    }
    text.push_str("\n## Applications\n\n| Application | Arguments | What it does |\n|---|---|---|\n");
    for application in app::all() {
        let syntax =
            if application.syntax.is_empty() { String::new() } else { format!("`{}`", cell(application.syntax)) };
        let _ = writeln!(text, "| `{}` | {syntax} | {} |", application.name, cell(application.doc));
    }
    text
}

#[test]
fn the_reference_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
    let text = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &text).expect("the reference is written");
    }
    let present = std::fs::read_to_string(path).unwrap_or_default();
    assert!(present == text, "docs/commands.md is not current: UPDATE_DOCS=1 cargo test --test reference writes it");
}

/// The example of `lua.conf` in `docs/lua.md` is one without a mistake.
#[test]
fn the_settings_of_the_lua_manual_are_read() {
    let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/lua.md")).expect("the manual");
    let blocks: Vec<&str> = manual.split("```xml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let [block] = blocks[..] else { panic!("{} blocks", blocks.len()) };
    let loaded = xml::load("lua.conf.xml", block.as_bytes(), Variables::new(), &NoFiles);
    let mut wrong = loaded.diagnostics;
    let settings = ScriptSettings::read(&loaded.root.expect("a document"), &mut wrong);
    assert_eq!((wrong.len(), settings.startup.len(), settings.hooks.len(), settings.strict), (0, 1, 1, true));
}
