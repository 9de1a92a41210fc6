//! The file system as the configuration loader sees it.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use crate::engine::xml::Loader;

/// Largest file that is read, bytes.
const MAX_FILE: u64 = 64 << 20;

/// How often a file that changes is read again.
const MAX_READS: usize = 3;

/// Largest output of a command, bytes.
const MAX_OUTPUT: u64 = 16 << 20;

/// How long a command may take.
const MAX_RUN: Duration = Duration::from_secs(30);

/// Reads files of this machine; relative paths start at the working directory.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileLoader {
    /// Whether `exec` and `exec-set` run their commands.
    pub commands: bool,
}

impl Loader for FileLoader {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        steady(|| facts(path), || read_once(path))
    }

    fn glob(&self, pattern: &str) -> Result<Vec<String>, String> {
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let paths = glob::glob_with(pattern, options).map_err(|error| error.to_string())?;
        let mut files = paths
            .map(|path| match path {
                Ok(path) => Ok(path.to_string_lossy().into_owned()),
                Err(error) => Err(error.to_string()),
            })
            .collect::<Result<Vec<_>, _>>()?;
        files.sort();
        Ok(files)
    }

    fn run(&self, command: &str) -> Result<String, String> {
        if !self.commands {
            return Err("commands are switched off".to_owned());
        }
        run_shell(command, MAX_RUN)
    }

    fn environment(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Reads until the facts of the file are the same before and after.
fn steady(
    mut facts: impl FnMut() -> Result<Facts, String>,
    mut read: impl FnMut() -> Result<Vec<u8>, String>,
) -> Result<Vec<u8>, String> {
    for _ in 0..MAX_READS {
        let before = facts()?;
        let bytes = read()?;
        if facts()? == before && bytes.len() as u64 == before.length {
            return Ok(bytes);
        }
    }
    Err("the file changes while it is read".to_owned())
}

/// What tells that a file was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    length: u64,
    changed: Option<SystemTime>,
}

/// Facts of a regular file that is not too large.
fn facts(path: &str) -> Result<Facts, String> {
    let facts = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !facts.is_file() {
        return Err("this is no regular file".to_owned());
    }
    if facts.len() > MAX_FILE {
        return Err("the file is larger than 64 MiB".to_owned());
    }
    Ok(Facts { length: facts.len(), changed: facts.modified().ok() })
}

fn read_once(path: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Standard output of a command; it is killed when it takes too long, and what it writes is bounded.
fn run_shell(command: &str, most: Duration) -> Result<String, String> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = shell.spawn().map_err(|error| error.to_string())?;
    let Some(output) = child.stdout.take() else { return Err("it has no output".to_owned()) };
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.take(MAX_OUTPUT + 1).read_to_end(&mut bytes).map(|_| bytes);
        // Nobody waits any more when it took too long.
        let _ = sender.send(read);
    });
    let refused = match receiver.recv_timeout(most) {
        Ok(Ok(bytes)) if bytes.len() as u64 <= MAX_OUTPUT => {
            let status = child.wait().map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            return if status.success() { Ok(text) } else { Err(status.to_string()) };
        }
        Ok(Ok(_)) => "it writes more than 16 MiB".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("it takes longer than {} s", most.as_secs()),
    };
    let _ = child.kill();
    let _ = child.wait();
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_byte_order_and_hidden_ones_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.xml", "10_x.xml", "9_x.xml", "B.xml", ".hidden.xml", "c.txt"] {
            std::fs::write(folder.path().join(name), "<a/>").unwrap();
        }
        let loader = FileLoader::default();
        let found = loader.glob(&format!("{}/*.xml", folder.path().display())).unwrap();
        let names: Vec<&str> = found.iter().filter_map(|path| path.rsplit('/').next()).collect();
        assert_eq!(names, ["10_x.xml", "9_x.xml", "B.xml", "b.xml"]);
        assert_eq!(loader.read(&found[0]).unwrap(), b"<a/>");
        assert!(loader.read("/nonexistent").is_err());
        assert!(loader.glob("[").is_err());
    }

    #[test]
    fn commands_run_only_when_allowed() {
        assert_eq!(FileLoader { commands: true }.run("echo hi").unwrap(), "hi\n");
        assert!(FileLoader { commands: true }.run("exit 3").is_err());
        assert!(FileLoader { commands: false }.run("echo hi").is_err());
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let loader = FileLoader::default();
        assert_eq!(loader.read("/dev/zero").unwrap_err(), "this is no regular file");
        assert_eq!(loader.read(&path("")).unwrap_err(), "this is no regular file");
        std::fs::File::create(path("large")).unwrap().set_len(100_000_000).unwrap();
        assert_eq!(loader.read(&path("large")).unwrap_err(), "the file is larger than 64 MiB");
        std::os::unix::fs::symlink(path("a"), path("b")).unwrap();
        std::os::unix::fs::symlink(path("b"), path("a")).unwrap();
        assert!(loader.read(&path("a")).is_err(), "a loop of links");
        std::os::unix::fs::symlink(folder.path(), path("loop")).unwrap();
        std::fs::write(path("x.xml"), "<a/>").unwrap();
        assert_eq!(loader.glob(&path("loop/loop/*.xml")).unwrap().len(), 1);
    }

    #[test]
    fn a_file_that_changes_is_read_again_and_then_refused() {
        let facts = |length: usize| Ok(Facts { length: length as u64, changed: None });
        // Grows for a while: the first reading sees half of it.
        let (mut looks, mut reads) = (0, 0);
        let grows = steady(
            || {
                looks += 1;
                facts(if looks == 1 { 1 } else { 2 })
            },
            || {
                reads += 1;
                Ok(vec![0; 2])
            },
        );
        assert_eq!((grows.unwrap().len(), reads), (2, 2));
        let mut length = 0;
        let never = steady(
            || {
                length += 1;
                facts(length)
            },
            || Ok(vec![0; 2]),
        );
        assert_eq!(never.unwrap_err(), "the file changes while it is read");
        assert!(steady(|| facts(5), || Ok(vec![0; 2])).is_err(), "cut off");
    }

    #[test]
    fn commands_have_a_deadline_and_a_bound() {
        let late = run_shell("exec sleep 60", Duration::from_millis(50)).unwrap_err();
        assert!(late.starts_with("it takes longer"), "{late}");
        assert_eq!(run_shell("cat /dev/zero", MAX_RUN).unwrap_err(), "it writes more than 16 MiB");
    }
}
