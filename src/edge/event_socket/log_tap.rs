//! Lines of the log for clients that follow it.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines that may wait for one client.
const QUEUE: usize = 10_000;

/// The tap of this process: the log is the process's as well.
pub static TAP: LogTap = LogTap::new();

/// One line of the log.
#[derive(Debug)]
pub struct Line {
    /// FreeSWITCH's number of the level: 3 error, 4 warning, 6 info, 7 debug.
    pub level: u8,
    /// Where it was written.
    pub file: &'static str,
    /// Module.
    pub function: &'static str,
    /// Line of the source.
    pub number: u32,
    /// The line as a client shows it, with its end.
    pub text: String,
}

/// A client that follows the log. Dropping it ends that.
#[derive(Debug)]
pub struct Follower {
    level: Arc<AtomicU8>,
    lines: mpsc::Receiver<Arc<Line>>,
}

impl Follower {
    /// The next line.
    pub async fn next(&mut self) -> Option<Arc<Line>> {
        self.lines.recv().await
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.level.store(0, Ordering::Relaxed);
        self.lines.close();
        TAP.measure();
    }
}

/// The level a follower wants, and the way to it.
type Wish = (Weak<AtomicU8>, mpsc::Sender<Arc<Line>>);

/// Gives lines of the log to who follows it. It costs one load when nobody does.
pub struct LogTap {
    followers: Mutex<Vec<Wish>>,
    highest: AtomicU8,
    /// What the process itself writes, and how that is changed.
    written: AtomicU8,
    steer: OnceLock<Steer>,
}

/// Changes what the process writes into its log; false: it cannot.
type Steer = Box<dyn Fn(&str) -> bool + Send + Sync>;

impl LogTap {
    const fn new() -> Self {
        Self {
            followers: Mutex::new(Vec::new()),
            highest: AtomicU8::new(0),
            written: AtomicU8::new(6),
            steer: OnceLock::new(),
        }
    }

    /// The process writes lines of this level and of lower numbers; `steer` takes the name of another level.
    pub fn writes(&self, level: u8, steer: impl Fn(&str) -> bool + Send + Sync + 'static) {
        self.written.store(level, Ordering::Relaxed);
        let _ = self.steer.set(Box::new(steer));
    }

    /// The level that the process writes.
    pub fn level(&self) -> u8 {
        self.written.load(Ordering::Relaxed)
    }

    /// Has the process write lines of another level. False: its log cannot be steered.
    pub fn set_level(&self, level: u8) -> bool {
        let name = match level {
            0..=3 => "error",
            4 => "warn",
            5 | 6 => "info",
            _ => "debug",
        };
        let done = self.steer.get().is_some_and(|steer| steer(name));
        if done {
            self.written.store(level, Ordering::Relaxed);
        }
        done
    }

    /// Follows lines of this level and of lower numbers.
    pub fn follow(&self, level: u8) -> Follower {
        let (sender, lines) = mpsc::channel(QUEUE);
        let level = Arc::new(AtomicU8::new(level));
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.push((Arc::downgrade(&level), sender));
        drop(followers);
        self.measure();
        Follower { level, lines }
    }

    fn measure(&self) {
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|(level, sender)| level.strong_count() > 0 && !sender.is_closed());
        let levels = followers.iter().filter_map(|(level, _)| Some(level.upgrade()?.load(Ordering::Relaxed)));
        self.highest.store(levels.max().unwrap_or(0), Ordering::Relaxed);
    }

    /// Whether anybody follows lines of this kind.
    pub fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let highest = self.highest.load(Ordering::Relaxed);
        highest > 0 && number(*metadata.level()) <= highest && metadata.target().starts_with("switch")
    }
}

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// Collects the fields of a line.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            let _ = write!(self.fields, " {}={value:?}", field.name());
        }
    }
}

impl<S: Subscriber> Layer<S> for &'static LogTap {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if !self.wants(metadata) {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let level = number(*metadata.level());
        let name = match level {
            3 => "ERR",
            4 => "WARNING",
            6 => "INFO",
            _ => "DEBUG",
        };
        let (file, line) = (metadata.file().unwrap_or_default(), metadata.line().unwrap_or(0));
        let file = file.rsplit('/').next().unwrap_or(file);
        let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
        let text = format!("{now} [{name}] {file}:{line} {}{}\n", text.message, text.fields);
        let found = Arc::new(Line { level, file, function: metadata.target(), number: line, text });
        let followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        for (wanted, sender) in followers.iter() {
            if wanted.upgrade().is_some_and(|wanted| wanted.load(Ordering::Relaxed) >= level) {
                // A client that does not read loses lines.
                let _ = sender.try_send(Arc::clone(&found));
            }
        }
    }
}
