//! Where call records go: a line of JSON for every leg in the data folder, and what the configuration asks for.
//!
//! Each output has a thread, a bounded queue and a spool in the data folder. While an output is away (a full disk, a web
//! server that answers 500, a database that is locked) its records wait in the spool and are tried again in order; an
//! output that is away delays neither another one nor a call.

mod files;
mod lane;
mod post;
mod spool;
mod table;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::call::cdr::{CallRecord, RecordSink, Surroundings};
use crate::engine::config::{DocumentRecords, RecordSettings};
use files::{Csv, Documents, Kind, Lines};
use lane::{Lane, Output, Thread};
use post::Post;
use table::Table;

/// The output that is always there.
const ALWAYS: &str = "jsonl";

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot write call records to {path}: {source}")]
pub struct RecordError {
    path: PathBuf,
    source: std::io::Error,
}

/// The folders records go to.
#[derive(Debug, Clone)]
pub struct RecordFolders {
    /// Folder of data: `cdr.jsonl` and the spools.
    pub data: PathBuf,
    /// Folder of databases.
    pub databases: PathBuf,
    /// Folder of logs: where the configuration names none.
    pub logs: PathBuf,
}

/// What is known of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputFigures {
    /// `jsonl`, `csv`, `xml-post`, `xml-files`, `json-post`, `json-files` or `sqlite`.
    pub name: &'static str,
    /// Texts that were delivered: lines, documents, rows.
    pub delivered: u64,
    /// Records that were lost.
    pub lost: u64,
    /// Records that wait for the thread.
    pub queued: u64,
    /// Octets that wait in the spool.
    pub spooled: u64,
    /// It takes nothing now.
    pub away: bool,
}

/// Makes an output, on its own thread.
type MakeOutput = Box<dyn FnOnce() -> Box<dyn Output> + Send>;

/// All outputs.
pub struct Records {
    folders: RecordFolders,
    around: Arc<dyn Surroundings>,
    lanes: ArcSwap<Vec<Arc<Lane>>>,
    detailed: AtomicBool,
    settings: Mutex<RecordSettings>,
}

impl Records {
    /// Opens the file of the data folder, which is made when it is missing.
    pub fn open(folders: RecordFolders, around: Arc<dyn Surroundings>) -> Result<Self, RecordError> {
        let path = folders.data.join("cdr.jsonl");
        let failed = |source| RecordError { path: path.clone(), source };
        spool::append(&path, b"").map_err(failed)?;
        let records = Self {
            folders,
            around,
            lanes: ArcSwap::from_pointee(Vec::new()),
            detailed: AtomicBool::new(false),
            settings: Mutex::default(),
        };
        let lane = records.lane(ALWAYS, move || Box::new(Lines { path: path.clone() }), None);
        let path = records.folders.data.join("cdr.jsonl");
        records.lanes.store(Arc::new(vec![Arc::new(lane.map_err(|source| RecordError { path, source })?)]));
        Ok(records)
    }

