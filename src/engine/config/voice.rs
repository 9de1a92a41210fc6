//! What callers hear by name: phrase macros and menus.

use std::sync::Arc;

use super::{Menu, Phrases, read_menus};
use crate::engine::xml::Element;
use crate::words::text::Diagnostic;

/// Phrase macros and menus of a configuration.
#[derive(Debug, Default)]
pub struct Voice {
    /// The macros.
    pub phrases: Phrases,
    menus: Vec<Arc<Menu>>,
}

impl Voice {
    /// Reads them from a document.
    pub fn read(root: &Element, diagnostics: &mut Vec<Diagnostic>) -> Self {
        Self {
            phrases: Phrases::read(root, diagnostics),
            menus: read_menus(root, diagnostics).into_iter().map(Arc::new).collect(),
        }
    }

    /// All menus, in order.
    pub fn menus(&self) -> impl Iterator<Item = &Menu> {
        self.menus.iter().map(|menu| &**menu)
    }

    /// A menu by name.
    pub fn menu(&self, name: &str) -> Option<Arc<Menu>> {
        self.menus.iter().find(|menu| menu.name == name).cloned()
    }
}
