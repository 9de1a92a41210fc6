//! The text of a start: `script arguments…` or `~code`.

/// What a start names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// Lua text given in place.
    Code(String),
    /// A script and its arguments.
    File {
        /// As written.
        name: String,
        /// Split.
        arguments: Vec<String>,
    },
}

/// Most arguments of a script; what is beyond stays part of the last one.
const MOST_ARGUMENTS: usize = 128;

const INLINE: &str = "#!/lua";

impl Command {
    /// Reads the text; none: it is blank.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start_matches([' ', '\n', '\r']);
        if let Some(code) = text.strip_prefix('~') {
            return Some(Self::Code(code.to_owned()));
        }
        if text.get(..INLINE.len()).is_some_and(|start| start.eq_ignore_ascii_case(INLINE)) {
            return text.get(INLINE.len()..).map(|code| Self::Code(code.to_owned()));
        }
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        if name.is_empty() {
            return None;
        }
        Some(Self::File { name: name.to_owned(), arguments: split(rest) })
    }

    /// The name for logs.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Code(_) => "inline code",
            Self::File { name, .. } => name,
        }
    }
}

/// Splits arguments: at blanks, or, after `^^c`, at each `c`.
fn split(text: &str) -> Vec<String> {
    let text = text.trim_start_matches(' ');
    if let Some(rest) = text.strip_prefix("^^") {
        let mut letters = rest.chars();
        if let Some(separator) = letters.next() {
            return split_at(letters.as_str(), separator);
        }
    }
    split_blanks(text)
}

fn split_at(text: &str, separator: char) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = if arguments.len() + 1 < MOST_ARGUMENTS { end_of(rest, separator) } else { rest.len() };
        let (argument, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        arguments.push(unescape(argument.trim_matches(' ')));
        rest = after.strip_prefix(separator).unwrap_or_default();
    }
    arguments
}

fn split_blanks(text: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut rest = text.trim_matches(' ');
    while !rest.is_empty() {
        let end = if arguments.len() + 1 < MOST_ARGUMENTS { end_of(rest, ' ') } else { rest.len() };
        let (argument, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        arguments.push(unescape(argument));
        rest = after.trim_start_matches(' ');
    }
    arguments
}

/// Where an argument ends: at a separator outside quotes. A quote that is never closed holds the rest together.
fn end_of(text: &str, separator: char) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == '\'' {
            quoted = !quoted;
        } else if letter == separator && !quoted {
            return at;
        }
    }
    text.len()
}

/// Takes pairs of quotes away and resolves escapes.
fn unescape(text: &str) -> String {
    let quotes = unescaped_quotes(text);
    let paired = quotes - quotes % 2;
    let mut out = String::with_capacity(text.len());
    let mut seen = 0;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                seen += 1;
                if seen > paired {
                    out.push('\'');
                }
            }
            '\\' => match letters.next() {
                Some(quoted @ ('\'' | '"' | '\\')) => out.push(quoted),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some('s') => out.push(' '),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            other => out.push(other),
        }
    }
    out
}

fn unescaped_quotes(text: &str) -> usize {
    let (mut count, mut escaped) = (0, false);
    for letter in text.chars() {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == '\'' {
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, name: &str, arguments: &[&str]) {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        assert_eq!(Command::parse(text), Some(Command::File { name: name.to_owned(), arguments }), "{text}");
    }

    #[test]
    fn arguments_are_split_as_freeswitch_does() {
        check("a.lua", "a.lua", &[]);
        check("  \n a.lua", "a.lua", &[]);
        check("a.lua one 'two words' x\\sy", "a.lua", &["one", "two words", "x y"]);
        check("a.lua ^^:a:b", "a.lua", &["a", "b"]);
        check("a.lua it's ok", "a.lua", &["it's ok"]);
        check("a.lua a it's b c", "a.lua", &["a", "it's b c"]);
        check("a.lua   a    b  ", "a.lua", &["a", "b"]);
        check("a.lua '' b", "a.lua", &["", "b"]);
        check("a.lua it\\'s", "a.lua", &["it's"]);
        check("a.lua a\\nb", "a.lua", &["a\nb"]);
        check("a.lua a'b c'd e", "a.lua", &["ab cd", "e"]);
        check("a.lua a\\\\b c\\qd", "a.lua", &["a\\b", "c\\qd"]);
        check("a.lua \"dq dq\"", "a.lua", &["\"dq", "dq\""]);
    }

    #[test]
    fn code_and_blank_text() {
        assert_eq!(Command::parse("~return 1"), Some(Command::Code("return 1".to_owned())));
        assert_eq!(Command::parse(" #!/LUA return 1"), Some(Command::Code(" return 1".to_owned())));
        assert_eq!(Command::parse(""), None);
        assert_eq!(Command::parse(" \n "), None);
    }

    proptest! {
        #[test]
        fn any_text_is_split_within_bounds(text in any::<String>()) {
            if let Some(Command::File { arguments, .. }) = Command::parse(&text) {
                prop_assert!(arguments.len() <= MOST_ARGUMENTS);
            }
        }
    }
}
