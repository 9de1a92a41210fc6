//! The XML record, as `mod_xml_cdr` writes it and `session:getXMLCDR()` gives it (spec: configuration files, 5.1).

use super::detail::{CallFlow, Detail};
use crate::call::event::url_encoded;
use crate::words::model::CallerProfile;

/// Text that grows by elements, indented by two blanks a level.
struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.extend([" ", name, "=\""]);
            escape(value, &mut self.text);
            self.text.push('"');
        }
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes);
        self.text.push_str(">\n");
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.indent();
        self.text.extend(["</", name, ">\n"]);
    }

    fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes);
        self.text.extend(["></", name, ">\n"]);
    }

    /// A value that is safe as it is, or is not: escaped.
    fn leaf(&mut self, name: &str, value: &str) {
        self.tag(name, &[]);
        self.text.push('>');
        escape(value, &mut self.text);
        self.text.extend(["</", name, ">\n"]);
    }

    fn profile(&mut self, profile: &CallerProfile) {
        for (name, value) in fields(profile) {
            self.leaf(name, value);
        }
    }
}

/// Fields of a caller profile that records hold, in order.
pub(super) fn fields(profile: &CallerProfile) -> [(&'static str, &str); 16] {
    [
        ("username", &profile.username),
        ("dialplan", &profile.dialplan),
        ("caller_id_name", &profile.caller_id_name),
        ("caller_id_number", &profile.caller_id_number),
        ("callee_id_name", &profile.callee_id_name),
        ("callee_id_number", &profile.callee_id_number),
        ("ani", &profile.ani),
        ("aniii", &profile.aniii),
        ("network_addr", &profile.network_addr),
        ("rdnis", &profile.rdnis),
        ("destination_number", &profile.destination_number),
        ("uuid", &profile.uuid),
        ("source", &profile.source),
        ("transfer_source", &profile.transfer_source),
        ("context", &profile.context),
        ("chan_name", &profile.chan_name),
    ]
}

/// FreeSWITCH's list of channel flags, as far as they are told: 1 answered, 2 outbound, 3 early media.
pub(super) fn flags(detail: &Detail) -> String {
    let flags = [("1=1;", detail.answered), ("2=1;", detail.direction == "outbound"), ("3=1;", detail.early)];
    flags.iter().filter(|(_, set)| *set).map(|(text, _)| *text).collect()
}

/// The record of a leg: one document, its variables URL-encoded.
pub fn xml(detail: &Detail) -> String {
    let mut out = Writer { text: "<?xml version=\"1.0\"?>\n".to_owned(), depth: 0 };
    out.text.reserve(8 << 10);
    out.open("cdr", &[("core-uuid", &detail.core_uuid), ("switchname", &detail.switchname)]);
    out.open("channel_data", &[]);
    out.leaf("state", detail.state);
    out.leaf("direction", detail.direction);
    out.leaf("state_number", detail.state_number);
    out.leaf("flags", &flags(detail));
    out.leaf("caps", "");
    out.close("channel_data");
    call_stats(&mut out, detail);
    out.open("variables", &[]);
    for (name, value) in detail.variables.iter() {
        out.leaf(&element(name), &url_encoded(value));
    }
    out.close("variables");
    out.open("app_log", &[]);
    for entry in &detail.app_log {
        let stamp = entry.stamp.to_string();
        out.empty("application", &[("app_name", entry.name), ("app_data", &entry.data), ("app_stamp", &stamp)]);
    }
    out.close("app_log");
    if !detail.holds.is_empty() {
        out.open("hold-record", &[]);
        for (on, off) in &detail.holds {
            out.empty("hold", &[("on", &on.to_string()), ("off", &off.to_string())]);
        }
        out.close("hold-record");
    }
    for (at, flow) in detail.flows.iter().enumerate() {
        call_flow(&mut out, detail, flow, at == 0);
    }
    out.close("cdr");
    out.text
}

fn call_stats(out: &mut Writer, detail: &Detail) {
    let stats = detail.stats;
    out.open("call-stats", &[]);
    out.open("audio", &[]);
    out.open("inbound", &[]);
    out.leaf("packet_count", &stats.received.to_string());
    out.leaf("skip_packet_count", &stats.lost.to_string());
    out.leaf("jitter_us", &stats.jitter_us.to_string());
    out.close("inbound");
    out.open("outbound", &[]);
    out.leaf("packet_count", &stats.sent.to_string());
    out.close("outbound");
    out.close("audio");
    out.close("call-stats");
}

fn call_flow(out: &mut Writer, detail: &Detail, flow: &CallFlow, newest: bool) {
    let profile = &flow.profile;
    let index = flow.index.to_string();
    out.open(
        "callflow",
        &[("dialplan", &profile.dialplan), ("unique-id", &profile.uuid), ("clone-of", ""), ("profile_index", &index)],
    );
    if !flow.extension.is_empty() {
        out.open("extension", &[("name", &flow.extension), ("number", &profile.destination_number)]);
        for (at, (name, data)) in flow.applications.iter().enumerate() {
            let mut attributes = vec![("app_name", name.as_str()), ("app_data", data.as_str())];
            if at + 1 == flow.executed {
                attributes.push(("last_executed", "true"));
            }
            out.empty("application", &attributes);
        }
        out.close("extension");
    }
    out.open("caller_profile", &[]);
    out.profile(profile);
    // The partners are those of the leg as it is now.
    let partners = [("originator", &detail.originator), ("originatee", &detail.originatee)];
    for (name, partner) in partners.into_iter().filter(|_| newest) {
        let Some(partner) = partner else { continue };
        let inner = format!("{name}_caller_profile");
        out.open(name, &[]);
        out.open(&inner, &[]);
        out.profile(partner);
        out.close(&inner);
        out.close(name);
    }
    out.close("caller_profile");
    out.open("times", &[]);
    for (name, at) in flow.times.named() {
        out.leaf(name, &at.to_string());
    }
    out.close("times");
    out.close("callflow");
}

/// A variable's name as that of an element: what XML does not take becomes `_`.
fn element(name: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let text: String = name.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect();
    if text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_') {
        text
    } else {
        format!("_{text}")
    }
}