    /// Writes what these settings ask for from now on. Outputs that were there before write what they have first.
    pub fn configure(&self, settings: &RecordSettings) {
        let mut present = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if *present == *settings {
            return;
        }
        present.clone_from(settings);
        let old = self.lanes.load_full();
        // A new output begins when the one of its name has written what it had.
        let mut successors: Vec<(&'static str, Sender<Thread>)> = Vec::new();
        let mut lanes: Vec<Arc<Lane>> = Vec::new();
        let mut add = |name: &'static str, output: MakeOutput| {
            let after = old.iter().any(|lane| lane.name == name).then(|| {
                let (former, after) = channel();
                successors.push((name, former));
                after
            });
            match self.lane(name, output, after) {
                Ok(lane) => lanes.push(Arc::new(lane)),
                Err(error) => tracing::error!(%error, output = name, "no thread for call records"),
            }
        };
        if let Some(csv) = settings.csv.clone() {
            let (logs, around) = (self.folders.logs.clone(), Arc::clone(&self.around));
            add("csv", Box::new(move || Box::new(Csv::new(csv, &logs, around, stamp))));
        }
        for (kind, names, documents) in [
            (Kind::Xml, ["xml-post", "xml-files"], &settings.xml),
            (Kind::Json, ["json-post", "json-files"], &settings.json),
        ] {
            let Some(documents) = documents else { continue };
            self.documents(kind, names, documents, &mut add);
        }
        if let Some(table) = settings.sqlite.clone() {
            let name =
                if table.database.contains('.') { table.database.clone() } else { format!("{}.db", table.database) };
            let (path, around) = (self.folders.databases.join(name), Arc::clone(&self.around));
            add("sqlite", Box::new(move || Box::new(Table::new(&table, path, around))));
        }
        self.detailed.store(!lanes.is_empty(), Ordering::Relaxed);
        let always = old.iter().filter(|lane| lane.name == ALWAYS).cloned();
        self.lanes.store(Arc::new(always.chain(lanes).collect()));
        for lane in old.iter().filter(|lane| lane.name != ALWAYS) {
            let Some(thread) = lane.end() else { continue };
            if let Some((_, successor)) = successors.iter().find(|(name, _)| *name == lane.name) {
                let _ = successor.send(thread);
            }
        }
    }

    fn documents(
        &self,
        kind: Kind,
        [post, files]: [&'static str; 2],
        settings: &DocumentRecords,
        add: &mut dyn FnMut(&'static str, MakeOutput),
    ) {
        if !settings.urls.is_empty() {
            let (settings, logs) = (settings.clone(), self.folders.logs.clone());
            add(post, Box::new(move || Box::new(Post::new(kind, settings, &logs))));
        }
        if settings.writes_files() {
            let (settings, logs) = (settings.clone(), self.folders.logs.clone());
            add(files, Box::new(move || Box::new(Documents::new(kind, settings, &logs))));
        }
    }

    fn lane(
        &self,
        name: &'static str,
        output: impl FnOnce() -> Box<dyn Output> + Send + 'static,
        after: Option<Receiver<Thread>>,
    ) -> std::io::Result<Lane> {
        Lane::start(name, &self.spools(), output, after)
    }

    fn spools(&self) -> PathBuf {
        self.folders.data.join("spool")
    }

    /// Begins new files, where the settings say so (SIGHUP).
    pub fn rotate(&self) {
        self.lanes.load().iter().for_each(|lane| lane.rotate());
    }

    /// What is known of each output.
    pub fn figures(&self) -> Vec<OutputFigures> {
        let lanes = self.lanes.load();
        let one = |lane: &Arc<Lane>| OutputFigures {
            name: lane.name,
            delivered: lane.figures.delivered.load(Ordering::Relaxed),
            lost: lane.figures.lost.load(Ordering::Relaxed),
            queued: lane.figures.queued.load(Ordering::Relaxed),
            spooled: lane.figures.spooled.load(Ordering::Relaxed),
            away: lane.figures.away.load(Ordering::Relaxed),
        };
        lanes.iter().map(one).collect()
    }

    /// Writes what is waiting and ends the threads; blocks, two seconds at most.
    pub fn close(&self) {
        Lane::close(&self.lanes.load_full());
    }
}

impl RecordSink for Records {
    fn detailed(&self) -> bool {
        self.detailed.load(Ordering::Relaxed)
    }

    fn record(&self, record: CallRecord) {
        if record.skipped {
            return;
        }
        let record = Arc::new(record);
        for lane in self.lanes.load().iter() {
            if lane.record(Arc::clone(&record)) {
                continue;
            }
            // It ended just now: another one of its name may have taken its place.
            let present = self.lanes.load();
            if let Some(lane) = present.iter().find(|other| other.name == lane.name && !Arc::ptr_eq(other, lane)) {
                lane.record(Arc::clone(&record));
            }
        }
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        self.close();
    }
}

/// Local time, for the name of a file that is set aside.
#[expect(clippy::disallowed_methods, reason = "the time at which files are rotated")]
fn stamp() -> String {
    let now = jiff::Timestamp::try_from(std::time::SystemTime::now()).unwrap_or_default();
    now.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d-%H-%M-%S").to_string()
}
