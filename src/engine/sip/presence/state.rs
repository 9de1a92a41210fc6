//! What watchers are told: calls and messages of each subject (`user@domain`, any case).

use std::collections::HashMap;
use std::fmt::Write as _;

use super::super::command::LegId;

/// Subjects with messages that are remembered; beyond, new ones are not.
const MOST_MAILBOXES: usize = 200_000;
/// Further lines of a summary.
const MOST_LINES: usize = 16;
/// Calls of one subject that are told.
const MOST_DIALOGS: usize = 32;

/// State of a call (RFC 4235 3.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DialogState {
    /// It began.
    Trying,
    /// It rings.
    Early,
    /// It was answered.
    Confirmed,
    /// It is over.
    Terminated,
}

impl DialogState {
    const fn name(self) -> &'static str {
        match self {
            Self::Trying => "trying",
            Self::Early => "early",
            Self::Confirmed => "confirmed",
            Self::Terminated => "terminated",
        }
    }
}

/// One call of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialog {
    /// Its leg.
    pub leg: LegId,
    /// Where it stands.
    pub state: DialogState,
}

/// Messages of a mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Whether any wait.
    pub waiting: bool,
    /// Further lines: `Voice-Message` and its like, in order.
    pub lines: Vec<(String, String)>,
}

impl Waiting {
    /// Reads the headers of a MESSAGE_WAITING event: the account (`user@domain`) and what it has. None without an account.
    pub fn of_event<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Option<(String, Self)> {
        let (mut account, mut found) = (None, Self::default());
        for (name, value) in headers {
            let Some(name) = strip_prefix(name, "MWI-") else { continue };
            if name.eq_ignore_ascii_case("Message-Account") {
                let bare = strip_prefix(value.trim(), "sip:").unwrap_or(value.trim());
                account = bare.contains('@').then(|| bare.to_owned());
            } else if name.eq_ignore_ascii_case("Messages-Waiting") {
                found.waiting = value.trim().eq_ignore_ascii_case("yes");
            } else if found.lines.len() < MOST_LINES {
                found.lines.push((one_line(name), one_line(value)));
            }
        }
        Some((account?, found))
    }

    /// The body (RFC 3842 5.2).
    pub fn body(&self, subject: &str) -> String {
        let waiting = if self.waiting { "yes" } else { "no" };
        let mut out = format!("Messages-Waiting: {waiting}\r\nMessage-Account: sip:{subject}\r\n");
        for (name, value) in &self.lines {
            let _ = write!(out, "{name}: {value}\r\n");
        }
        out
    }
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix)).and_then(|_| text.get(prefix.len()..))
}

