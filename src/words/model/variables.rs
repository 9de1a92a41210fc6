//! Channel variables: ordered, names ignore ASCII case, values are text; an array is text too (`ARRAY::a|:b`).

use compact_str::{CompactString, ToCompactString, format_compact};

/// Prefix of the textual form of an array with two or more items.
pub const ARRAY_PREFIX: &str = "ARRAY::";
/// Separator of array items.
pub const ARRAY_SEPARATOR: &str = "|:";
/// Largest index that an assignment `name[n]` may write (FreeSWITCH's limit).
pub const MAX_ARRAY_INDEX: usize = 4000;

/// An ordered set of named values.
///
/// Setting a name that exists replaces it and moves it to the end, as FreeSWITCH's `info` shows it. A channel has some
/// sixty variables; a scan over one block of short names is faster than a map until well past a hundred. Texts of up to
/// 24 bytes stand in that block themselves.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    entries: Vec<(CompactString, CompactString)>,
}

impl Variables {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `name`, whole (an array in its textual form).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.position(name).and_then(|at| self.entries.get(at)).map(|(_, value)| value.as_str())
    }

    /// The values of several names by one scan; empty: there is no such variable.
    pub fn several<const N: usize>(&self, names: [&str; N]) -> [&str; N] {
        let mut values = [""; N];
        for (key, value) in &self.entries {
            let is = |name: &&str| key.len() == name.len() && key.eq_ignore_ascii_case(name);
            if let Some(at) = names.iter().position(is)
                && let Some(found) = values.get_mut(at)
            {
                *found = value;
            }
        }
        values
    }

    /// Item `index` of the array `name`; `None` for a scalar or past the end.
    pub fn item(&self, name: &str, index: usize) -> Option<&str> {
        let items = self.get(name)?.strip_prefix(ARRAY_PREFIX)?;
        items.split(ARRAY_SEPARATOR).nth(index)
    }

    /// Sets `name`; an empty value removes it. A name `x[n]` writes one array item.
    pub fn set(&mut self, name: &str, value: &str) {
        if let Some((base, index)) = indexed(name) {
            return self.set_item(base, index, value);
        }
        if value.is_empty() {
            self.remove(name);
            return;
        }
        self.insert(name, value.into());
    }

    /// Sets `name` to what `value` looks like as text; `name` is taken whole.
    pub fn show(&mut self, name: &str, value: impl ToCompactString) {
        self.insert(name, value.to_compact_string());
    }

    /// Removes `name`; true when it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        match self.position(name) {
            Some(at) => {
                self.entries.remove(at);
                true
            }
            None => false,
        }
    }

    /// Removes every variable whose name starts with `prefix`, ignoring case.
    pub fn remove_prefix(&mut self, prefix: &str) {
        self.entries.retain(|(name, _)| !starts_with_ignoring_case(name, prefix));
    }

    /// Appends an item: a missing variable becomes a scalar, a scalar becomes item 0.
    pub fn push(&mut self, name: &str, value: &str) {
        let joined = match self.get(name) {
            None => value.into(),
            Some(old) if old.starts_with(ARRAY_PREFIX) => format_compact!("{old}{ARRAY_SEPARATOR}{value}"),
            Some(old) => format_compact!("{ARRAY_PREFIX}{old}{ARRAY_SEPARATOR}{value}"),
        };
        self.insert(name, joined);
    }

    /// Prepends an item.
    pub fn unshift(&mut self, name: &str, value: &str) {
        let joined = match self.get(name) {
            None => value.into(),
            Some(old) => {
                let items = old.strip_prefix(ARRAY_PREFIX).unwrap_or(old);
                format_compact!("{ARRAY_PREFIX}{value}{ARRAY_SEPARATOR}{items}")
            }
        };
        self.insert(name, joined);
    }

    /// Name and value of every variable in order of setting.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Variables whose name starts with `prefix`, ignoring case, in order.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.iter().filter(move |(name, _)| starts_with_ignoring_case(name, prefix))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|(key, _)| key.len() == name.len() && key.eq_ignore_ascii_case(name))
    }

    fn insert(&mut self, name: &str, value: CompactString) {
        if let Some(at) = self.position(name) {
            self.entries.remove(at);
        }
        self.entries.push((name.into(), value));
    }

    fn set_item(&mut self, name: &str, index: usize, value: &str) {
        let old = self.get(name).unwrap_or("");
        let mut items: Vec<&str> = match old.strip_prefix(ARRAY_PREFIX) {
            Some(list) => list.split(ARRAY_SEPARATOR).collect(),
            None if old.is_empty() => Vec::new(),
            None => vec![old],
        };
        if items.len() <= index {
            items.resize(index + 1, "");
        }
        if let Some(item) = items.get_mut(index) {
            *item = value;
        }
        let joined = match items.as_slice() {
            [single] => (*single).into(),
            many => format_compact!("{ARRAY_PREFIX}{}", many.join(ARRAY_SEPARATOR)),
        };
        self.insert(name, joined);
    }
}

/// Splits `name[n]` into the name and an index up to [`MAX_ARRAY_INDEX`].
pub fn indexed(name: &str) -> Option<(&str, usize)> {
    let (base, rest) = name.split_once('[')?;
    let index: usize = rest.strip_suffix(']')?.parse().ok()?;
    (!base.is_empty() && index <= MAX_ARRAY_INDEX).then_some((base, index))
}

/// Whether `text` starts with `prefix`, ignoring ASCII case.
pub fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.as_bytes().get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// Values that come from signalling may not smuggle in an expansion: true when the text holds `${` or `$${`.
pub fn holds_expansion(value: &str) -> bool {
    value.contains("${")
}

impl<'a> FromIterator<(&'a str, &'a str)> for Variables {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(pairs: T) -> Self {
        let mut variables = Self::new();
        for (name, value) in pairs {
            variables.set(name, value);
        }
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ignore_case_and_setting_moves_to_the_end() {
        let mut v: Variables = [("a", "1"), ("b", "2")].into_iter().collect();
        v.set("A", "3");
        assert_eq!(v.get("a"), Some("3"));
        assert_eq!(v.iter().map(|(n, _)| n).collect::<Vec<_>>(), ["b", "A"]);
        assert_eq!(v.several(["B", "c", "a"]), ["2", "", "3"]);
        v.set("b", "");
        assert_eq!(v.get("b"), None);
    }

    #[test]
    fn arrays_are_text() {
        let mut v = Variables::new();
        v.push("a", "1");
        assert_eq!((v.get("a"), v.item("a", 0)), (Some("1"), None));
        v.push("a", "2");
        assert_eq!((v.get("a"), v.item("a", 1)), (Some("ARRAY::1|:2"), Some("2")));
        v.unshift("a", "0");
        assert_eq!(v.get("a"), Some("ARRAY::0|:1|:2"));
        v.set("b[1]", "z");
        assert_eq!((v.get("b"), v.item("b", 1)), (Some("ARRAY::|:z"), Some("z")));
        v.set("c[4001]", "x");
        assert_eq!(v.get("c[4001]"), Some("x"), "an index past the limit is part of the name");
    }

    #[test]
    fn prefixes_ignore_case() {
        let mut v: Variables = [("Execute_on_answer_1", "a"), ("x", "b")].into_iter().collect();
        assert_eq!(v.with_prefix("execute_on_answer").count(), 1);
        v.remove_prefix("EXECUTE_ON");
        assert_eq!(v.len(), 1);
    }
}
