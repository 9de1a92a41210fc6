//! SIP messages of one call in a file: our own commands. `sofia … siptrace` shows all of them in the log.

use std::sync::Arc;

use super::{Command, run, usage, words};
use crate::call::administration::TraceOrder;
use crate::call::services::Services;

const NEXT: &str = "<number> <file>.pcap|<file>.txt | off <file>";
const OF_CHANNEL: &str = "<uuid> <file>.pcap|<file>.txt|off";

/// The commands of this file.
pub(super) const COMMANDS: &[Command] = &[
    Command::new("siptrace", NEXT, "Writes the SIP messages of the next call to or from a number", |services, args| {
        Box::pin(async move {
            let words = words(args, 3);
            let order = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["off", file] => TraceOrder::EndFile(file),
                [number, file] => TraceOrder::Next { number, file },
                _ => return usage(NEXT),
            };
            answer(services, order)
        })
    }),
    Command::new("uuid_siptrace", OF_CHANNEL, "Writes the SIP messages of a call from now on", |services, args| {
        Box::pin(async move {
            let words = words(args, 3);
            let [uuid, what] = words.as_slice() else { return usage(OF_CHANNEL) };
            if services.calls.find(uuid).is_none() {
                return format!("-ERR No such channel {uuid}!\n");
            }
            let call_id = run(services, "uuid_getvar", &format!("{uuid} sip_call_id")).await.unwrap_or_default();
            if call_id.is_empty() || call_id == "_undef_" || call_id.starts_with("-ERR") {
                return "-ERR the channel is no SIP leg\n".to_owned();
            }
            let order = match what.as_str() {
                "off" => TraceOrder::EndCall(&call_id),
                file => TraceOrder::Call { call_id: &call_id, file },
            };
            answer(services, order)
        })
    }),
];

fn answer(services: &Arc<Services>, order: TraceOrder<'_>) -> String {
    match services.administration.trace(order) {
        Ok(()) => "+OK\n".to_owned(),
        Err(error) => format!("-ERR {error}\n"),
    }
}
