//! `switch check`: loads what the switch would load and reports every mistake.
//!
//! A rule is one file of `rules` and one line of its table: what it finds, why that is a mistake, an example of it and of
//! the correction, and its code. What the XML loader and the dialplan compiler find themselves has a rule without code.
//! Rules see the configuration as it was written (`view`) and as it was understood. A rule reports only what is certain:
//! a warning that is wrong once is never read again.

mod allow;
mod captures;
mod dialled;
mod failure;
mod known;
mod lua_calls;
mod lua_text;
pub mod output;
pub mod page;
mod reference;
mod routes;
mod rule;
pub mod rules;
mod scripts;
pub mod sounds;
mod suggest;
mod taint;
mod target;
mod view;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::call::app::Catalog;
use crate::edge::files::FileLoader;
use crate::engine::config::{Directory, Folders, Settings, SipProfile, Voice, root_document};
use crate::engine::dialplan::Dialplan;
use crate::engine::xml::{self, Element, Loader as _};
use crate::words::model::Variables;
use crate::words::text::{Diagnostic, Severity, Sources};

pub use rule::{Example, Rule};
pub use suggest::nearest;
use view::View;

/// What is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// With it, this folder's `freeswitch.xml` is the root.
    pub conf: Option<PathBuf>,
    /// Folders of a configuration without a `freeswitch.xml`.
    pub folders: Folders,
    /// With `conf`: dialplans that take the place of its own.
    pub dialplan: Option<String>,
    /// With `conf`: users that take the place of its own.
    pub directory: Option<String>,
    /// Lua scripts.
    pub scripts: PathBuf,
    /// Prompts.
    pub sounds: PathBuf,
    /// Whether `exec` and `exec-set` run their commands.
    pub commands: bool,
}

impl Subject {
    /// The usual folders below one.
    pub fn below(folder: &Path) -> Self {
        Self {
            conf: None,
            folders: Folders::below(&folder.to_string_lossy()),
            dialplan: None,
            directory: None,
            scripts: folder.join("scripts"),
            sounds: folder.join("sounds"),
            commands: true,
        }
    }
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// Every file that was read.
    pub sources: Sources,
    /// Mistakes, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// Name and number of extensions of each context.
    pub contexts: Vec<(String, usize)>,
    /// Users of all domains.
    pub users: usize,
    /// Lua scripts that were compiled.
    pub scripts: usize,
}

impl Report {
    /// Number of mistakes of this weight.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|found| found.severity == severity).count()
    }
}

/// What was loaded, as far as it could be.
#[derive(Debug)]
pub struct Loaded {
    /// Every file that was read.
    pub sources: Sources,
    /// What is wrong with the configuration.
    pub diagnostics: Vec<Diagnostic>,
    /// The document; none: its XML is broken.
    pub root: Option<Element>,
    /// Global variables.
    pub globals: Variables,
    /// The dialplan.
    pub dialplan: Arc<Dialplan>,
    /// Users, groups and domains.
    pub directory: Arc<Directory>,
    /// SIP profiles.
    pub profiles: Vec<SipProfile>,
    /// Phrase macros and menus.
    pub voice: Arc<Voice>,
    /// Settings of the switch as a whole.
    pub settings: Settings,
}

/// Loads a configuration; reads files, changes nothing. The error says that there is nothing to load.
pub fn load(subject: &Subject) -> Result<Loaded, String> {
    let (name, text) = root(subject)?;
    let loader = FileLoader { commands: subject.commands };
    let xml::Loaded { root, sources, globals, mut diagnostics, .. } =
        xml::load(&name, &text, globals(subject), &loader);
    let root = root.map(|root| if replaced_sections(subject).is_empty() { root } else { merged(root) });
    let mut voice = Voice::default();
    let (mut dialplan, mut directory, mut profiles, mut settings) =
        (Dialplan::default(), Directory::default(), Vec::new(), Settings::default());
    if let Some(root) = &root {
        let (compiled, findings) = Dialplan::compile(root, &Catalog);
        diagnostics.extend(findings.iter().map(Diagnostic::from));
        dialplan = compiled;
        profiles = SipProfile::read(root, &mut diagnostics);
        settings = Settings::read(root, &mut diagnostics);
        directory = Directory::read(root);
        voice = Voice::read(root, &mut diagnostics);
    }
    Ok(Loaded {
        sources,
        diagnostics,
        root,
        globals,
        dialplan: Arc::new(dialplan),
        directory: Arc::new(directory),
        profiles,
        voice: Arc::new(voice),
        settings,
    })
}

