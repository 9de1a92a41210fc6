//! `displace_session` and `stop_displace_session`: a file over what a channel hears or says.

use super::{Application, Run};
use crate::call::control::DisplaceOrder;
use crate::call::task::Call;
use crate::words::expand::split;

/// Begins.
pub(super) static DISPLACE_SESSION: Application = Application {
    name: "displace_session",
    doc: "Has the channel hear a file instead of the other side; flags m mixes, l loops, r what it says, w with r both",
    syntax: "<path> [<flags>] [+<limit seconds>]",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(displace(call, data))),
};

/// Ends.
pub(super) static STOP_DISPLACE_SESSION: Application = Application {
    name: "stop_displace_session",
    doc: "Ends a file that is over what is said",
    syntax: "<path>",
    media: false,
    inline: false,
    zombie: false,
    run: Run::Now(|call, data| call.stop_displacing(data.trim())),
};

async fn displace(call: &mut Call, data: &str) {
    let Some(order) = parse(data) else {
        tracing::error!("displace_session: no file is named");
        return;
    };
    call.displace_session(order).await;
}

fn parse(data: &str) -> Option<DisplaceOrder> {
    let words = split(data, ' ', 8);
    let (path, more) = words.split_first()?;
    let limit = |word: &String| word.strip_prefix('+').and_then(|number| number.parse().ok());
    let limit_s = more.iter().find_map(limit).unwrap_or(0);
    let flags = more.iter().find(|word| !word.starts_with('+')).map_or("", String::as_str);
    let has = |flag: char| flags.contains(flag);
    (!path.is_empty()).then(|| DisplaceOrder {
        path: path.clone(),
        mix: has('m'),
        repeat: has('l'),
        heard: has('r'),
        told: !has('r') || has('w'),
        limit_s,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_limits() {
        let order = |path: &str, mix, repeat, heard, told, limit_s| {
            Some(DisplaceOrder { path: path.to_owned(), mix, repeat, heard, told, limit_s })
        };
        assert_eq!(parse("a.wav"), order("a.wav", false, false, false, true, 0));
        assert_eq!(parse("a.wav ml +5"), order("a.wav", true, true, false, true, 5));
        assert_eq!(parse("a.wav +7 r"), order("a.wav", false, false, true, false, 7));
        assert_eq!(parse("a.wav frw"), order("a.wav", false, false, true, true, 0));
        assert_eq!(parse(" "), None);
    }
}
