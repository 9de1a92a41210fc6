//! Log lines of scripts.

use super::run::Run;

/// Level of `consoleLog`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// `err` and above.
    Err,
    /// `warning`.
    Warning,
    /// `console`, `notice`, `info`.
    Info,
    /// `debug` and what is unknown.
    Debug,
}

impl Level {
    /// A name, any case, or a number; unknown is debug.
    pub(super) fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "alert" | "crit" | "err" | "error" | "1" | "2" | "3" => Self::Err,
            "warning" | "4" => Self::Warning,
            "console" | "notice" | "info" | "0" | "5" | "6" => Self::Info,
            _ => Self::Debug,
        }
    }
}

/// Writes one line, marked with script and call.
pub(super) fn write(run: &Run, level: Level, text: &str) {
    let text = text.trim_end_matches('\n');
    let (script, uuid) = (&*run.name, run.uuid());
    match level {
        Level::Err => tracing::error!(target: "lua", script, uuid, "{text}"),
        Level::Warning => tracing::warn!(target: "lua", script, uuid, "{text}"),
        Level::Info => tracing::info!(target: "lua", script, uuid, "{text}"),
        Level::Debug => tracing::debug!(target: "lua", script, uuid, "{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        assert_eq!(Level::parse("ERR"), Level::Err);
        assert_eq!(Level::parse("Warning"), Level::Warning);
        assert_eq!(Level::parse("notice"), Level::Info);
        assert_eq!(Level::parse("bogus"), Level::Debug);
        assert_eq!(Level::parse(""), Level::Debug);
    }
}