/// What is there without any configuration: the globals that exist before the first line is read.
pub fn bare(subject: &Subject) -> Loaded {
    Loaded {
        sources: Sources::new(),
        diagnostics: Vec::new(),
        root: None,
        globals: globals(subject),
        dialplan: Arc::default(),
        directory: Arc::default(),
        profiles: Vec::new(),
        voice: Arc::default(),
        settings: Settings::default(),
    }
}

/// Checks, leaving out the rules whose names or codes are given; reads files, changes nothing. The error says that there
/// is nothing to check.
pub fn check(subject: &Subject, allow: &[String]) -> Result<Report, String> {
    let Loaded { mut sources, mut diagnostics, root, globals, dialplan, directory, profiles, voice, .. } =
        load(subject)?;
    let scripts = scripts::read(&subject.scripts, &mut sources, &mut diagnostics);
    let mut allowed = allow.to_vec();
    if let Some(root) = &root {
        allowed.extend(allow::configured(root));
        let contexts = Dialplan::written(root);
        let view = View {
            subject,
            sources: &sources,
            root,
            globals: &globals,
            dialplan: &dialplan,
            directory: &directory,
            profiles: &profiles,
            voice: &voice,
            scripts: &scripts,
            contexts: &contexts,
            gateways: gateways(root),
            extensions: view::Extension::all(&contexts),
        };
        apply(&view, &mut diagnostics, |_| true);
    }
    leave_out(&allowed, &sources, &mut diagnostics);
    let contexts = dialplan.contexts().map(|(name, extensions)| (name.to_owned(), extensions)).collect();
    Ok(Report { sources, diagnostics, contexts, users: directory.user_count(), scripts: scripts.len() })
}

/// Checks scripts alone: folders and files, with the prompts of a folder; without it prompts are not looked for. The error
/// says that there is nothing to check.
pub fn check_scripts(places: &[PathBuf], sounds: Option<&Path>, allow: &[String]) -> Result<Report, String> {
    let (mut sources, mut diagnostics, mut scripts) = (Sources::new(), Vec::new(), Vec::new());
    for place in places {
        if !place.exists() {
            return Err(format!("there is no {}", place.display()));
        }
        scripts.extend(scripts::read(place, &mut sources, &mut diagnostics));
    }
    if scripts.is_empty() && diagnostics.is_empty() {
        return Err("there is no script there: their names end in .lua".to_owned());
    }
    let subject = Subject {
        sounds: sounds.map(Path::to_owned).unwrap_or_default(),
        ..Subject::below(places.first().map_or(Path::new("."), PathBuf::as_path))
    };
    let view = View {
        subject: &subject,
        sources: &sources,
        root: &Element::default(),
        globals: &Variables::new(),
        dialplan: &Dialplan::default(),
        directory: &Directory::default(),
        profiles: &[],
        voice: &Voice::default(),
        scripts: &scripts,
        contexts: &[],
        gateways: BTreeSet::new(),
        extensions: Vec::new(),
    };
    apply(&view, &mut diagnostics, Rule::is_about_scripts);
    leave_out(allow, &sources, &mut diagnostics);
    Ok(Report { sources, diagnostics, contexts: Vec::new(), users: 0, scripts: scripts.len() })
}

/// Drops what is allowed, and puts the rest in order.
fn leave_out(allowed: &[String], sources: &Sources, diagnostics: &mut Vec<Diagnostic>) {
    let code = |found: &Diagnostic| rules::find(found.code).map_or("", |rule| rule.code);
    diagnostics.retain(|found| {
        let code = code(found);
        let named = |name: &String| name == found.code || name.eq_ignore_ascii_case(code);
        !allowed.iter().any(named) && !allow::beside(found, code, sources)
    });
    diagnostics.sort_by_key(|found| found.span.map(|span| (span.file, span.start)));
}

/// Runs rules. What loading found is left out where the rule looks itself, which it does better.
fn apply(view: &View<'_>, diagnostics: &mut Vec<Diagnostic>, wanted: fn(&Rule) -> bool) {
    diagnostics.retain(|found| rules::find(found.code).is_none_or(|rule| rule.check.is_none()));
    for rule in rules::all().iter().filter(|rule| wanted(rule)) {
        if let Some(check) = rule.check {
            check(view, &mut rule::Findings::new(rule, diagnostics));
        }
    }
}

