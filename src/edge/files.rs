//! The file system as the configuration loader sees it.

use std::process::{Command, Stdio};

use crate::engine::xml::Loader;

/// Largest file that is read, bytes.
const MAX_FILE: u64 = 64 << 20;

/// Reads files of this machine; relative paths start at the working directory.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileLoader {
    /// Whether `exec` and `exec-set` run their commands.
    pub commands: bool,
}

impl Loader for FileLoader {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
        if length > MAX_FILE {
            return Err("the file is larger than 64 MiB".to_owned());
        }
        std::fs::read(path).map_err(|error| error.to_string())
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
        let output = Command::new("/bin/sh").args(["-c", command]).stdin(Stdio::null()).output();
        let output = output.map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(output.status.to_string());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn environment(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
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
}
