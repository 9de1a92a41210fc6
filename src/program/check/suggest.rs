//! The name that was meant.

/// The known name nearest to what was written: one letter off in a short name, two in a longer one.
pub fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let written = written.to_ascii_lowercase();
    let most = if written.len() < 5 { 1 } else { 2 };
    let distances = known.into_iter().filter(|name| name.len().abs_diff(written.len()) <= most);
    let near = distances.map(|name| (distance(&written, &name.to_ascii_lowercase()), name));
    near.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// A remedy: the name that was meant, else general advice.
pub(super) fn remedy<'k>(written: &str, known: impl IntoIterator<Item = &'k str>, otherwise: &str) -> String {
    nearest(written, known).map_or_else(|| otherwise.to_owned(), |name| format!("write \"{name}\""))
}

/// Letters to change, put in, take out or swap (Damerau-Levenshtein over neighbours).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&above, j) + usize::from(from != to)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(to) && b.get(j - 1) == Some(from);
            if swapped && !before.is_empty() {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses() {
        let known = ["playback", "bridge", "set", "hangup", "answer"];
        for (written, meant) in [
            ("plyback", Some("playback")),
            ("birdge", Some("bridge")),
            ("ste", Some("set")),
            ("Hangup", Some("hangup")),
            ("anwser", Some("answer")),
            ("xyz", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, known), meant, "{written}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
