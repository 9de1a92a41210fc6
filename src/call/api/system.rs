//! `system`: a shell command.
//!
//! Off unless the configuration allows it (`allow-system-commands` of `switch.conf`). It waits, so whoever runs commands
//! sees to it where it is allowed; what stands here is the refusal.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct System;

impl ApiFunction for System {
    fn name(&self) -> &'static str {
        "system"
    }

    fn doc(&self) -> &'static str {
        "Standard output of a shell command"
    }

    fn syntax(&self) -> &'static str {
        "<command>"
    }

    fn run(&self, _context: &mut dyn ApiContext, _args: &str) -> String {
        "-ERR system is disabled\n".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("system", "echo hi", "-ERR system is disabled\n");
    }
}