fn one_line(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

/// All subjects.
#[derive(Debug, Default)]
pub struct States {
    dialogs: HashMap<String, Vec<Dialog>>,
    mailboxes: HashMap<String, Waiting>,
}

impl States {
    /// Notes the state of a call; false when nothing changed. A call that is over is forgotten, but for the answer.
    pub fn set_dialog(&mut self, subject: &str, leg: LegId, state: DialogState) -> bool {
        let key = subject.to_lowercase();
        if state == DialogState::Terminated {
            let Some(dialogs) = self.dialogs.get_mut(&key) else { return false };
            let before = dialogs.len();
            dialogs.retain(|dialog| dialog.leg != leg);
            let changed = dialogs.len() < before;
            if dialogs.is_empty() {
                self.dialogs.remove(&key);
            }
            return changed;
        }
        let dialogs = self.dialogs.entry(key).or_default();
        match dialogs.iter_mut().find(|dialog| dialog.leg == leg) {
            Some(known) if known.state >= state => false,
            Some(known) => {
                known.state = state;
                true
            }
            None => {
                dialogs.push(Dialog { leg, state });
                true
            }
        }
    }

    /// Notes what a mailbox has.
    pub fn set_waiting(&mut self, subject: &str, waiting: Waiting) {
        let key = subject.to_lowercase();
        if self.mailboxes.len() < MOST_MAILBOXES || self.mailboxes.contains_key(&key) {
            self.mailboxes.insert(key, waiting);
        }
    }

    /// The summary of a mailbox; without any event there is nothing in it.
    pub fn summary(&self, subject: &str) -> String {
        self.mailboxes.get(&subject.to_lowercase()).cloned().unwrap_or_default().body(subject)
    }

    /// The calls of a subject as a whole (RFC 4235 4); `ended` is one that has just ended, told while there is no other.
    pub fn dialog_info(&self, subject: &str, version: u32, ended: Option<LegId>) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\"?>\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"{version}\" \
             state=\"full\" entity=\"sip:{}\">\n",
            escaped(subject)
        );
        let present = self.dialogs.get(&subject.to_lowercase());
        let over = ended.filter(|_| present.is_none()).map(|leg| Dialog { leg, state: DialogState::Terminated });
        for dialog in present.into_iter().flatten().take(MOST_DIALOGS).copied().chain(over) {
            let (id, state) = (dialog.leg.0, dialog.state.name());
            // Who calls us began the call.
            let direction = if dialog.leg.is_inbound() { "initiator" } else { "recipient" };
            let _ = writeln!(out, "<dialog id=\"{id:x}\" direction=\"{direction}\"><state>{state}</state></dialog>");
        }
        out.push_str("</dialog-info>\n");
        out
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            one if one.is_control() => out.push(' '),
            one => out.push(one),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_come_and_go() {
        let mut states = States::default();
        let (one, two) = (LegId(1), LegId(LegId::INBOUND + 2));
        let shown = |states: &States, ended| {
            let text = states.dialog_info("A<@d", 3, ended);
            assert!(text.contains("version=\"3\" state=\"full\" entity=\"sip:A&lt;@d\""), "{text}");
            text.lines().filter(|line| line.starts_with("<dialog ")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(
            states.set_dialog("a<@D", one, DialogState::Trying) && states.set_dialog("a<@d", one, DialogState::Early)
        );
        assert!(!states.set_dialog("a<@d", one, DialogState::Trying), "never backwards");
        assert!(states.set_dialog("A<@d", two, DialogState::Confirmed));
        assert_eq!(
            shown(&states, None),
            [
                "<dialog id=\"1\" direction=\"recipient\"><state>early</state></dialog>",
                "<dialog id=\"8000000000000002\" direction=\"initiator\"><state>confirmed</state></dialog>"
            ]
        );
        assert!(states.set_dialog("a<@d", two, DialogState::Terminated));
        assert_eq!(shown(&states, Some(two)).len(), 1, "another call is there");
        assert!(states.set_dialog("a<@d", one, DialogState::Terminated));
        assert!(!states.set_dialog("a<@d", one, DialogState::Terminated));
        assert!(states.dialogs.is_empty());
        assert_eq!(
            shown(&states, Some(one)),
            ["<dialog id=\"1\" direction=\"recipient\"><state>terminated</state></dialog>"]
        );
        assert!(shown(&states, None).is_empty());
    }

    #[test]
    fn summaries() {
        let mut states = States::default();
        assert_eq!(states.summary("1@d"), "Messages-Waiting: no\r\nMessage-Account: sip:1@d\r\n");
        let headers = [
            ("Event-Name", "MESSAGE_WAITING"),
            ("MWI-Messages-Waiting", "yes"),
            ("mwi-message-account", "sip:1@D"),
            ("MWI-Voice-Message", "2/1 (0/0)\r\nX: injected"),
        ];
        let (account, waiting) = Waiting::of_event(headers.into_iter()).unwrap();
        states.set_waiting(&account, waiting);
        assert_eq!(
            states.summary("1@d"),
            "Messages-Waiting: yes\r\nMessage-Account: sip:1@d\r\nVoice-Message: 2/1 (0/0)  X: injected\r\n"
        );
        assert_eq!(Waiting::of_event([("MWI-Messages-Waiting", "yes")].into_iter()), None);
        assert_eq!(Waiting::of_event([("MWI-Message-Account", "nobody")].into_iter()), None);
    }
}