/// Names of all gateways, of profiles and of the directory, in lower case.
fn gateways(root: &Element) -> BTreeSet<String> {
    let named = view::elements(root).filter(|element| element.name == "gateway");
    named.filter_map(|gateway| gateway.attribute("name")).map(|name| name.text.to_ascii_lowercase()).collect()
}

/// Sections of `--conf` whose place files of another folder take.
fn replaced_sections(subject: &Subject) -> Vec<(&'static str, &str)> {
    let sections = [("dialplan", &subject.dialplan), ("directory", &subject.directory)];
    let sections = sections.into_iter().filter(|_| subject.conf.is_some());
    sections.filter_map(|(name, folder)| Some((name, folder.as_deref()?))).collect()
}

/// Puts sections that follow a whole document into the place of its own.
fn merged(outer: Element) -> Element {
    let (mut documents, sections): (Vec<_>, Vec<_>) =
        outer.children.into_iter().partition(|child| child.name == "document");
    let Some(mut root) = documents.pop() else { return Element { children: sections, ..Element::default() } };
    let name = |section: &Element| section.attribute("name").map(|name| name.text.clone());
    let new: Vec<_> = sections.iter().map(name).collect();
    root.children.retain(|child| child.name != "section" || !new.contains(&name(child)));
    root.children.extend(sections);
    root
}

/// Name and text of the root document.
fn root(subject: &Subject) -> Result<(String, Vec<u8>), String> {
    let replaced = replaced_sections(subject);
    let missing = replaced.iter().find(|(_, folder)| !Path::new(folder).is_dir());
    if let Some((_, folder)) = missing {
        return Err(format!("there is no folder {folder}"));
    }
    if let Some(conf) = &subject.conf {
        let path = conf.join("freeswitch.xml");
        let loader = FileLoader { commands: false };
        let text =
            loader.read(&path.to_string_lossy()).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        if replaced.is_empty() {
            return Ok((path.to_string_lossy().into_owned(), text));
        }
        // After the whole of it: what it sets holds in them as well.
        let include = |data: &str| format!("<X-PRE-PROCESS cmd=\"include\" data=\"{data}\"/>\n");
        let sections = replaced.iter().map(|(name, folder)| {
            format!("<section name=\"{name}\">\n{}</section>\n", include(&format!("{folder}/*.xml")))
        });
        let text =
            format!("<document>\n{}{}</document>\n", include(&path.to_string_lossy()), sections.collect::<String>());
        return Ok(("freeswitch.xml".to_owned(), text.into_bytes()));
    }
    let dialplan = &subject.folders.dialplan;
    if !Path::new(dialplan).is_dir() {
        return Err(format!("there is no folder {dialplan}"));
    }
    Ok(("freeswitch.xml".to_owned(), root_document(&subject.folders).into_bytes()))
}

/// Globals that exist before the first line is read.
fn globals(subject: &Subject) -> Variables {
    let mut globals = Variables::new();
    // As in FreeSWITCH they are absolute: what a dialplan builds from them must not be taken as relative once more.
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    let base = absolute(subject.conf.as_deref().unwrap_or(Path::new(&subject.folders.base)));
    let (scripts, sounds) = (absolute(&subject.scripts), absolute(&subject.sounds));
    for (name, value) in [
        ("hostname", "localhost"),
        ("local_ip_v4", "127.0.0.1"),
        ("local_mask_v4", "255.0.0.0"),
        ("local_ip_v6", "::1"),
        ("domain", "127.0.0.1"),
        ("base_dir", &base),
        ("conf_dir", &base),
        ("script_dir", &scripts),
        ("sounds_dir", &sounds),
    ] {
        globals.set(name, value);
    }
    for name in
        ["recordings", "log", "run", "db", "mod", "htdocs", "temp", "grammar", "fonts", "images", "certs", "storage"]
    {
        globals.set(&format!("{name}_dir"), &format!("{base}/{name}"));
    }
    for name in ["cache", "data", "localstate"] {
        globals.set(&format!("{name}_dir"), &format!("{base}/{name}"));
    }
    globals.set("sound_prefix", &sounds);
    globals
}

#[cfg(test)]
mod tests;
