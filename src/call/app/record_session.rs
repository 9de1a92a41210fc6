//! `record_session`, and what changes a recording that runs.

use super::{Application, Run};
use crate::call::control::RecordOrder;
use crate::call::task::Call;
use crate::words::expand::split;

/// Begins one.
pub(super) static RECORD_SESSION: Application = Application {
    name: "record_session",
    doc: "Records both sides of the call beside what it does",
    syntax: "<path> [+<limit seconds>] [{name=value,...}]",
    media: true,
    inline: false,
    zombie: false,
    run: Run::Wait(|call, data| Box::pin(start(call, data))),
};

/// A change of one: name, line of documentation, order.
macro_rules! change {
    ($name:ident, $text:literal, $doc:literal, $syntax:literal, $order:expr) => {
        #[doc = $doc]
        pub(super) static $name: Application = Application {
            name: $text,
            doc: $doc,
            syntax: $syntax,
            media: false,
            inline: false,
            zombie: false,
            run: Run::Now(|call, data| call.change_recording(data.trim(), $order)),
        };
    };
}

change!(RECORD_SESSION_MASK, "record_session_mask", "Writes silence instead of what is said", "<path>", |name| {
    RecordOrder::Mask(name, true)
});
change!(RECORD_SESSION_PAUSE, "record_session_pause", "Lets a recording stand still", "<path>", |name| {
    RecordOrder::Pause(name, true)
});
change!(RECORD_SESSION_RESUME, "record_session_resume", "Lets a recording go on", "<path>", |name| {
    RecordOrder::Pause(name, false)
});
change!(RECORD_SESSION_UNMASK, "record_session_unmask", "Writes what is said again", "<path>", |name| {
    RecordOrder::Mask(name, false)
});
change!(STOP_RECORD_SESSION, "stop_record_session", "Ends a recording of the call", "<path>|all", RecordOrder::Stop);

async fn start(call: &mut Call, data: &str) {
    let (name, limit_s, settings) = parse(data);
    if name.is_empty() {
        tracing::error!("record_session: no file is named");
        return;
    }
    call.record_session(&name, limit_s, settings).await;
}

/// File, seconds and settings.
pub(crate) fn parse(data: &str) -> (String, u64, Vec<(String, String)>) {
    let (data, settings) = match data.trim().strip_suffix('}').and_then(|data| data.rsplit_once('{')) {
        Some((data, settings)) => (data.trim(), settings),
        None => (data.trim(), ""),
    };
    let settings = split(settings, ',', 64);
    let settings = settings.iter().filter_map(|setting| setting.split_once('='));
    let settings = settings.map(|(name, value)| (name.trim().to_owned(), value.to_owned())).collect();
    if let Some((name, last)) = data.rsplit_once(' ')
        && let Some(limit) = last.strip_prefix('+').and_then(|limit| limit.parse().ok())
    {
        return (name.trim().to_owned(), limit, settings);
    }
    (data.to_owned(), 0, settings)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn data_name_file_limit_and_settings() {
        assert_eq!(parse("/a b.wav"), ("/a b.wav".to_owned(), 0, vec![]));
        assert_eq!(parse("/a.wav +30"), ("/a.wav".to_owned(), 30, vec![]));
        let settings = vec![("RECORD_STEREO".to_owned(), "true".to_owned()), ("x".to_owned(), "1".to_owned())];
        assert_eq!(parse("/a.wav +5 {RECORD_STEREO=true,x=1}"), ("/a.wav".to_owned(), 5, settings));
        assert_eq!(parse(""), (String::new(), 0, vec![]));
    }
}
