//! The JSON record, as `mod_json_cdr` writes it (spec: configuration files, 5.1). Every leaf is a string.

use serde_json::{Map, Value};

use super::detail::{CallFlow, Detail};
use super::xml::{fields, flags};
use crate::call::event::url_encoded;
use crate::words::model::CallerProfile;

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn profile(profile: &CallerProfile) -> Map<String, Value> {
    fields(profile).into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// The record of a leg, one line; `encode`: values of variables are URL-encoded.
pub fn json(detail: &Detail, encode: bool) -> String {
    let text = |value: &str| Value::from(if encode { url_encoded(value) } else { value.to_owned() });
    let stats = detail.stats;
    let number = |value: u64| Value::from(value.to_string());
    let log = detail.app_log.iter().map(|entry| {
        object([
            ("app_name", entry.name.into()),
            ("app_data", entry.data.as_str().into()),
            ("app_stamp", number(entry.stamp)),
        ])
    });
    let mut record = vec![
        ("core-uuid", Value::from(detail.core_uuid.as_str())),
        ("switchname", detail.switchname.as_str().into()),
        (
            "channel_data",
            object([
                ("state", detail.state.into()),
                ("direction", detail.direction.into()),
                ("state_number", detail.state_number.into()),
                ("flags", flags(detail).into()),
                ("caps", "".into()),
            ]),
        ),
        (
            "callStats",
            object([(
                "audio",
                object([
                    (
                        "inbound",
                        object([
                            ("packet_count", number(stats.received)),
                            ("skip_packet_count", number(stats.lost)),
                            ("jitter_us", number(stats.jitter_us)),
                        ]),
                    ),
                    ("outbound", object([("packet_count", number(stats.sent))])),
                ]),
            )]),
        ),
        ("variables", object(detail.variables.iter().map(|(name, value)| (name, text(value))))),
        ("app_log", object([("applications", log.collect::<Vec<_>>().into())])),
    ];
    if !detail.holds.is_empty() {
        let hold = |(on, off): &(u64, u64)| object([("on", number(*on)), ("off", number(*off))]);
        record.push(("hold_record", detail.holds.iter().map(hold).collect::<Vec<_>>().into()));
    }
    let flows = detail.flows.iter().enumerate().map(|(at, flow)| call_flow(detail, flow, at == 0));
    record.push(("callflow", flows.collect::<Vec<_>>().into()));
    object(record).to_string()
}

fn call_flow(detail: &Detail, flow: &CallFlow, newest: bool) -> Value {
    let mut members = vec![
        ("dialplan", Value::from(flow.profile.dialplan.as_str())),
        ("unique-id", flow.profile.uuid.as_str().into()),
        ("clone-of", "".into()),
        ("profile_index", flow.index.to_string().into()),
    ];
    if !flow.extension.is_empty() {
        let application = |(at, (name, data)): (usize, &(String, String))| {
            let mut members = vec![("app_name", Value::from(name.as_str())), ("app_data", data.as_str().into())];
            if at + 1 == flow.executed {
                members.push(("last_executed", "true".into()));
            }
            object(members)
        };
        let applications: Vec<Value> = flow.applications.iter().enumerate().map(application).collect();
        let extension = object([
            ("name", flow.extension.as_str().into()),
            ("number", flow.profile.destination_number.as_str().into()),
            ("applications", applications.into()),
        ]);
        members.push(("extension", extension));
    }
    let mut caller = profile(&flow.profile);
    let partners = [("originator", &detail.originator), ("originatee", &detail.originatee)];
    for (name, partner) in partners.into_iter().filter(|_| newest) {
        if let Some(partner) = partner {
            let inner = format!("{name}_caller_profiles");
            caller.insert(name.to_owned(), object([(inner.as_str(), vec![Value::Object(profile(partner))].into())]));
        }
    }
    members.push(("caller_profile", Value::Object(caller)));
    let times = flow.times.named();
    members.push(("times", object(times.iter().map(|(name, at)| (*name, Value::from(at.to_string()))))));
    object(members)
}

#[cfg(test)]
mod tests {
    use super::super::testing::detail;
    use super::*;

    #[test]
    fn a_record_as_an_object() {
        let text = json(&detail(), true);
        assert!(!text.contains('\n'));
        let value: Value = serde_json::from_str(&text).unwrap();
        for (pointer, expected) in [
            ("/core-uuid", "core"),
            ("/channel_data/state_number", "11"),
            ("/callStats/audio/inbound/skip_packet_count", "2"),
            ("/variables/x", "a%20b%26c"),
            ("/app_log/applications/0/app_data", "a<b>\"c\""),
            ("/callflow/0/profile_index", "2"),
            ("/callflow/0/extension/applications/1/last_executed", "true"),
            ("/callflow/0/caller_profile/originatee/originatee_caller_profiles/0/uuid", "b"),
            ("/callflow/0/times/answered_time", "2000000"),
        ] {
            assert_eq!(value.pointer(pointer).and_then(Value::as_str), Some(expected), "{pointer}");
        }
        let plain: Value = serde_json::from_str(&json(&detail(), false)).unwrap();
        assert_eq!(plain["variables"]["x"], "a b&c");
    }

    /// FreeSWITCH's consumers rely on it.
    #[test]
    fn every_leaf_is_a_string() {
        fn leaves(value: &Value) {
            match value {
                Value::Object(members) => members.values().for_each(leaves),
                Value::Array(items) => items.iter().for_each(leaves),
                leaf => assert!(leaf.is_string(), "{leaf}"),
            }
        }
        leaves(&serde_json::from_str(&json(&detail(), true)).unwrap());
    }
}
