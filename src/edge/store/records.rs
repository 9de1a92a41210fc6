//! The file of call records: one JSON object per line, appended by a thread of its own.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::call::cdr::{CallRecord, RecordSink};

/// Records that may wait for the disk. Beyond, records are dropped and counted: calls never wait for a disk.
const QUEUE: usize = 16_384;

/// How long records are gathered before they are written together: one wake-up and one write for many.
const GATHER: Duration = Duration::from_millis(100);

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot write call records to {path}: {source}")]
pub struct RecordError {
    path: PathBuf,
    source: std::io::Error,
}

/// The open file and its thread.
pub struct RecordFile {
    queue: ArcSwapOption<SyncSender<CallRecord>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    lost: AtomicU64,
}

impl RecordFile {
    /// Opens the file for appending, its folder made when it is missing.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let failed = |source| RecordError { path: path.to_path_buf(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        let (queue, records) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("records".to_owned()).spawn(move || write(file, &records));
        Ok(Self {
            queue: ArcSwapOption::from_pointee(queue),
            thread: Mutex::new(Some(thread.map_err(failed)?)),
            lost: AtomicU64::new(0),
        })
    }

    /// Records lost because the disk was too slow.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Writes what is waiting and ends the thread.
    pub fn close(&self) {
        // The thread ends when the last sender is gone; one that is just sending drops it at once.
        drop(self.queue.swap(None::<Arc<_>>));
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl RecordSink for RecordFile {
    fn record(&self, record: CallRecord) {
        let queue = self.queue.load();
        let Some(queue) = queue.as_ref() else { return };
        if let Err(TrySendError::Full(record)) = queue.try_send(record) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            tracing::error!(uuid = record.uuid, "a call record is lost: the disk is too slow");
        }
    }
}

impl Drop for RecordFile {
    fn drop(&mut self) {
        self.close();
    }
}

fn write(file: File, records: &Receiver<CallRecord>) {
    let mut out = BufWriter::new(file);
    while let Ok(first) = records.recv() {
        line(&mut out, &first);
        // Nobody waits in the queue meanwhile, so records that come cost no wake-up. Closing ends the pause.
        std::thread::park_timeout(GATHER);
        for record in records.try_iter() {
            line(&mut out, &record);
        }
        if let Err(error) = out.flush() {
            tracing::error!(%error, "call records cannot be written");
        }
    }
}

fn line(out: &mut impl std::io::Write, record: &CallRecord) {
    if let Err(error) = writeln!(out, "{}", record.json()) {
        tracing::error!(%error, "a call record cannot be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_appended_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/cdr.jsonl");
        for uuid in ["one", "two"] {
            let file = RecordFile::open(&path).unwrap();
            file.record(CallRecord { uuid: uuid.to_owned(), ..CallRecord::default() });
            file.close();
            assert_eq!(file.lost(), 0);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let uuids: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["uuid"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(uuids, ["one", "two"]);
        assert!(RecordFile::open(&folder.path().join("deep")).is_err());
    }
}
