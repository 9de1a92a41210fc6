//! Where call records go: `cdr_csv.conf`, `xml_cdr.conf`, `json_cdr.conf`, `cdr_sqlite.conf` (spec: configuration files, 5).

use std::time::Duration;

use crate::engine::xml::Element;
use crate::words::model::truthy;
use crate::words::text::Diagnostic;

/// Longest time a web server may be given, seconds.
const MAX_TIMEOUT_S: u64 = 120;

/// What the configuration says of call records; an output without configuration is off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordSettings {
    /// `cdr_csv.conf`.
    pub csv: Option<CsvRecords>,
    /// `xml_cdr.conf`.
    pub xml: Option<DocumentRecords>,
    /// `json_cdr.conf`.
    pub json: Option<DocumentRecords>,
    /// `cdr_sqlite.conf`.
    pub sqlite: Option<TableRecords>,
}

impl RecordSettings {
    /// Whether nothing is configured.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Which legs an output takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Legs {
    /// Legs that nobody dialled.
    pub a: bool,
    /// Legs that dialled nobody.
    pub b: bool,
}

impl Default for Legs {
    fn default() -> Self {
        Self { a: true, b: false }
    }
}

impl Legs {
    fn parse(text: &str) -> Option<Self> {
        let legs = Self { a: text.contains('a'), b: text.contains('b') };
        (legs.a || legs.b).then_some(legs)
    }

    /// Whether a leg is taken.
    pub fn take(self, has_originator: bool, has_originatee: bool) -> bool {
        match (self.a, self.b) {
            (true, true) => true,
            (true, false) => !has_originator,
            (false, _) => !has_originatee,
        }
    }
}

/// Text of a template: its name and what it says.
pub type Template = (String, String);

/// Files of lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CsvRecords {
    /// `log-base`: the files lie in `cdr-csv` below it; none: below the folder of logs.
    pub log_base: Option<String>,
    /// Name of the template of `Master.csv`.
    pub default_template: Option<String>,
    /// All templates.
    pub templates: Vec<Template>,
    /// Which legs.
    pub legs: Legs,
    /// No files of accounts.
    pub master_only: bool,
    /// SIGHUP begins new files.
    pub rotate_on_hup: bool,
}

/// How a posted record is written into the body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BodyForm {
    /// `cdr=<URL-encoded record>`.
    #[default]
    Encoded,
    /// `cdr=<base64 of the record>`.
    Base64,
    /// `cdr=<record>` as it is; JSON: the bare record.
    Plain,
    /// The bare record as `text/xml`.
    TextXml,
}

/// Documents, one for each leg: posted, written to files, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRecords {
    /// Web servers: the next one is tried when one fails.
    pub urls: Vec<String>,
    /// `user:password`.
    pub credentials: Option<String>,
    /// Tries after the first one before a record goes to `err_log_dir`.
    pub retries: u32,
    /// Between two tries.
    pub delay: Duration,
    /// For one try.
    pub timeout: Duration,
    /// Folder of files; empty: the one of the module's name below the folder of logs. None: no files, unless there is no
    /// server either.
    pub log_dir: Option<String>,
    /// Files also of what a server took.
    pub log_http_and_disk: bool,
    /// Folder of what no server took; none: it waits until one does.
    pub err_log_dir: Option<String>,
    /// Called legs, too.
    pub b_leg: bool,
    /// `a_` before the identifier of legs that nobody dialled.
    pub prefix_a: bool,
    /// The body.
    pub body: BodyForm,
    /// JSON: values of variables are URL-encoded.
    pub encode_values: bool,
}

impl Default for DocumentRecords {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            credentials: None,
            retries: 0,
            delay: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            log_dir: None,
            log_http_and_disk: false,
            err_log_dir: None,
            b_leg: false,
            prefix_a: true,
            body: BodyForm::Encoded,
            encode_values: true,
        }
    }
}

impl DocumentRecords {
    /// Whether a leg is taken; `forced`: its `force_process_cdr` is true.
    pub fn take(&self, has_originator: bool, forced: bool) -> bool {
        !has_originator || self.b_leg || forced
    }

    /// Whether every record is written to a file.
    pub fn writes_files(&self) -> bool {
        self.urls.is_empty() || self.log_http_and_disk
    }
}

/// Rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRecords {
    /// `db-name`: a file in the folder of databases.
    pub database: String,
    /// `db-table`.
    pub table: String,
    /// Name of the template of a row.
    pub default_template: Option<String>,
    /// All templates.
    pub templates: Vec<Template>,
    /// Which legs.
    pub legs: Legs,
}

/// Modules whose records cannot be written here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("cdr_pg_csv.conf", "PostgreSQL"),
    ("odbc_cdr.conf", "ODBC"),
    ("cdr_mongodb.conf", "MongoDB"),
    ("format_cdr.conf", "mod_format_cdr"),
    ("radius_cdr.conf", "RADIUS"),
];

