//! `hupall`: hangs up every channel, or those with a variable of some value.

use super::{Command, dump, order, words};
use crate::call::control::Order;
use crate::words::model::Cause;

/// The commands of this file.
pub(super) const COMMANDS: &[Command] =
    &[Command::new("hupall", "<cause> [<var> <value>]", "Hangs up every channel", |services, args| {
        Box::pin(async move {
            let words = words(args, 3);
            let cause = words.first().map_or(Cause::MANAGER_REQUEST, |text| Cause::parse(text));
            let wanted = words.get(1).zip(words.get(2));
            for (uuid, _) in services.calls.all() {
                if let Some((name, value)) = wanted {
                    let header = format!("variable_{name}");
                    let event = dump(services, &uuid).await;
                    if event.as_ref().and_then(|event| event.get(&header)) != Some(value) {
                        continue;
                    }
                }
                order(services, &uuid, Order::Hangup(cause)).await;
            }
            match wanted {
                Some((name, value)) => {
                    format!("+OK hangup all channels matching [{name}]=[{value}] with cause: {}\n", cause.name())
                }
                None => format!("+OK hangup all channels with cause {}\n", cause.name()),
            }
        })
    })];
