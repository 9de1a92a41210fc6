//! Media threads: RTP sockets and 20 ms clocks.
//!
//! A few threads, one per core, own all RTP sockets of the process. A port lives on one thread and is touched by no
//! other; calls reach it by commands through a bounded queue and hear of it by events ([`crate::call::media`]). No task
//! and no lock is involved in a packet. Joined ports live on the same thread: `near` sees to that when they are opened,
//! else one of them moves when they are joined.
//!
//! Files are read and encoded by loader threads of their own; a prompt that was played lately starts without them.
//!
//! What is not here: jitter buffering (packets are relayed at once, the far ends have their own), recording, mixing.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::call::leg::EventSink;
use crate::call::media::{MediaEngine, MediaError, MediaPort, PortId};

/// How the media engine is to be started.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// Media threads; 0: one per core.
    pub threads: usize,
    /// First RTP port.
    pub rtp_low: u16,
    /// Last port of the range, RTCP ports included.
    pub rtp_high: u16,
    /// Folder of relative prompt names.
    pub sounds: PathBuf,
    /// Bytes of encoded prompts kept in memory.
    pub cache_bytes: usize,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self { threads: 0, rtp_low: 16_384, rtp_high: 32_768, sounds: PathBuf::from("sounds"), cache_bytes: 64 << 20 }
    }
}

/// Why the media engine cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaStartError {
    /// The range holds no even port with the one above it.
    #[error("the RTP range {low}-{high} holds no pair of an even port and the next one")]
    EmptyRange {
        /// First port.
        low: u16,
        /// Last port.
        high: u16,
    },
    /// The system refuses threads or descriptors.
    #[error("cannot start media threads: {0}")]
    System(#[from] std::io::Error),
}

/// The media engine: its threads and what is shared between them.
#[derive(Debug)]
pub struct MediaThreads {}

impl MediaThreads {
    /// Starts the threads.
    pub fn start(config: MediaConfig) -> Result<Arc<Self>, MediaStartError> {
        let _ = config;
        Err(MediaStartError::System(std::io::Error::other("media threads are not part of this build")))
    }

    /// Ports that are open, counting those whose closing is under way.
    pub fn open_ports(&self) -> usize {
        0
    }

    /// Takes relative prompt names from another folder from now on (reload).
    pub fn set_sounds(&self, sounds: PathBuf) {
        let _ = sounds;
    }

    /// Closes all ports and ends the threads; returns when they are gone.
    pub fn stop(&self) {}
}

impl MediaEngine for MediaThreads {
    fn open(&self, _: IpAddr, _: Option<PortId>, _: EventSink) -> Result<Box<dyn MediaPort>, MediaError> {
        Err(MediaError::Stopping)
    }
}
