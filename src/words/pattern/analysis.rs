//! What can be said of a pattern without a subject: the texts it matches when they are few, and what a group may hold.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::Pattern;
use super::forms::Form;
use super::syntax::{Target, translate};

/// Nested elements of a pattern that are looked into.
const MAX_LEVEL: usize = 64;

impl Pattern {
    /// Every text that the whole of an anchored pattern matches; none when there are more than `most`, or when that
    /// cannot be told.
    pub fn all_texts(&self, most: usize) -> Option<Vec<String>> {
        let tree = self.tree()?;
        let ends = tree.properties();
        if !ends.look_set_prefix().contains(Look::Start) || !ends.look_set_suffix().contains(Look::End) {
            return None;
        }
        let texts = texts(&tree, most, 0)?;
        texts.into_iter().map(|text| String::from_utf8(text).ok()).collect()
    }

    /// Whether a group (0: the whole subject) may hold one of these bytes; none when that cannot be told.
    pub fn group_admits(&self, group: usize, bytes: &[u8]) -> Option<bool> {
        let tree = self.tree()?;
        if group > 0 {
            return captured(&tree, group, 0).map(|inside| admits(inside, bytes, 0));
        }
        let ends = tree.properties();
        let anchored = ends.look_set_prefix().contains(Look::Start) && ends.look_set_suffix().contains(Look::End);
        Some(!anchored || admits(&tree, bytes, 0))
    }

    /// Its syntax tree, when the linear engine takes it.
    fn tree(&self) -> Option<Hir> {
        if self.error().is_some() || self.is_backtracking() {
            return None;
        }
        let form = Form::of(self.text()).ok()?;
        let written = translate(&form.expression, form.ignore_case, form.dot_newline, Target::Linear).ok()?;
        ParserBuilder::new().utf8(false).unicode(false).build().parse(&written.text).ok()
    }
}

fn texts(hir: &Hir, most: usize, level: usize) -> Option<Vec<Vec<u8>>> {
    if level > MAX_LEVEL {
        return None;
    }
    let all = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![Vec::new()],
        HirKind::Literal(literal) => vec![literal.0.to_vec()],
        HirKind::Class(class) => members(class, most)?.into_iter().map(|byte| vec![byte]).collect(),
        HirKind::Capture(capture) => texts(&capture.sub, most, level + 1)?,
        HirKind::Repetition(repeated) => {
            let one = texts(&repeated.sub, most, level + 1)?;
            let (mut all, mut longest) = (Vec::new(), vec![Vec::new()]);
            for count in 0..=repeated.max? {
                if count >= repeated.min {
                    all.extend(longest.iter().cloned());
                }
                if count < repeated.max? {
                    longest = product(&longest, &one, most)?;
                }
                if all.len() > most {
                    return None;
                }
            }
            all
        }
        HirKind::Concat(parts) => parts
            .iter()
            .try_fold(vec![Vec::new()], |done, part| product(&done, &texts(part, most, level + 1)?, most))?,
        HirKind::Alternation(parts) => {
            let parts: Option<Vec<_>> = parts.iter().map(|part| texts(part, most, level + 1)).collect();
            parts?.concat()
        }
    };
    (all.len() <= most).then_some(all)
}

fn product(heads: &[Vec<u8>], tails: &[Vec<u8>], most: usize) -> Option<Vec<Vec<u8>>> {
    if heads.len().saturating_mul(tails.len()) > most {
        return None;
    }
    Some(heads.iter().flat_map(|head| tails.iter().map(move |tail| [head.as_slice(), tail].concat())).collect())
}

fn members(class: &Class, most: usize) -> Option<Vec<u8>> {
    let Class::Bytes(class) = class else { return None };
    let bytes: Vec<u8> = class.ranges().iter().flat_map(|range| range.start()..=range.end()).collect();
    (bytes.len() <= most).then_some(bytes)
}

fn captured(hir: &Hir, group: usize, level: usize) -> Option<&Hir> {
    if level > MAX_LEVEL {
        return None;
    }
    match hir.kind() {
        HirKind::Capture(capture) if capture.index as usize == group => Some(&capture.sub),
        HirKind::Capture(capture) => captured(&capture.sub, group, level + 1),
        HirKind::Repetition(repeated) => captured(&repeated.sub, group, level + 1),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().find_map(|part| captured(part, group, level + 1))
        }
        _ => None,
    }
}

fn admits(hir: &Hir, bytes: &[u8], level: usize) -> bool {
    match hir.kind() {
        _ if level > MAX_LEVEL => true,
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.iter().any(|byte| bytes.contains(byte)),
        HirKind::Class(Class::Bytes(class)) => {
            class.ranges().iter().any(|range| bytes.iter().any(|byte| (range.start()..=range.end()).contains(byte)))
        }
        HirKind::Class(Class::Unicode(_)) => true,
        HirKind::Capture(capture) => admits(&capture.sub, bytes, level + 1),
        HirKind::Repetition(repeated) => admits(&repeated.sub, bytes, level + 1),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(|part| admits(part, bytes, level + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_texts_are_listed() {
        for (pattern, expected) in [
            ("^12$", Some(vec!["12"])),
            ("^1[0-2]$", Some(vec!["10", "11", "12"])),
            ("^(a|bc)d?$", Some(vec!["a", "ad", "bc", "bcd"])),
            ("^1{2,3}$", Some(vec!["11", "111"])),
            ("^1", None),
            ("1$", None),
            (r"^\d+$", None),
            (r"^\d{4}$", None),
            ("^(?=1)1$", None),
            ("^(1$", None),
            ("_12", Some(vec!["12"])),
        ] {
            let texts = Pattern::new(pattern).all_texts(100);
            assert_eq!(texts, expected.map(|list| list.into_iter().map(str::to_owned).collect()), "{pattern}");
        }
    }

    #[test]
    fn what_groups_may_hold() {
        for (pattern, group, expected) in [
            (r"^(\d+)$", 1, Some(false)),
            (r"^(.*)$", 1, Some(true)),
            (r"^\d+/(\d+)$", 1, Some(false)),
            (r"^\d+/(\d+)$", 0, Some(true)),
            (r"^\d+$", 0, Some(false)),
            (r"\d+", 0, Some(true)),
            (r"^([^/]+)$", 1, Some(false)),
            (r"^(\d+)$", 2, None),
            (r"^(?!1)(\d+)$", 1, None),
        ] {
            assert_eq!(Pattern::new(pattern).group_admits(group, b"/"), expected, "{pattern} {group}");
        }
    }
}
