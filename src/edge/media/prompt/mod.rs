//! Prompts: found, read, encoded by loader threads, kept in memory while they are played often.
//!
//! A prompt is a chain of segments. The first is short, so that playing begins at once; the others are made while it
//! plays. All who play a prompt share its chain, and what is dropped from memory lives on while somebody plays it.

mod cache;
mod find;
mod loader;
mod read;
mod segment;

use std::path::PathBuf;

use cache::Cache;
pub(super) use loader::Loader;
pub(super) use segment::{Next, Segment};

use std::sync::Arc;

use crate::call::media::PlayEnd;
use crate::engine::audio::{AudioCodec, ToneScript};

/// What identifies an encoded prompt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) source: Source,
    /// Encoding name.
    pub(super) codec: &'static str,
}

/// What is to be encoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// A file, from a sample time on.
    File { name: PathBuf, start: u64 },
    /// A tone script.
    Tone { script: String },
}

/// A prompt that is ready to be played.
#[derive(Debug, Clone)]
pub(super) enum Prompt {
    /// Encoded audio, played so many times; none: for ever.
    Encoded { head: Arc<Segment>, passes: Option<u32> },
    /// A tone that is too long to be kept: made while it is played.
    Live(ToneScript),
}

/// Why there is nothing to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PromptError {
    /// There is no such file.
    NotFound,
    /// It cannot be played.
    Faulty(String),
}

/// What a loader is asked for.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) source: Source,
    pub(super) codec: &'static AudioCodec,
}

impl Request {
    pub(super) fn key(&self) -> Key {
        Key { source: self.source.clone(), codec: self.codec.name }
    }
}

impl From<PromptError> for PlayEnd {
    fn from(error: PromptError) -> Self {
        match error {
            PromptError::NotFound => Self::NotFound,
            PromptError::Faulty(text) => Self::Failed(text),
        }
    }
}
