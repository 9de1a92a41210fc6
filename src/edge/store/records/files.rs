//! Records in files: our own lines of JSON, the lines of `cdr_csv.conf`, one document per leg.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lane::{Failure, Output};
use super::spool::{Item, append};
use crate::call::cdr::{self, BUILT_IN, CallRecord, Detail, Surroundings};
use crate::engine::config::{CsvRecords, DocumentRecords};

/// The file of the default template.
const MASTER: &str = "Master.csv";

/// Appends items to their files, those of one file in one write.
fn append_all(items: &[Item]) -> (usize, Result<(), Failure>) {
    let mut done = 0;
    for group in items.chunk_by(|one, other| one.target == other.target) {
        let Some(first) = group.first() else { continue };
        let text: String = group.iter().map(|item| item.body.as_str()).collect();
        if let Err(error) = append(Path::new(&first.target), text.as_bytes()) {
            return (done, Err(Failure::Away(format!("{}: {error}", first.target))));
        }
        done += group.len();
    }
    (done, Ok(()))
}

/// `cdr.jsonl`: every leg, one object per line.
pub(super) struct Lines {
    pub(super) path: PathBuf,
}

impl Output for Lines {
    fn items(&mut self, record: &CallRecord) -> Vec<Item> {
        vec![Item { target: self.path.to_string_lossy().into_owned(), body: record.json() + "\n" }]
    }

    fn deliver(&mut self, items: &[Item]) -> (usize, Result<(), Failure>) {
        append_all(items)
    }
}

/// `Master.csv` and the files of accounts.
pub(super) struct Csv {
    settings: CsvRecords,
    folder: PathBuf,
    around: Arc<dyn Surroundings>,
    stamp: fn() -> String,
}

impl Csv {
    /// Files below `logs` unless the settings name another folder; `stamp` names what a rotation sets aside.
    pub(super) fn new(settings: CsvRecords, logs: &Path, around: Arc<dyn Surroundings>, stamp: fn() -> String) -> Self {
        let base = settings.log_base.as_ref().map_or_else(|| logs.to_path_buf(), PathBuf::from);
        Self { settings, folder: base.join("cdr-csv"), around, stamp }
    }

    fn template(&self, name: Option<&str>) -> Option<&str> {
        let name = name?;
        self.settings.templates.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    fn line(&self, template: &str, file: PathBuf, detail: &Detail) -> Item {
        let text = cdr::expand(template, detail, &*self.around);
        Item { target: file.to_string_lossy().into_owned(), body: text + "\n" }
    }
}

impl Output for Csv {
    fn items(&mut self, record: &CallRecord) -> Vec<Item> {
        let Some(detail) = record.detail.as_deref() else { return Vec::new() };
        if !self.settings.legs.take(detail.originator.is_some(), detail.originatee.is_some()) {
            return Vec::new();
        }
        let folder = detail.variables.get("cdr_csv_base").map_or_else(|| self.folder.clone(), PathBuf::from);
        let default = self.template(self.settings.default_template.as_deref()).unwrap_or(BUILT_IN);
        let mut items = vec![self.line(default, folder.join(MASTER), detail)];
        let account = detail.variables.get("accountcode").filter(|_| !self.settings.master_only);
        if let Some(account) = account.filter(|account| is_file_name(account)) {
            let template = self.template(Some(account)).unwrap_or(default);
            items.push(self.line(template, folder.join(format!("{account}.csv")), detail));
        }
        items
    }

    fn deliver(&mut self, items: &[Item]) -> (usize, Result<(), Failure>) {
        append_all(items)
    }

    /// With `rotate-on-hup` every file gets the time behind its name. Without it there is nothing to do: no file is open.
    fn rotate(&mut self) {
        if !self.settings.rotate_on_hup {
            return;
        }
        let files = std::fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for file in files.filter(|file| file.extension().is_some_and(|ending| ending == "csv")) {
            let mut name = file.clone().into_os_string();
            name.push(format!(".{}", (self.stamp)()));
            if let Err(error) = std::fs::rename(&file, &name) {
                tracing::error!(file = %file.display(), %error, "a record file is not rotated");
            }
        }
    }
}

/// A name that stays in its folder.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

/// `xml` or `json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Xml,
    Json,
}