/// Control characters that XML 1.0 forbids are left out.
fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            letter => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::detail::AppLogEntry;
    use super::super::testing::detail;
    use super::*;
    use crate::engine::xml::{Element, NoFiles, load};
    use crate::words::model::Variables;

    /// Reads the record with the switch's own reader.
    fn read(text: &str) -> Element {
        let loaded = load("cdr.xml", text.as_bytes(), Variables::new(), &NoFiles);
        assert!(loaded.diagnostics.is_empty(), "{:?}\n{text}", loaded.diagnostics);
        loaded.root.expect("a document")
    }

    fn value(root: &Element, path: &[&str]) -> Option<String> {
        let mut at = root;
        for name in path {
            at = at.children.iter().find(|child| child.name == *name)?;
        }
        at.text.as_ref().map(|text| text.text.clone())
    }

    #[test]
    fn a_record_as_a_document() {
        let root = read(&xml(&detail()));
        for (path, expected) in [
            (&["channel_data", "state"][..], "CS_REPORTING"),
            (&["channel_data", "flags"], "1=1;"),
            (&["call-stats", "audio", "inbound", "packet_count"], "50"),
            (&["variables", "hangup_cause"], "NORMAL_CLEARING"),
            (&["variables", "x"], "a%20b%26c"),
            (&["callflow", "caller_profile", "destination_number"], "2000"),
            (&["callflow", "caller_profile", "originatee", "originatee_caller_profile", "uuid"], "b"),
            (&["callflow", "times", "answered_time"], "2000000"),
        ] {
            assert_eq!(value(&root, path).as_deref(), Some(expected), "{path:?}");
        }
        assert_eq!(root.attribute("core-uuid").unwrap().text, "core");
        let flows: Vec<_> =
            root.named("callflow").map(|flow| flow.attribute("profile_index").unwrap().text.clone()).collect();
        assert_eq!(flows, ["2", "1"]);
        let run: Vec<_> = root.named("app_log").flat_map(|log| log.named("application")).collect();
        assert_eq!(run[0].attribute("app_data").unwrap().text, "a<b>\"c\"");
        let extension = root.named("callflow").next().unwrap().named("extension").next().unwrap();
        let last: Vec<_> = extension.named("application").map(|one| one.attribute("last_executed").is_some()).collect();
        assert_eq!(last, [false, true]);
    }

    proptest! {
        #[test]
        fn whatever_was_set_the_record_can_be_read(name in "[^\\x00]{1,12}", value in any::<String>()) {
            let mut detail = detail();
            detail.variables.set(&name, &value);
            detail.app_log.push(AppLogEntry { name: "set", data: value.clone(), stamp: 1 });
            detail.flows[0].profile.caller_id_name = value;
            // The reader expands global variables, which is no matter of the record.
            read(&xml(&detail).replace("$${", "$_{"));
        }
    }
}
