//! `uuid_displace`.

use super::{Command, dump, order, usage};
use crate::call::control::{DisplaceOrder, Order};
use crate::call::services::Services;
use crate::words::expand::split;

const DISPLACE: &str = "<uuid> [start|stop] <path> [<limit>] [mux]";

/// The command of this file.
pub(super) const COMMANDS: &[Command] = &[Command::new(
    "uuid_displace",
    DISPLACE,
    "Has a channel hear a file instead of the other side, or beside it",
    |services, args| Box::pin(displace(services, args)),
)];

async fn displace(services: &Services, args: &str) -> String {
    let words = split(args, ' ', 5);
    let [uuid, action, path, more @ ..] = words.as_slice() else { return usage(DISPLACE) };
    if dump(services, uuid).await.is_none() {
        return "-ERR Cannot locate session!\n".to_owned();
    }
    let path = path.clone();
    let (what, failure) = match action.to_ascii_lowercase().as_str() {
        "start" => {
            let limit_s = more.first().and_then(|limit| limit.trim_start_matches('+').parse().ok()).unwrap_or(0);
            let mix = more.iter().any(|word| word.eq_ignore_ascii_case("mux"));
            let start = DisplaceOrder { path, mix, repeat: false, heard: false, told: true, limit_s };
            (Order::Displace(start), "-ERR Cannot displace session!\n")
        }
        "stop" => (Order::EndDisplace(path), "-ERR Cannot stop displace session!\n"),
        _ => return usage(DISPLACE),
    };
    match order(services, uuid, what).await {
        Some(true) => "+OK Success\n",
        _ => failure,
    }
    .to_owned()
}