/// Parameters of TLS that are FreeSWITCH's and not ours: certificates are always checked.
const TLS: &[&str] = &[
    "ssl-cert-path",
    "ssl-key-path",
    "ssl-key-password",
    "ssl-version",
    "ssl-cacert-file",
    "enable-cacert-check",
    "enable-ssl-verifyhost",
];

impl RecordSettings {
    /// Reads the `configuration` section.
    pub(super) fn read(section: &Element, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let named = |name: &str| section.find("configuration", "name", name);
        for (name, what) in ELSEWHERE {
            if let Some(conf) = named(name) {
                let message = format!("{name}: call records cannot go to {what}");
                let found = Diagnostic::warning("bad-param", conf.span, message);
                diagnostics.push(found.remedy("use cdr_csv.conf, json_cdr.conf, xml_cdr.conf or cdr_sqlite.conf"));
            }
        }
        Self {
            csv: named("cdr_csv.conf").map(|conf| csv(conf, diagnostics)),
            xml: named("xml_cdr.conf").map(|conf| documents(conf, true, diagnostics)),
            json: named("json_cdr.conf").map(|conf| documents(conf, false, diagnostics)),
            sqlite: named("cdr_sqlite.conf").and_then(|conf| table(conf, diagnostics)),
        }
    }
}

/// Calls `take` with name (lower case) and value of every parameter; false: that is not understood.
fn parameters(conf: &Element, diagnostics: &mut Vec<Diagnostic>, mut take: impl FnMut(&str, &str) -> bool) {
    let file = conf.attribute("name").map(|name| name.text.as_str()).unwrap_or_default();
    for param in conf.named("settings").flat_map(|settings| settings.named("param")) {
        let (Some(name), Some(value)) = (param.attribute("name"), param.attribute("value")) else { continue };
        if !take(&name.text.to_ascii_lowercase(), value.text.trim()) {
            let message = format!("{file}: {} = {} is not understood", name.text, value.text);
            diagnostics.push(Diagnostic::warning("bad-param", value.span, message));
        }
    }
}

fn templates(conf: &Element) -> Vec<Template> {
    let all = conf.named("templates").flat_map(|templates| templates.named("template"));
    all.filter_map(|template| {
        let text = template.text.as_ref().map(|text| text.text.trim().to_owned()).unwrap_or_default();
        Some((template.attribute("name")?.text.clone(), text))
    })
    .collect()
}

/// A template that is named but is not there is worth a word: another one takes its place.
fn known_template(conf: &Element, name: Option<&str>, templates: &[Template], diagnostics: &mut Vec<Diagnostic>) {
    let Some(name) = name else { return };
    if !templates.iter().any(|(known, _)| known == name) {
        let message = format!("there is no template {name}: the built-in one is used");
        diagnostics.push(Diagnostic::warning("bad-param", conf.span, message));
    }
}