impl Kind {
    /// The module's name, and that of its folder.
    fn module(self) -> &'static str {
        match self {
            Self::Xml => "xml_cdr",
            Self::Json => "json_cdr",
        }
    }

    /// The record of a leg as an item: its name is `[a_]uuid`.
    pub(super) fn item(self, settings: &DocumentRecords, record: &CallRecord) -> Option<Item> {
        let detail = record.detail.as_deref()?;
        let dialled = detail.originator.is_some();
        if !settings.take(dialled, detail.is_forced()) {
            return None;
        }
        let body = match self {
            Self::Xml => cdr::xml(detail),
            Self::Json => cdr::json(detail, settings.encode_values),
        };
        let prefix = if settings.prefix_a && !dialled { "a_" } else { "" };
        Some(Item { target: format!("{prefix}{}", record.uuid), body })
    }

    /// Writes a document into a folder: whole, or not at all.
    pub(super) fn write(self, folder: &Path, item: &Item) -> std::io::Result<()> {
        let ending = match self {
            Self::Xml => "cdr.xml",
            Self::Json => "cdr.json",
        };
        let name: String =
            item.target.chars().map(|letter| if "/\\\0".contains(letter) { '_' } else { letter }).collect();
        let (file, part) = (folder.join(format!("{name}.{ending}")), folder.join(format!(".{name}.{ending}")));
        std::fs::create_dir_all(folder)?;
        std::fs::write(&part, &item.body).and_then(|()| std::fs::rename(&part, &file)).inspect_err(|_| {
            let _ = std::fs::remove_file(&part);
        })
    }
}

/// A folder of documents.
pub(super) struct Documents {
    pub(super) kind: Kind,
    pub(super) settings: DocumentRecords,
    folder: PathBuf,
}

impl Documents {
    /// In the folder that the settings name, relative to `logs`.
    pub(super) fn new(kind: Kind, settings: DocumentRecords, logs: &Path) -> Self {
        let named = settings.log_dir.as_deref().filter(|name| !name.is_empty()).unwrap_or(kind.module());
        Self { kind, folder: logs.join(named), settings }
    }
}

impl Output for Documents {
    fn items(&mut self, record: &CallRecord) -> Vec<Item> {
        self.kind.item(&self.settings, record).into_iter().collect()
    }

