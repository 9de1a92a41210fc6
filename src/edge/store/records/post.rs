//! Records that are posted to a web server (spec: configuration files, 5.1).

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ureq::Agent;

use super::files::Kind;
use super::lane::{Failure, Output};
use super::spool::Item;
use crate::call::cdr::CallRecord;
use crate::engine::config::{BodyForm, DocumentRecords};

/// Statuses that say that this very record is wrong, and will be tomorrow.
const REFUSED: [u16; 4] = [400, 413, 415, 422];

/// The servers of one kind of record.
pub(super) struct Post {
    kind: Kind,
    settings: DocumentRecords,
    agent: Agent,
    authorization: Option<String>,
    /// The server that is asked first.
    url: usize,
    /// Tries of the record at the front that failed.
    failed: u32,
    errors: Option<PathBuf>,
}

impl Post {
    /// `err-log-dir` is relative to `logs`.
    pub(super) fn new(kind: Kind, settings: DocumentRecords, logs: &Path) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(settings.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("switch/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let authorization = settings.credentials.as_ref().map(|pair| format!("Basic {}", BASE64_STANDARD.encode(pair)));
        let errors = settings.err_log_dir.as_ref().map(|folder| logs.join(folder));
        Self { kind, settings, agent, authorization, url: 0, failed: 0, errors }
    }

    /// One try with one server.
    fn post(&self, url: &str, item: &Item) -> Result<(), Failure> {
        let (kind, body) = body(self.kind, self.settings.body, &item.body);
        let sign = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{sign}uuid={}", escaped(&item.target));
        let mut request = self.agent.post(&url).header("Content-Type", kind);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let answer = request.send(body).map(|response| response.status().as_u16());
        let url = shown(&url);
        match answer {
            Ok(200..=299) => Ok(()),
            Ok(status) if REFUSED.contains(&status) => Err(Failure::Refused(format!("{url}: {status}"))),
            Ok(status) => Err(Failure::Away(format!("{url}: {status}"))),
            Err(error) => Err(Failure::Away(format!("{url}: {error}"))),
        }
    }

    /// A try with each server, from the one that took the last record on.
    fn try_all(&mut self, item: &Item) -> Result<(), Failure> {
        let mut failure = Failure::Away("there is no server".to_owned());
        for _ in 0..self.settings.urls.len() {
            let Some(url) = self.settings.urls.get(self.url) else { break };
            match self.post(url, item) {
                Err(away @ Failure::Away(_)) => failure = away,
                done => return done,
            }
            self.url = self.url.saturating_add(1) % self.settings.urls.len();
        }
        Err(failure)
    }

    /// A record that no server has taken, after all its tries.
    fn give_up(&self, item: &Item) -> bool {
        let Some(folder) = self.errors.as_deref().filter(|_| self.failed > self.settings.retries) else { return false };
        match self.kind.write(folder, item) {
            Ok(()) => {
                tracing::error!(record = item.target, "no server takes the record; it lies in {}", folder.display());
                true
            }
            Err(error) => {
                tracing::error!(%error, "a record cannot be written to {}", folder.display());
                false
            }
        }
    }
}

impl Output for Post {
    fn items(&mut self, record: &CallRecord) -> Vec<Item> {
        self.kind.item(&self.settings, record).into_iter().collect()
    }

    fn deliver(&mut self, items: &[Item]) -> (usize, Result<(), Failure>) {
        for (done, item) in items.iter().enumerate() {
            match self.try_all(item) {
                Ok(()) => self.failed = 0,
                Err(Failure::Refused(why)) => {
                    self.failed = 0;
                    return (done, Err(Failure::Refused(why)));
                }
                Err(Failure::Away(why)) => {
                    self.failed = self.failed.saturating_add(1);
                    if !self.give_up(item) {
                        return (done, Err(Failure::Away(why)));
                    }
                    self.failed = 0;
                }
            }
        }
        (items.len(), Ok(()))
    }

    fn pause(&self) -> Duration {
        self.settings.delay
    }

