//! `coalesce`: the first value that is not empty.

use super::{ApiContext, ApiFunction};
use crate::words::expand::split_unlimited;

/// The command.
pub(super) struct Coalesce;

impl ApiFunction for Coalesce {
    fn name(&self) -> &'static str {
        "coalesce"
    }

    fn doc(&self) -> &'static str {
        "The first value that is not empty"
    }

    fn syntax(&self) -> &'static str {
        "[^^<delim>]<value1>,<value2>,..."
    }

    fn run(&self, _context: &mut dyn ApiContext, args: &str) -> String {
        if args.is_empty() {
            return format!("-USAGE: {}\n", self.syntax());
        }
        split_unlimited(args, ',').into_iter().find(|value| !value.is_empty()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("coalesce", ",,c,d", "c");
        check("coalesce", "^^;;;z;y", "z");
        check("coalesce", "", "-USAGE: [^^<delim>]<value1>,<value2>,...\n");
    }
}
