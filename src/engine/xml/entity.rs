//! Entities and line ends of attribute values and text.

/// Decodes `&lt; &gt; &quot; &apos; &amp;` and character references, one level; what is none stays as it stands. Line ends
/// become LF; in an attribute (`blanks`) white space becomes blanks, but a character reference stays what it is.
pub(super) fn decode(raw: &str, blanks: bool) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(letter) = rest.chars().next() {
        if letter == '&'
            && let Some((decoded, length)) = reference(rest)
        {
            out.push(decoded);
            rest = rest.get(length..).unwrap_or_default();
            continue;
        }
        let length = if rest.starts_with("\r\n") { 2 } else { letter.len_utf8() };
        out.push(match letter {
            '\r' | '\n' | '\t' | '\x0b' | '\x0c' if blanks => ' ',
            '\r' => '\n',
            other => other,
        });
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// Longest name of a reference that is looked at.
const LONGEST: usize = 12;

/// The character that `&…;` at the start of `text` stands for, and its length.
fn reference(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let letter = match name {
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "amp" => '&',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?).filter(|letter| *letter != '\0')?
        }
    };
    Some((letter, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_level_of_entities() {
        for (raw, text) in [
            ("a&lt;b&gt;&quot;&apos;&amp;", "a<b>\"'&"),
            ("&amp;lt;", "&lt;"),
            ("a & b && c", "a & b && c"),
            ("&nosuch; &", "&nosuch; &"),
            ("&#65;&#x42;&#10;", "AB\n"),
            ("&#0;&#xD800;&#;&#x;", "&#0;&#xD800;&#;&#x;"),
            ("a\r\nb\rc", "a\nb\nc"),
        ] {
            assert_eq!(decode(raw, false), text, "{raw}");
        }
        assert_eq!(decode("a\r\nb\tc&#10;d", true), "a b c\nd");
    }

    proptest! {
        #[test]
        fn plain_text_is_unchanged(text in "[^&\r]{0,60}") {
            prop_assert_eq!(decode(&text, false), text);
        }

        #[test]
        fn never_panics(text in "(&|#|x|;|[0-9a-f]|é|\r|\n){0,40}", blanks: bool) {
            decode(&text, blanks);
        }
    }
}