    fn writes_ahead(&self) -> bool {
        true
    }
}

/// A URL for the log: without a password that stands in it.
fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    format!("{scheme}://{}{path}", host.rsplit('@').next().unwrap_or(host))
}

/// Content-Type and body of a record.
fn body(kind: Kind, form: BodyForm, record: &str) -> (&'static str, String) {
    match (form, kind) {
        (BodyForm::Encoded, _) => ("application/x-www-form-urlencoded", format!("cdr={}", escaped(record))),
        (BodyForm::Base64, _) => {
            ("application/x-www-form-base64-encoded", format!("cdr={}", BASE64_STANDARD.encode(record)))
        }
        (BodyForm::Plain, Kind::Json) => ("application/json", record.to_owned()),
        (BodyForm::Plain, Kind::Xml) => ("application/x-www-form-plaintext", format!("cdr={record}")),
        (BodyForm::TextXml, _) => ("text/xml", record.to_owned()),
    }
}

/// Everything that is not safe in a form as `%XX`, `%` itself included: decoding once gives the text back.
fn escaped(text: &str) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase();
    let mut out = String::with_capacity(text.len() + text.len() / 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        for (kind, form, content_type, expected) in [
            (Kind::Xml, BodyForm::Encoded, "application/x-www-form-urlencoded", "cdr=%3Ca%3E%2520%C3%A9%3C%2Fa%3E"),
            (Kind::Xml, BodyForm::Base64, "application/x-www-form-base64-encoded", "cdr=PGE+JTIww6k8L2E+"),
            (Kind::Xml, BodyForm::Plain, "application/x-www-form-plaintext", "cdr=<a>%20\u{e9}</a>"),
            (Kind::Xml, BodyForm::TextXml, "text/xml", "<a>%20\u{e9}</a>"),
            (Kind::Json, BodyForm::Plain, "application/json", "<a>%20\u{e9}</a>"),
        ] {
            assert_eq!(body(kind, form, "<a>%20\u{e9}</a>"), (content_type, expected.to_owned()));
        }
    }

    #[test]
    fn no_password_is_shown() {
        for (url, expected) in [
            ("http://u:secret@h:80/p@q?x=@", "http://h:80/p@q?x=@"),
            ("https://h", "https://h"),
            ("http://u:s@h?uuid=1", "http://h?uuid=1"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }

    /// Nobody listens at port 1 of this machine.
    fn post(folder: &Path, change: impl FnOnce(&mut DocumentRecords)) -> Post {
        let mut settings = DocumentRecords {
            urls: vec!["http://127.0.0.1:1/a".to_owned(), "http://127.0.0.1:1/b?x=1".to_owned()],
            ..DocumentRecords::default()
        };
        change(&mut settings);
        Post::new(Kind::Json, settings, folder)
    }

    #[test]
    fn without_a_server_a_record_waits() {
        let folder = tempfile::tempdir().unwrap();
        let item = Item { target: "a_u".to_owned(), body: "{}".to_owned() };
        let mut waits = post(folder.path(), |_| ());
        for _ in 0..3 {
            let (done, result) = waits.deliver(std::slice::from_ref(&item));
            assert!(
                matches!((done, &result), (0, Err(Failure::Away(why))) if why.contains("/b?x=1&uuid=a_u")),
                "{result:?}"
            );
        }
    }

    #[test]
    fn a_folder_of_errors_ends_the_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let item = Item { target: "a_../u".to_owned(), body: "{}".to_owned() };
        let mut gives_up = post(folder.path(), |settings| {
            settings.err_log_dir = Some("errors".to_owned());
            settings.retries = 1;
        });
        let items = [item];
        assert!(matches!(gives_up.deliver(&items), (0, Err(Failure::Away(_)))));
        assert_eq!(gives_up.deliver(&items), (1, Ok(())));
        assert_eq!(std::fs::read_to_string(folder.path().join("errors/a_.._u.cdr.json")).unwrap(), "{}");
    }
}
