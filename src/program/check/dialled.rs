//! Dial strings as far as they are known: `${…}` and `$n` become a letter that stands nowhere else.

use super::reference::references;
use super::rule::Findings;
use super::view::{Action, View};
use crate::call::dial::{DialString, DialStringError};
use crate::engine::dialplan::ast::Text;

/// Stands for each byte that is not known.
pub(super) const UNKNOWN: char = '\u{1}';

/// The text of the same length in which all references and captures are unknown.
pub(super) fn masked(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let outer = references(text).into_iter().map(|found| found.whole);
    let captures = super::captures::captures(text).into_iter().map(|(_, place)| place);
    for place in outer.chain(captures) {
        let end = place.end.min(bytes.len());
        if let Some(part) = bytes.get_mut(place.start..end) {
            part.fill(UNKNOWN as u8);
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// What the actions that dial are told, and what came of reading it.
pub(super) fn dialled<'v>(view: &View<'v>) -> Vec<(&'v Text, String, Result<DialString, DialStringError>)> {
    let dials = |action: &Action<'v>| action.is(&["bridge"]);
    let data = view.actions().filter(dials).filter_map(|action| action.data());
    data.map(|data| {
        let text = masked(&data.text);
        let read = DialString::parse(&text);
        (data, text, read)
    })
    .collect()
}

/// Endpoint and destination of each leg, with the place of `endpoint/destination` in the data.
pub(super) struct Leg<'v> {
    pub(super) data: &'v Text,
    pub(super) endpoint: String,
    pub(super) destination: String,
    at: std::ops::Range<usize>,
}

impl Leg<'_> {
    pub(super) fn span(&self, view: &View<'_>) -> crate::words::text::Span {
        view.part(self.data, self.at.clone())
    }
}

/// All legs whose endpoint is known.
pub(super) fn legs<'v>(view: &View<'v>) -> Vec<Leg<'v>> {
    let mut found = Vec::new();
    for (data, text, read) in dialled(view) {
        let simple = read.into_iter().flat_map(|dial| dial.simple).flat_map(|simple| simple.alternatives);
        for leg in simple.flatten().filter(|leg| !leg.endpoint.contains(UNKNOWN)) {
            let written = format!("{}/{}", leg.endpoint, leg.destination);
            let at = text.find(&written).map_or(0..text.len(), |at| at..at + written.len());
            found.push(Leg { data, endpoint: leg.endpoint, destination: leg.destination, at });
        }
    }
    found
}

/// Tells of legs `user/…` or `group/…` whose name the directory does not have. `kind` is the endpoint, and the word for it.
pub(super) fn unknown_entries(
    view: &View<'_>,
    findings: &mut Findings<'_>,
    kind: &str,
    exists: impl Fn(&str, &str) -> bool,
) {
    // Users may come from elsewhere while there is no directory at all.
    if view.directory.user_count() == 0 {
        return;
    }
    for leg in legs(view).iter().filter(|leg| leg.endpoint.eq_ignore_ascii_case(kind)) {
        let (name, domain) = leg.destination.split_once('@').unwrap_or((&leg.destination, ""));
        let anywhere = domain.is_empty() || domain.contains(UNKNOWN);
        let known =
            if anywhere { view.directory.domains().any(|domain| exists(name, domain)) } else { exists(name, domain) };
        if known || name.contains(UNKNOWN) {
            continue;
        }
        let place = if anywhere { "any domain".to_owned() } else { format!("domain \"{domain}\"") };
        findings.add(leg.span(view), format!("there is no {kind} \"{name}\" in {place}"), "correct the name");
    }
}
