//! The arguments that say what is loaded: the same for the switch and for `switch check`.

use std::path::{Path, PathBuf};

use crate::program::check::Subject;

/// Where the configuration lies.
#[derive(Debug, Clone, clap::Args)]
pub struct FolderArgs {
    /// Configuration folder whose freeswitch.xml is the root; it includes dialplan and users itself
    #[arg(long, value_name = "DIR")]
    conf: Option<PathBuf>,
    /// XML dialplans; with --conf they take the place of its own
    #[arg(long, value_name = "DIR")]
    dialplan: Option<PathBuf>,
    /// Users; with --conf they take the place of its own
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Lua scripts
    #[arg(long, value_name = "DIR")]
    scripts: Option<PathBuf>,
    /// Prompts
    #[arg(long, value_name = "DIR")]
    sounds: Option<PathBuf>,
    /// Do not run the commands of exec and exec-set
    #[arg(long)]
    no_exec: bool,
}

impl FolderArgs {
    /// For a command that names a dialplan as well: the value of `--dialplan`, when it is no folder.
    pub(super) fn take_dialplan_name(&mut self) -> Option<String> {
        let name = self.dialplan.take_if(|dialplan| !dialplan.is_dir())?;
        Some(name.to_string_lossy().into_owned())
    }

    /// Whether the folder of scripts was given.
    pub(super) fn names_scripts(&self) -> bool {
        self.scripts.is_some()
    }

    /// Whether the folder of prompts was given.
    pub(super) fn names_sounds(&self) -> bool {
        self.sounds.is_some()
    }

    /// What they name; without `--conf` the usual folders below `folder`.
    pub(super) fn subject(&self, folder: &Path) -> Subject {
        let mut subject = Subject::below(self.conf.as_deref().unwrap_or(folder));
        let text = |path: &Path| path.to_string_lossy().into_owned();
        subject.conf.clone_from(&self.conf);
        subject.commands = !self.no_exec;
        if let Some(dialplan) = &self.dialplan {
            subject.folders.dialplan = text(dialplan);
            subject.dialplan = Some(text(dialplan));
        }
        if let Some(directory) = &self.directory {
            subject.folders.directory = text(directory);
            subject.directory = Some(text(directory));
        }
        if let Some(scripts) = &self.scripts {
            subject.scripts.clone_from(scripts);
        }
        if let Some(sounds) = &self.sounds {
            subject.sounds.clone_from(sounds);
        }
        subject
    }
}