fn text(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

fn csv(conf: &Element, diagnostics: &mut Vec<Diagnostic>) -> CsvRecords {
    let mut read = CsvRecords { templates: templates(conf), ..CsvRecords::default() };
    parameters(conf, diagnostics, |name, value| {
        match name {
            "log-base" => read.log_base = text(value),
            "default-template" => read.default_template = text(value),
            "legs" => return Legs::parse(value).map(|legs| read.legs = legs).is_some(),
            "master-file-only" => read.master_only = truthy(value),
            "rotate-on-hup" => read.rotate_on_hup = truthy(value),
            "debug" => {}
            _ => return false,
        }
        true
    });
    known_template(conf, read.default_template.as_deref(), &read.templates, diagnostics);
    read
}

fn documents(conf: &Element, xml: bool, diagnostics: &mut Vec<Diagnostic>) -> DocumentRecords {
    let mut read = DocumentRecords::default();
    parameters(conf, diagnostics, |name, value| {
        let seconds = || value.parse::<u64>().ok().filter(|seconds| (1..=MAX_TIMEOUT_S).contains(seconds));
        match name {
            "url" if value.is_empty() => {}
            "url" if value.starts_with("http://") || value.starts_with("https://") => read.urls.push(value.to_owned()),
            "cred" => read.credentials = text(value),
            "retries" => return value.parse().map(|retries| read.retries = retries).is_ok(),
            "delay" => return seconds().map(|seconds| read.delay = Duration::from_secs(seconds)).is_some(),
            "timeout" => return seconds().map(|seconds| read.timeout = Duration::from_secs(seconds)).is_some(),
            "log-dir" => read.log_dir = Some(value.to_owned()),
            "log-http-and-disk" => read.log_http_and_disk = truthy(value),
            "err-log-dir" => read.err_log_dir = text(value),
            "log-b-leg" => read.b_leg = truthy(value),
            "prefix-a-leg" => read.prefix_a = truthy(value),
            "encode" => {
                read.body = match value.to_ascii_lowercase().as_str() {
                    "base64" => BodyForm::Base64,
                    "textxml" if xml => BodyForm::TextXml,
                    word if truthy(word) => BodyForm::Encoded,
                    _ => BodyForm::Plain,
                }
            }
            "encode-values" if !xml => read.encode_values = truthy(value),
            "auth-scheme" => return value.eq_ignore_ascii_case("basic"),
            // Servers are asked at once.
            "disable-100-continue" | "rotate" | "log-errors-to-disk" => {}
            _ => return TLS.contains(&name),
        }
        true
    });
    read
}

fn table(conf: &Element, diagnostics: &mut Vec<Diagnostic>) -> Option<TableRecords> {
    let mut read = TableRecords {
        database: "cdr".to_owned(),
        table: "cdr".to_owned(),
        default_template: None,
        templates: templates(conf),
        legs: Legs::default(),
    };
    parameters(conf, diagnostics, |name, value| {
        match name {
            "db-name" if !value.is_empty() => value.clone_into(&mut read.database),
            "db-table" if is_word(value) => value.clone_into(&mut read.table),
            "default-template" => read.default_template = text(value),
            "legs" => return Legs::parse(value).map(|legs| read.legs = legs).is_some(),
            "debug" => {}
            _ => return false,
        }
        true
    });
    known_template(conf, read.default_template.as_deref(), &read.templates, diagnostics);
    Some(read)
}

/// A name that SQL takes without quotes.
fn is_word(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.len() <= 64
        && text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::xml::{self, NoFiles};
    use crate::words::model::Variables;

    fn read(text: &str) -> (RecordSettings, Vec<Diagnostic>) {
        let text = format!("<document>\n<section name=\"configuration\">\n{text}\n</section>\n</document>\n");
        let loaded = xml::load("root.xml", text.as_bytes(), Variables::new(), &NoFiles);
        let root = loaded.root.unwrap();
        let mut diagnostics = Vec::new();
        let section = root.find("section", "name", "configuration").unwrap();
        (RecordSettings::read(section, &mut diagnostics), diagnostics)
    }

    fn conf(name: &str, params: &[(&str, &str)], more: &str) -> String {
        let params: Vec<String> =
            params.iter().map(|(name, value)| format!("<param name=\"{name}\" value=\"{value}\"/>\n")).collect();
        format!("<configuration name=\"{name}\">\n<settings>\n{}</settings>\n{more}</configuration>\n", params.concat())
    }

    #[test]
    fn lines_of_templates() {
        let templates = "<templates>\n<template name=\"t\">\"${uuid}\"</template>\n</templates>\n";
        let params = [("default-template", "t"), ("legs", "ab"), ("rotate-on-hup", "true"), ("log-base", "/l")];
        let (read, diagnostics) = read(&conf("cdr_csv.conf", &params, templates));
        let csv = read.csv.unwrap();
        assert_eq!(
            (csv.legs, csv.rotate_on_hup, csv.log_base.as_deref()),
            (Legs { a: true, b: true }, true, Some("/l"))
        );
        assert_eq!(csv.templates, [("t".to_owned(), "\"${uuid}\"".to_owned())]);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
    }

    #[test]
    fn documents_of_servers() {
        let params = [
            ("url", "http://127.0.0.1/a"),
            ("url", "https://b"),
            ("cred", "u:p"),
            ("retries", "2"),
            ("delay", "1"),
            ("encode", "textxml"),
            ("log-b-leg", "true"),
            ("ssl-version", "TLSv1"),
        ];
        let (read, diagnostics) = read(&conf("xml_cdr.conf", &params, ""));
        let xml = read.xml.unwrap();
        assert_eq!(
            (xml.urls.len(), xml.retries, xml.delay, xml.body),
            (2, 2, Duration::from_secs(1), BodyForm::TextXml)
        );
        assert!(xml.b_leg && !xml.writes_files() && read.json.is_none() && diagnostics.is_empty(), "{diagnostics:?}");
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for text in [
            conf("cdr_csv.conf", &[("legs", "x")], ""),
            conf("cdr_csv.conf", &[("default-template", "none")], ""),
            conf("json_cdr.conf", &[("url", "ftp://x")], ""),
            conf("json_cdr.conf", &[("delay", "0")], ""),
            conf("json_cdr.conf", &[("auth-scheme", "digest")], ""),
            conf("json_cdr.conf", &[("encode", "true"), ("colour", "red")], ""),
            conf("cdr_sqlite.conf", &[("db-table", "a b; --")], ""),
            conf("cdr_pg_csv.conf", &[], ""),
        ] {
            assert_eq!(read(&text).1.len(), 1, "{text}");
        }
        assert!(read("").0.is_empty());
    }

    #[test]
    fn legs_of_an_output() {
        for (text, originator, originatee, expected) in [
            ("a", false, true, true),
            ("a", true, false, false),
            ("b", false, true, false),
            ("b", true, false, true),
            ("ab", true, false, true),
        ] {
            assert_eq!(Legs::parse(text).unwrap().take(originator, originatee), expected, "{text}");
        }
        assert_eq!(Legs::parse("x"), None);
    }
}
