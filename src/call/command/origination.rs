//! `originate`: dials, and lets the leg that answers run an application or an extension.

use super::{Command, usage};
use crate::call::task::{self, Destination, Origination};
use crate::words::expand::split;
use std::sync::atomic::Ordering;

const SYNTAX: &str = "<call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>] [<timeout_sec>]";

/// The commands of this file.
pub(super) const COMMANDS: &[Command] =
    &[Command::new("originate", SYNTAX, "Dials, and lets the leg that answers run something", |services, args| {
        Box::pin(async move {
            let Some(origination) = parse(args) else { return usage(SYNTAX) };
            if services.status.paused_outbound.load(Ordering::Relaxed) {
                return "-ERR DESTINATION_OUT_OF_ORDER\n".to_owned();
            }
            match task::begin_origination(services, origination).await {
                Ok(Ok(uuid)) => format!("+OK {uuid}\n"),
                Ok(Err(cause)) => format!("-ERR {}\n", cause.name()),
                Err(_) => "-ERR DESTINATION_OUT_OF_ORDER\n".to_owned(),
            }
        })
    })];

fn parse(args: &str) -> Option<Origination> {
    // One more than there may be: it is a mistake.
    let words = split(args, ' ', 8);
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    let (dial_string, target) = (words.next()?, words.next()?);
    let mut named = || words.next().map(|word| if word.eq_ignore_ascii_case("undef") { String::new() } else { word });
    let (dialplan, context, caller_name, caller_number, timeout) = (named(), named(), named(), named(), named());
    if named().is_some() {
        return None;
    }
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let destination = match target.strip_prefix('&') {
        Some(application) => {
            let (name, data) = application.split_once('(').unwrap_or((application, ""));
            Destination::Application(name.to_owned(), data.strip_suffix(')').unwrap_or(data).to_owned())
        }
        None => Destination::Extension {
            extension: target,
            dialplan: some(dialplan).unwrap_or_else(|| "XML".to_owned()),
            context: some(context).unwrap_or_else(|| "default".to_owned()),
        },
    };
    Some(Origination {
        dial_string,
        destination,
        caller_name: some(caller_name),
        caller_number: some(caller_number),
        timeout_s: timeout.and_then(|text| text.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let quoted = parse("null/x '&playback(a b.wav)' XML ctx 'A B' 12 7").unwrap();
        assert_eq!(quoted.destination, Destination::Application("playback".into(), "a b.wav".into()));
        assert_eq!((quoted.caller_name.as_deref(), quoted.caller_number.as_deref()), (Some("A B"), Some("12")));
        assert_eq!(quoted.timeout_s, Some(7));
        let extension = parse("null/x 1000 undef ctx").unwrap().destination;
        let expected =
            Destination::Extension { extension: "1000".into(), dialplan: "XML".into(), context: "ctx".into() };
        assert_eq!(extension, expected);
        assert!(parse("null/x").is_none() && parse("").is_none() && parse("a b c d e f 1 h").is_none());
    }
}
