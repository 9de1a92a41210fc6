//! `bg_system`: a shell command that nobody waits for. Refused unless allowed, as `system` is.

use super::{ApiContext, ApiFunction};

/// The command.
pub(super) struct BgSystem;

impl ApiFunction for BgSystem {
    fn name(&self) -> &'static str {
        "bg_system"
    }

    fn doc(&self) -> &'static str {
        "Starts a shell command and does not wait for it"
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
        check("bg_system", "echo hi", "-ERR system is disabled\n");
    }
}
