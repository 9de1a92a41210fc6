//! `freeswitch.Stream` and the global `stream` of a run started by the API command.

use std::sync::{Arc, Mutex, PoisonError};

use mlua::{UserData, UserDataRegistry};

use super::arguments::{Arguments, Kind};
use super::objects;
use super::run::Run;
use super::table::{Answer, Method, Step};

/// Most bytes a stream takes; what is beyond is dropped with a warning.
const LONGEST: usize = 16 << 20;

/// Text written by a script.
#[derive(Clone, Default)]
pub(super) struct Stream(Arc<Mutex<Vec<u8>>>);

impl Stream {
    /// Appends.
    pub(super) fn write(&self, bytes: &[u8]) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if text.len().saturating_add(bytes.len()) > LONGEST {
            tracing::warn!(limit = LONGEST, "a script's stream is full");
            return;
        }
        text.extend_from_slice(bytes);
    }

    /// The text so far.
    pub(super) fn text(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl UserData for Stream {
    fn register(registry: &mut UserDataRegistry<Self>) {
        objects::register(registry, "Stream");
    }
}

pub(super) const METHODS: &[Method] = &[
    Method::constructor("Stream", &[], 0, new),
    Method::of("Stream", "write", &[Kind::Stream, Kind::Text], 2, write),
    Method::of("Stream", "raw_write", &[Kind::Stream, Kind::Text, Kind::Int], 3, raw_write),
    Method::of("Stream", "get_data", &[Kind::Stream], 1, get_data),
    Method::of("Stream", "read", &[Kind::Stream], 1, read),
];

fn new(_: &Arc<Run>, _: &Arguments) -> Step {
    Step::Now(Answer::Stream(Stream::default()))
}

fn write(_: &Arc<Run>, arguments: &Arguments) -> Step {
    arguments.with(0, |stream: &Stream| stream.write(&arguments.bytes(1)));
    Step::Now(Answer::Nothing)
}

fn raw_write(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let bytes = arguments.bytes(1);
    let length = usize::try_from(arguments.integer(2, 0)).unwrap_or(0).min(bytes.len());
    arguments.with(0, |stream: &Stream| stream.write(bytes.get(..length).unwrap_or_default()));
    Step::Now(Answer::Nothing)
}

fn get_data(_: &Arc<Run>, arguments: &Arguments) -> Step {
    Step::Now(Answer::Bytes(arguments.with(0, Stream::text).unwrap_or_default()))
}

/// The body of an HTTP request: there is none.
fn read(_: &Arc<Run>, _: &Arguments) -> Step {
    Step::Now(Answer::NilAndZero)
}
