//! Any text expanded, with variables that refer to one another.
#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use switch::words::expand::{Api, Lookup, expand, split};

struct Names;

impl Lookup for Names {
    fn variable(&self, name: &str, _index: Option<usize>) -> Option<Cow<'_, str>> {
        Some(if name.len().is_multiple_of(2) { "${y}${z}".into() } else { "value".into() })
    }

    fn api(&mut self, _name: &str, args: &str) -> Api {
        Api::Value(args.to_owned())
    }
}

fuzz_target!(|text: &str| {
    let _ = expand(text, &mut Names);
    split(text, ',', 100);
});
