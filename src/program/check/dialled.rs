//! Dial strings as far as they are known: `${…}` and `$n` become a letter that stands nowhere else.

use super::reference::references;
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
