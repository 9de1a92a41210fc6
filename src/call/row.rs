//! What tables show of a channel: published by its call whenever it changes, read without asking the call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A text of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// Name of the channel.
    Name,
    /// Caller's name.
    CallerName,
    /// Caller's number.
    CallerNumber,
    /// Caller's name as first received.
    FirstCallerName,
    /// Caller's number as first received.
    FirstCallerNumber,
    /// Called party's name.
    CalleeName,
    /// Called party's number.
    CalleeNumber,
    /// Address the call came from.
    Address,
    /// The number dialled.
    Destination,
    /// Dialplan.
    Dialplan,
    /// Context.
    Context,
    /// The application that runs.
    Application,
    /// Its argument.
    ApplicationData,
    /// `presence_id`.
    PresenceId,
    /// `presence_data`.
    PresenceData,
    /// `accountcode`.
    AccountCode,
    /// `call_uuid`.
    CallUuid,
}

/// Texts of a row.
pub const TEXTS: usize = Text::CallUuid as usize + 1;

/// What is no text of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Uuid of the channel.
    pub uuid: Arc<str>,
    /// The channel that it is bridged with now.
    pub partner: Option<Arc<str>>,
    /// `inbound` or `outbound`.
    pub direction: &'static str,
    /// When it came into being, microseconds since 1970.
    pub created: u64,
    /// `CS_…`.
    pub state: &'static str,
    /// `RINGING`, `ACTIVE` …
    pub call_state: &'static str,
    /// Name of its codec; empty: none yet.
    pub codec: &'static str,
}

/// A channel at one moment.
#[derive(Debug)]
pub struct Row {
    /// What is no text.
    pub marks: Marks,
    texts: Box<str>,
    ends: [usize; TEXTS],
}

impl Row {
    /// A row of these texts, in the order of [`Text`].
    pub fn new(marks: Marks, texts: [&str; TEXTS]) -> Self {
        let mut all = String::with_capacity(texts.iter().map(|text| text.len()).sum());
        let ends = texts.map(|text| {
            all.push_str(text);
            all.len()
        });
        Self { marks, texts: all.into(), ends }
    }

    /// One of its texts; empty: there is none.
    pub fn text(&self, which: Text) -> &str {
        self.nth(which as usize)
    }

    fn nth(&self, at: usize) -> &str {
        let begin = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(at).copied().unwrap_or(begin);
        self.texts.get(begin..end).unwrap_or_default()
    }

    fn says(&self, marks: &Marks, texts: &[&str; TEXTS]) -> bool {
        self.marks == *marks && texts.iter().enumerate().all(|(at, text)| self.nth(at) == *text)
    }
}

/// Where a call puts the row of a channel.
#[derive(Debug, Default)]
pub struct Place {
    row: Mutex<Option<Arc<Row>>>,
    /// Questions that the call had answered when it looked last.
    answered: AtomicU64,
}

impl Place {
    /// Publishes what holds now. Nothing is made when it holds already.
    pub fn put(&self, answered: u64, marks: &Marks, texts: &[&str; TEXTS]) {
        {
            let mut row = self.row.lock().unwrap_or_else(PoisonError::into_inner);
            if !row.as_ref().is_some_and(|row| row.says(marks, texts)) {
                *row = Some(Arc::new(Row::new(marks.clone(), *texts)));
            }
        }
        self.answered.store(answered, Ordering::Release);
    }

    /// The last row; none before there was one, and when the call has not answered all of so many questions: one of them may
    /// have changed the channel.
    pub fn row(&self, asked: u64) -> Option<Arc<Row>> {
        if self.answered.load(Ordering::Acquire) != asked {
            return None;
        }
        self.last()
    }

    /// The last row, however old.
    pub fn last(&self) -> Option<Arc<Row>> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_made_when_something_changes() {
        let place = Place::default();
        assert!(place.row(0).is_none() && place.last().is_none());
        let marks = Marks { uuid: "u".into(), state: "CS_EXECUTE", ..Marks::default() };
        let mut texts = [""; TEXTS];
        texts[Text::CallerName as usize] = "Ann";
        texts[Text::CallUuid as usize] = "c";
        place.put(0, &marks, &texts);
        let first = place.row(0).unwrap();
        assert_eq!(
            (first.text(Text::CallerName), first.text(Text::Name), first.text(Text::CallUuid)),
            ("Ann", "", "c")
        );
        place.put(0, &marks, &texts);
        assert!(Arc::ptr_eq(&first, &place.row(0).unwrap()), "nothing has changed");
        assert!(place.row(1).is_none() && place.last().is_some(), "a question is open");
        texts[Text::Name as usize] = "n";
        place.put(1, &marks, &texts);
        let second = place.row(1).unwrap();
        assert_eq!((second.text(Text::Name), second.text(Text::CallerName)), ("n", "Ann"));
        place.put(1, &Marks { state: "CS_HANGUP", ..marks }, &texts);
        assert_eq!(place.row(1).unwrap().marks.state, "CS_HANGUP");
    }
}
