//! `hupall`: hangs up every channel, or those with a variable of some value.

use super::{Command, dump, hang_up_all, order, words};
use crate::call::control::Order;
use crate::words::model::Cause;

/// The commands of this file.
pub(super) const COMMANDS: &[Command] =
    &[Command::new("hupall", "<cause> [<var> <value>]", "Hangs up every channel", |services, args| {
        Box::pin(async move {
            let words = words(args, 3);
            let cause = words.first().map_or(Cause::MANAGER_REQUEST, |text| Cause::parse(text));
            let wanted = words.get(1).zip(words.get(2));
            let Some((name, value)) = wanted else {
                hang_up_all(services, cause);
                return format!("+OK hangup all channels with cause {}\n", cause.name());
            };
            let header = format!("variable_{name}");
            for (uuid, _) in services.calls.all() {
                let seen = dump(services, &uuid).await;
                if seen.as_ref().and_then(|seen| seen.event.get(&header)) == Some(value) {
                    order(services, &uuid, Order::Hangup(cause)).await;
                }
            }
            format!("+OK hangup all channels matching [{name}]=[{value}] with cause: {}\n", cause.name())
        })
    })];
