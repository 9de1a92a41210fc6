//! `expand`: expands the whole line and runs it as a command.

use super::{ApiContext, ApiFunction};
use crate::words::expand::{Api, expand};

/// The command.
pub(super) struct Expand;

impl ApiFunction for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }

    fn doc(&self) -> &'static str {
        "Expands the whole line and runs it as a command"
    }

    fn syntax(&self) -> &'static str {
        "<command> <arguments>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        if args.is_empty() {
            return "-ERR No input\n".to_owned();
        }
        let line = match expand(args, context) {
            Ok(line) => line.into_owned(),
            Err(pending) => return format!("-ERR {pending}\n"),
        };
        let (name, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match context.api(name, rest.trim()) {
            Api::Value(output) => output,
            Api::Unknown => "INVALID COMMAND!\n-ERR Cannot execute command\n".to_owned(),
            Api::Pending => format!("-ERR {name} cannot run inside expand\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("expand", "echo ${color}", "blue");
        check("expand", "", "-ERR No input\n");
        check("expand", "nosuchcommand_x 1", "INVALID COMMAND!\n-ERR Cannot execute command\n");
        check("expand", "md5 ${url_encode(a b)}", "4c85f5eb3a20b8ad41bddfdd57ff6347");
    }
}
