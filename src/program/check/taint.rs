//! Text that the far end chooses, and where it flows within an extension.
//!
//! Sources are SIP headers, display names and numbers as they came. A text is taken as checked when a condition that ends
//! the extension tests it against an anchored expression whose letters are harmless. API functions are taken to clean
//! what they are given.

use std::collections::HashMap;
use std::ops::Range;

use super::captures::captures;
use super::reference::references;
use super::routes::is_gate;
use super::view::{Action, Extension, conditions, constant_pattern, tests};
use crate::engine::dialplan::ast::Text;

/// Letters with a meaning in dial strings, file names and shells.
const HARMFUL: &[u8] = b"{}[]<>,|/'\"\\;`&";

/// Beginnings of variables that hold what the far end wrote.
const PREFIXES: &[&str] = &["sip_h_", "sip_ph_", "sip_rh_", "sip_bye_h_"];

/// Other such variables and fields.
const NAMES: &[&str] = &[
    "caller_id_name",
    "orig_caller_id_name",
    "callee_id_name",
    "destination_number",
    "sip_from_display",
    "sip_from_user",
    "sip_from_uri",
    "sip_to_display",
    "sip_to_user",
    "sip_to_uri",
    "sip_req_user",
    "sip_req_uri",
    "sip_contact_user",
    "sip_contact_uri",
    "sip_user_agent",
    "sip_subject",
    "sip_referred_by_user",
];

/// Where such a text arrives.
pub(super) struct Flow<'v> {
    /// What the far end chose.
    pub(super) source: String,
    pub(super) data: &'v Text,
    /// The place of the reference in the data.
    pub(super) at: Range<usize>,
}

/// Texts of the far end in the data of these applications.
pub(super) fn flows<'v>(extension: &Extension<'v>, applications: &[&str]) -> Vec<Flow<'v>> {
    let mut state = State::new(extension);
    let mut found = Vec::new();
    for action in &extension.actions {
        let Some(data) = action.data() else { continue };
        if action.is(applications) {
            found.extend(state.sources(action, &data.text, 0).into_iter().map(|(source, at)| Flow {
                source,
                data,
                at,
            }));
        }
        for (name, value, place) in action.assignments() {
            let first = state.sources(action, value, place.start).into_iter().next();
            state.assign(name, first.map(|(source, _)| source));
        }
    }
    found
}

/// Texts of the far end in the arguments of these API functions.
pub(super) fn calls<'v>(extension: &Extension<'v>, functions: &[&str]) -> Vec<Flow<'v>> {
    let state = State::new(extension);
    let mut found = Vec::new();
    for action in &extension.actions {
        let Some(data) = action.data() else { continue };
        for call in references(&data.text) {
            let Some(arguments) = call.arguments else { continue };
            if functions.iter().any(|name| name.eq_ignore_ascii_case(call.name)) {
                let sources = state.sources(action, arguments, call.at.end);
                found.extend(sources.into_iter().map(|(source, at)| Flow { source, data, at }));
            }
        }
    }
    found
}

/// What is known of variables at some action.
struct State {
    /// Variables assigned so far: the source they hold, if any.
    assigned: HashMap<String, Option<String>>,
    /// Texts that conditions have checked.
    checked: Vec<String>,
}

impl State {
    fn new(extension: &Extension<'_>) -> Self {
        let mut checked = Vec::new();
        for condition in conditions(&extension.written.conditions).filter(|condition| is_gate(condition)) {
            let harmless = constant_pattern(&condition.test)
                .is_some_and(|(_, pattern)| pattern.group_admits(0, HARMFUL) == Some(false));
            if let (Some(field), true, None) = (&condition.test.field, harmless, &condition.group) {
                checked.push(bare(&field.text).to_ascii_lowercase());
            }
        }
        Self { assigned: HashMap::new(), checked }
    }

    fn assign(&mut self, name: &str, source: Option<String>) {
        self.assigned.insert(name.to_ascii_lowercase(), source);
    }

    /// The source a variable holds.
    fn source(&self, name: &str) -> Option<String> {
        let lower = name.to_ascii_lowercase();
        if let Some(held) = self.assigned.get(&lower) {
            return held.clone();
        }
        let foreign = NAMES.contains(&lower.as_str()) || PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
        (foreign && !self.checked.contains(&lower)).then(|| name.to_owned())
    }

    /// Sources in a text that begins at `base` of the data, with the places of their references.
    fn sources(&self, action: &Action<'_>, text: &str, base: usize) -> Vec<(String, Range<usize>)> {
        let mut found = Vec::new();
        let all = references(text);
        let inside = |at: usize| all.iter().any(|call| call.arguments.is_some() && call.whole.contains(&at));
        let moved = |place: Range<usize>| base + place.start..base + place.end;
        for reference in all.iter().filter(|reference| !inside(reference.whole.start)) {
            if let Some(source) = self.source(reference.name) {
                found.push((source, moved(reference.whole.clone())));
            }
        }
        for (number, place) in captures(text).into_iter().filter(|(_, place)| !inside(place.start)) {
            if let Some(source) = self.captured(action, number) {
                found.push((source, moved(place)));
            }
        }
        found
    }

    /// The source that `$n` of an action holds.
    fn captured(&self, action: &Action<'_>, number: usize) -> Option<String> {
        if action.anti {
            return None;
        }
        tests(action.condition).find_map(|test| {
            let name = bare(&test.field.as_ref()?.text);
            let lower = name.to_ascii_lowercase();
            let foreign = NAMES.contains(&lower.as_str()) || PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
            let held = self.assigned.get(&lower).is_some_and(Option::is_some);
            let (expression, pattern) = constant_pattern(test)?;
            // Who asks for a URI wants all of it.
            let uri = expression.text.trim_start_matches('^').starts_with("sip:");
            let admits = pattern.group_admits(number, HARMFUL) == Some(true);
            (!uri && (foreign || held) && admits).then(|| name.to_owned())
        })
    }
}

/// The name of a field, of `${name}` without its braces.
fn bare(field: &str) -> &str {
    field.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(field)
}
