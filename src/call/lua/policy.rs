//! What scripts may do and how they find their files: the settings of `lua.conf`, which a reload changes for the runs that
//! start from then on.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::config::Limits;
use crate::engine::config::ScriptSettings;

/// API commands and applications that reach the machine; a restricted script may not use them.
const REACHING_OUT: [&str; 6] = ["system", "bg_system", "bgsystem", "spawn", "shutdown", "fsctl"];

/// The rules of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Limits of each run; variables of the channel may lower them.
    pub limits: Limits,
    /// Runs at one time, sleeping ones included. A start beyond that fails at once.
    pub max_scripts: usize,
    /// Templates of `package.path` after those of the scripts' folder.
    pub path: Vec<String>,
    /// Folders whose files a script may open; none: any.
    pub roots: Option<Vec<PathBuf>>,
    /// What older scripts expect is not there.
    pub modern: bool,
    /// Reading a global that was never set is warned of.
    pub strict: bool,
    /// Takes a mail on its standard input; none: `freeswitch.email` fails.
    pub mail_command: Option<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            max_scripts: 10_000,
            path: Vec::new(),
            roots: None,
            modern: false,
            strict: false,
            mail_command: None,
        }
    }
}

impl Policy {
    /// That of `lua.conf`. `usual` are the folders of a restricted script when it names none.
    pub fn of(settings: &ScriptSettings, usual: &[PathBuf]) -> Self {
        let mut policy = Self {
            path: settings.directories.clone(),
            modern: settings.modern,
            strict: settings.strict,
            mail_command: settings.mail_command.clone(),
            ..Self::default()
        };
        if settings.restricted {
            let named: Vec<PathBuf> = settings.roots.iter().map(PathBuf::from).collect();
            policy.roots = Some(if named.is_empty() { usual.to_vec() } else { named });
        }
        for (name, value) in &settings.limits {
            match name.as_str() {
                "lua-max-scripts" => policy.max_scripts = usize::try_from(*value).unwrap_or(usize::MAX).max(1),
                name => policy.limits.set(name, *value),
            }
        }
        policy
    }

    /// Why a command or application is refused, if it is.
    pub(super) fn refuses(&self, command: &str) -> Option<String> {
        let refused = self.roots.is_some() && REACHING_OUT.iter().any(|name| name.eq_ignore_ascii_case(command.trim()));
        refused.then(|| format!("{command} is not allowed: lua-profile is restricted"))
    }

    /// Why a file is refused, if it is. Links are followed: what counts is where the file really lies.
    pub(super) fn refuses_file(&self, path: &Path, scripts: &Path, writes: bool) -> Option<String> {
        let roots = self.roots.as_ref()?;
        let own = (!writes).then_some(scripts);
        let allowed = real(path).is_some_and(|real_path| {
            let inside = |root: &Path| real(root).is_some_and(|root| real_path.starts_with(root));
            roots.iter().map(PathBuf::as_path).chain(own).any(inside)
        });
        (!allowed)
            .then(|| format!("{}: not allowed: lua-profile is restricted, and no lua-root holds it", path.display()))
    }
}

/// Where a path leads, with all links followed. The last part, or more, may not exist yet.
fn real(path: &Path) -> Option<PathBuf> {
    if let Ok(path) = path.canonicalize() {
        return Some(path);
    }
    // What does not exist and is no name leads anywhere.
    let Component::Normal(name) = path.components().next_back()? else { return None };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A link that leads nowhere is no file that may be made: it would be made where it leads.
    if path.symlink_metadata().is_ok() {
        return None;
    }
    Some(real(parent)?.join(name))
}

/// Counts what a run holds open.
#[derive(Debug, Clone)]
pub(super) struct Handles {
    open: Arc<AtomicU64>,
    most: u64,
}

/// One thing that is open; dropping it closes it.
#[derive(Debug)]
pub(super) struct Handle(Arc<AtomicU64>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Handles {
    /// None is open. 0: no limit.
    pub(super) fn new(most: u64) -> Self {
        Self { open: Arc::default(), most: if most == 0 { u64::MAX } else { most } }
    }

    /// Opens one; the error is for the script.
    pub(super) fn open(&self) -> Result<Handle, String> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(format!(
                "more than {} sessions, databases and consumers are open (lua-max-handles)",
                self.most
            ));
        }
        Ok(Handle(Arc::clone(&self.open)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_rules() {
        let limits = [("lua-max-seconds", 5), ("lua-max-scripts", 7), ("lua-max-handles", 3)];
        let settings = ScriptSettings {
            limits: limits.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            restricted: true,
            ..ScriptSettings::default()
        };
        let policy = Policy::of(&settings, &[PathBuf::from("/usual")]);
        assert_eq!((policy.limits.seconds, policy.limits.handles, policy.max_scripts), (5, 3, 7));
        assert_eq!(policy.roots, Some(vec![PathBuf::from("/usual")]));
        assert!(policy.refuses("System").is_some() && policy.refuses("status").is_none());
        assert_eq!(Policy::default().refuses("system"), None);
    }

    #[test]
    fn files_are_judged_by_where_they_lie() {
        let folder = tempfile::tempdir().unwrap();
        let (root, scripts, other) =
            (folder.path().join("root"), folder.path().join("scripts"), folder.path().join("other"));
        for folder in [&root, &scripts, &other] {
            std::fs::create_dir(folder).unwrap();
        }
        std::fs::write(other.join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(other.join("secret"), root.join("link")).unwrap();
        std::os::unix::fs::symlink(other.join("new"), root.join("dangling")).unwrap();
        std::os::unix::fs::symlink(&other, root.join("folder")).unwrap();
        let policy = Policy { roots: Some(vec![root.clone()]), ..Policy::default() };
        let refused = |path: PathBuf, writes| policy.refuses_file(&path, &scripts, writes).is_some();
        assert!(!refused(root.join("new.txt"), true));
        assert!(!refused(root.join("a/b/new.txt"), true), "the folders may be missing still");
        assert!(!refused(scripts.join("x.lua"), false));
        assert!(refused(scripts.join("x.lua"), true), "a script does not change scripts");
        assert!(refused(other.join("secret"), false));
        assert!(refused(root.join("../other/secret"), false));
        assert!(refused(root.join("none/../../other/secret"), false));
        for link in ["link", "dangling", "folder/secret", "folder/new"] {
            assert!(refused(root.join(link), true), "{link}");
        }
        assert!(refused(PathBuf::from("/etc/passwd"), false) && refused(PathBuf::from(".."), false));
    }

    #[test]
    fn handles_are_counted() {
        let handles = Handles::new(2);
        let one = handles.open().unwrap();
        let _two = handles.open().unwrap();
        assert!(handles.open().unwrap_err().contains("more than 2"));
        drop(one);
        assert!(handles.open().is_ok());
        assert!(Handles::new(0).open().is_ok());
    }
}
