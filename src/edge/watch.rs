//! Watching folders: tells when a file below them has changed and the changes have settled.

use std::path::PathBuf;
use std::time::Duration;

use notify_debouncer_mini::notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_mini::{DebounceEventResult, Debouncer, new_debouncer};
use tokio::sync::Notify;

/// An editor writes a file in several steps; what follows within this time belongs together.
const SETTLED: Duration = Duration::from_millis(300);

/// Watches while it lives.
pub struct Watch {
    _debouncer: Debouncer<RecommendedWatcher>,
}

impl Watch {
    /// Watches these folders and all below them; those that do not exist are passed over. `changed` is notified once for
    /// each burst of changes. An error is the system's, ready to be shown.
    pub fn begin(folders: &[PathBuf], changed: std::sync::Arc<Notify>) -> Result<Self, String> {
        let told = move |events: DebounceEventResult| match events {
            Ok(_) => changed.notify_one(),
            Err(error) => tracing::warn!(%error, "watching files"),
        };
        let mut debouncer = new_debouncer(SETTLED, told).map_err(|error| error.to_string())?;
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            debouncer.watcher().watch(folder, RecursiveMode::Recursive).map_err(|error| error.to_string())?;
        }
        Ok(Self { _debouncer: debouncer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let changed = std::sync::Arc::new(Notify::new());
        let folders = [folder.path().to_owned(), folder.path().join("nosuch")];
        let _watch = Watch::begin(&folders, std::sync::Arc::clone(&changed)).unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/a.xml"), "<a/>").unwrap();
        tokio::time::timeout(Duration::from_secs(10), changed.notified()).await.expect("told in time");
    }
}