    fn deliver(&mut self, items: &[Item]) -> (usize, Result<(), Failure>) {
        for (done, item) in items.iter().enumerate() {
            if let Err(error) = self.kind.write(&self.folder, item) {
                return (done, Err(Failure::Away(format!("{}: {error}", self.folder.display()))));
            }
        }
        (items.len(), Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::cdr::testing::{Nothing, detail};

    fn record(change: impl FnOnce(&mut Detail)) -> CallRecord {
        let mut detail = detail();
        change(&mut detail);
        CallRecord { uuid: "a".to_owned(), detail: Some(Box::new(detail)), ..CallRecord::default() }
    }

    fn csv(logs: &Path, change: impl FnOnce(&mut CsvRecords)) -> Csv {
        let template = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let mut settings = CsvRecords {
            default_template: Some("plain".to_owned()),
            templates: vec![template("plain", "${caller_id_number}"), template("gold", "gold ${hangup_cause}")],
            ..CsvRecords::default()
        };
        change(&mut settings);
        Csv::new(settings, logs, Arc::new(Nothing), || "then".to_owned())
    }

    fn write(csv: &mut Csv, record: &CallRecord) -> Result<(), Failure> {
        let items = csv.items(record);
        csv.deliver(&items).1
    }

    #[test]
    fn lines_of_the_master_file_and_of_accounts() {
        let logs = tempfile::tempdir().unwrap();
        let mut csv = csv(logs.path(), |_| ());
        let account = |name: &'static str| record(move |detail| detail.variables.set("accountcode", name));
        for record in [record(|_| ()), account("gold"), account("other"), account("../../etc/x")] {
            assert_eq!(write(&mut csv, &record), Ok(()));
        }
        let read = |name: &str| std::fs::read_to_string(logs.path().join("cdr-csv").join(name)).unwrap();
        assert_eq!(read("Master.csv"), "1000\n".repeat(4));
        assert_eq!((read("gold.csv").as_str(), read("other.csv").as_str()), ("gold NORMAL_CLEARING\n", "1000\n"));
        assert_eq!(std::fs::read_dir(logs.path().join("cdr-csv")).unwrap().count(), 3);
    }

    #[test]
    fn what_settings_and_variables_change() {
        let logs = tempfile::tempdir().unwrap();
        let other = logs.path().join("other");
        let mut csv = csv(logs.path(), |settings| {
            settings.master_only = true;
            settings.default_template = None;
        });
        let moved = record(|detail| {
            detail.variables.set("accountcode", "gold");
            detail.variables.set("cdr_csv_base", &other.to_string_lossy());
        });
        write(&mut csv, &moved).unwrap();
        let text = std::fs::read_to_string(other.join("Master.csv")).unwrap();
        assert!(text.starts_with("\"gold\",\"1000\",\"2000\""), "{text}");
        assert!(!other.join("gold.csv").exists());
        let dialled = record(|detail| detail.originator.clone_from(&detail.originatee));
        assert!(csv.items(&dialled).is_empty(), "legs=a");
    }

    #[test]
    fn a_hang_up_signal_begins_new_files() {
        let logs = tempfile::tempdir().unwrap();
        for (rotates, expected) in [(false, vec!["Master.csv"]), (true, vec!["Master.csv.then"])] {
            let mut csv = csv(logs.path(), |settings| settings.rotate_on_hup = rotates);
            write(&mut csv, &record(|_| ())).unwrap();
            csv.rotate();
            let files = std::fs::read_dir(logs.path().join("cdr-csv")).unwrap();
            let names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            assert_eq!(names, expected);
        }
    }

    #[test]
    fn a_full_disk_is_away_and_comes_back() {
        let logs = tempfile::tempdir().unwrap();
        let folder = logs.path().join("cdr-csv");
        std::fs::create_dir(&folder).unwrap();
        let master = folder.join("Master.csv");
        std::os::unix::fs::symlink("/dev/full", &master).unwrap();
        let mut csv = csv(logs.path(), |_| ());
        let failed = write(&mut csv, &record(|_| ()));
        assert!(matches!(&failed, Err(Failure::Away(why)) if why.contains("Master.csv")), "{failed:?}");
        std::fs::remove_file(&master).unwrap();
        assert_eq!(write(&mut csv, &record(|_| ())), Ok(()));
    }

    #[test]
    fn a_document_for_each_leg() {
        let logs = tempfile::tempdir().unwrap();
        let settings = DocumentRecords { prefix_a: true, ..DocumentRecords::default() };
        for (kind, file) in [(Kind::Xml, "xml_cdr/a_a.cdr.xml"), (Kind::Json, "json_cdr/a_a.cdr.json")] {
            let mut documents = Documents::new(kind, settings.clone(), logs.path());
            let items = documents.items(&record(|_| ()));
            assert_eq!(documents.deliver(&items), (1, Ok(())));
            assert!(std::fs::read_to_string(logs.path().join(file)).unwrap().contains("CS_REPORTING"), "{file}");
            let dialled = |forced: &'static str| {
                record(move |detail| {
                    detail.originator.clone_from(&detail.originatee);
                    detail.variables.set("force_process_cdr", forced);
                })
            };
            assert!(documents.items(&dialled("")).is_empty());
            assert_eq!(documents.items(&dialled("true"))[0].target, "a");
        }
        std::fs::write(logs.path().join("file"), "").unwrap();
        let mut documents = Documents::new(Kind::Xml, settings, &logs.path().join("file"));
        let items = documents.items(&record(|_| ()));
        assert!(matches!(documents.deliver(&items), (0, Err(Failure::Away(_)))));
    }
}
