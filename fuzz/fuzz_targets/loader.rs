//! Any bytes as a configuration: loaded, compiled, rendered.
#![no_main]

use libfuzzer_sys::fuzz_target;
use switch::call::app::Catalog;
use switch::engine::dialplan::Dialplan;
use switch::engine::xml::{NoFiles, load};
use switch::words::model::Variables;
use switch::words::text::render;

fuzz_target!(|bytes: &[u8]| {
    let loaded = load("fuzz.xml", bytes, Variables::new(), &NoFiles);
    assert!(loaded.root.is_some() || loaded.has_errors());
    render(&loaded.sources, &loaded.diagnostics);
    if let Some(root) = &loaded.root {
        Dialplan::compile(root, &Catalog);
    }
});
