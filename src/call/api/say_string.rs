//! `say_string`: the files that `say` would play, as a file string.

use super::{ApiContext, ApiFunction};
use crate::words::say::{SayMethod, SayType, say};

const USAGE: &str = "-ERR Usage: <module_name>[.<ext>] <lang>[.<ext>] <say_type> <say_method> [<say_gender>] <text>\n";

/// The command.
pub(super) struct SayString;

impl ApiFunction for SayString {
    fn name(&self) -> &'static str {
        "say_string"
    }

    fn doc(&self) -> &'static str {
        "The files that say numbers, dates and other things"
    }

    fn syntax(&self) -> &'static str {
        "<module_name>[.<ext>] <lang>[.<ext>] <say_type> <say_method> [<say_gender>] <text>"
    }

    fn run(&self, context: &mut dyn ApiContext, args: &str) -> String {
        let words: Vec<&str> = args.split_whitespace().collect();
        let ([module, _, kind, method, text] | [module, _, kind, method, _, text]) = words[..] else {
            return USAGE.to_owned();
        };
        let (language, suffix) = module.split_once('.').unwrap_or((module, "wav"));
        if !language.eq_ignore_ascii_case("en") {
            return "-ERR Cannot load module!\n".to_owned();
        }
        let now = context.now().to_zoned(context.zones().server().clone());
        let files = SayType::parse(kind).and_then(|kind| say(kind, SayMethod::parse(method)?, text, &now));
        match files {
            Ok(files) => {
                let files: Vec<String> = files.iter().map(|file| format!("{file}.{suffix}")).collect();
                format!("file_string://{}", files.join("!"))
            }
            Err(error) => format!("-ERR {error}\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn files_of_a_number() {
        check(
            "say_string",
            "en en number pronounced 123",
            "file_string://digits/1.wav!digits/hundred.wav!digits/20.wav!digits/3.wav",
        );
        check("say_string", "en.gsm en.gsm number iterated 42", "file_string://digits/4.gsm!digits/2.gsm");
        check("say_string", "de de number pronounced 1", "-ERR Cannot load module!\n");
        check("say_string", "en en number pronounced x", "-ERR x cannot be said: it is no number\n");
        check("say_string", "", super::USAGE);
    }
}
