//! `md5`: MD5 of the text in hexadecimal digits.

use std::fmt::Write as _;

use super::{ApiContext, ApiFunction};
use md5::Digest as _;
use md5::Md5 as Digest;

/// The command.
pub(super) struct Md5;

impl ApiFunction for Md5 {
    fn name(&self) -> &'static str {
        "md5"
    }

    fn doc(&self) -> &'static str {
        "MD5 of the text in hexadecimal digits"
    }

    fn syntax(&self) -> &'static str {
        "<text>"
    }

    fn run(&self, _context: &mut dyn ApiContext, args: &str) -> String {
        if args.is_empty() {
            return "!err!".to_owned();
        }
        let mut hex = String::with_capacity(32);
        for byte in Digest::digest(args.as_bytes()) {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

#[cfg(test)]
mod tests {
    use crate::call::api::testing::check;

    #[test]
    fn examples() {
        check("md5", "hello", "5d41402abc4b2a76b9719d911017c592");
        check("md5", "hello world", "5eb63bbbe01eeed093cb22bb8f5acdc3");
        check("md5", "", "!err!");
    }
}
