//! An element as text, in FreeSWITCH's layout: two blanks per level, an end tag for empty elements as well.

use super::Element;

/// Writes an element and everything in it.
pub fn written(element: &Element) -> String {
    let mut text = String::new();
    write(element, 0, &mut text);
    text
}

fn write(element: &Element, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    text.push_str(&indent);
    text.push('<');
    text.push_str(&element.name);
    for attribute in &element.attributes {
        text.push(' ');
        text.push_str(&attribute.name);
        text.push_str("=\"");
        escape(&attribute.value.text, text);
        text.push('"');
    }
    text.push('>');
    if let Some(own) = &element.text {
        escape(own.text.trim(), text);
    }
    if !element.children.is_empty() {
        text.push('\n');
        for child in &element.children {
            write(child, depth.saturating_add(1), text);
        }
        text.push_str(&indent);
    }
    text.push_str("</");
    text.push_str(&element.name);
    text.push_str(">\n");
}

/// A text as it stands between tags or in an attribute.
pub fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    escape(value, &mut text);
    text
}

fn escape(value: &str, text: &mut String) {
    for letter in value.chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            _ => text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::written;
    use crate::engine::xml::{self, NoFiles};
    use crate::words::model::Variables;

    #[test]
    fn an_element_with_children() {
        let source = "<document>\n<a x=\"1 &amp; 2\">\n<b/>\n</a>\n</document>\n";
        let loaded = xml::load("root.xml", source.as_bytes(), Variables::new(), &NoFiles);
        let root = loaded.root.unwrap();
        let expected = "<document>\n  <a x=\"1 &amp; 2\">\n    <b></b>\n  </a>\n</document>\n";
        assert_eq!(written(&root), expected);
    }
}
