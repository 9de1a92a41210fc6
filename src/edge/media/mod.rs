//! Media threads: RTP sockets and 20 ms clocks.
//!
//! A few threads, one for every two cores, own all RTP sockets of the process. A port lives on one thread and is touched by no
//! other; calls reach it by commands through a bounded queue and hear of it by events ([`crate::call::media`]). No task
//! and no lock is involved in a packet, except where more than two hear one another (`feed`). Joined ports live on the same thread: `near` sees to that when they are opened,
//! else one of them moves when they are joined.
//!
//! Files are read and encoded by loader threads of their own; a prompt that was played lately starts without them.
//!
//! What is not here: jitter buffering (packets are relayed at once, the far ends have their own).

mod clock;
mod engine;
mod feed;
mod latch;
mod outgoing;
mod pair;
mod player;
mod port;
mod prompt;
mod recorder;
mod shared;
mod worker;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::call::leg::EventSink;
use crate::call::media::{MediaEngine, MediaError, MediaPort, PortId};

use clock::Clock;
use engine::Engine;
use pair::PairRange;
use prompt::Loader;
use worker::Worker;

/// Threads that read and encode prompts.
const LOADERS: usize = 2;

/// How the media engine is to be started.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// Media threads; 0: one for every two cores.
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

/// Name of the thread that writes recordings.
const RECORDER: &str = "recorder";

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

/// The media engine: its threads and what is shared between them. Dropping it stops it.
pub struct MediaThreads {
    engine: Arc<Engine>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl MediaThreads {
    /// Starts the threads.
    pub fn start(config: MediaConfig) -> Result<Arc<Self>, MediaStartError> {
        let (low, high) = (config.rtp_low, config.rtp_high);
        let range = PairRange::new(low, high, rand::random()).ok_or(MediaStartError::EmptyRange { low, high })?;
        let clock = Clock::start();
        let loader = Loader::new(config.cache_bytes, clock, config.sounds);
        let count = match config.threads {
            // The other half of the cores signals.
            0 => thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
            count => count,
        };
        let engine = Arc::new(Engine::new(count, range, loader, clock)?);
        let workers: Vec<_> = (0..count).map(|index| Worker::new(Arc::clone(&engine), index)).collect();
        // From here on an error drops it, which ends the threads that run already.
        let media = Arc::new(Self { engine, threads: Mutex::default() });
        for (index, worker) in workers.into_iter().enumerate() {
            media.spawn(format!("media-{index}"), move || worker.run())?;
        }
        for index in 0..LOADERS {
            let engine = Arc::clone(&media.engine);
            media.spawn(format!("prompts-{index}"), move || engine.loader.run())?;
        }
        let recorder = Arc::clone(&media.engine.recorder);
        media.spawn(RECORDER.to_owned(), move || recorder.run())?;
        Ok(media)
    }

    /// Whether its threads run, and those that carry media come round.
    pub fn is_alive(&self) -> bool {
        let threads = self.threads();
        let run = !threads.is_empty() && threads.iter().all(|thread| !thread.is_finished());
        run && self.lives_at(self.engine.clock.now())
    }

    fn lives_at(&self, now: clock::Micros) -> bool {
        self.engine.beats.all_live(self.engine.clock.instant(now))
    }

    /// Ports that are open, counting those whose closing is under way.
    pub fn open_ports(&self) -> usize {
        self.engine.open_ports()
    }

    /// Takes relative prompt names from another folder from now on (reload).
    pub fn set_sounds(&self, sounds: PathBuf) {
        self.engine.loader.set_sounds(sounds);
    }

    /// Closes all ports and ends the threads; returns when they are gone.
    pub fn stop(&self) {
        self.engine.stop();
        for thread in self.threads().drain(..) {
            // The last thread: what the others handed to it is written first.
            if thread.thread().name() == Some(RECORDER) {
                self.engine.recorder.end();
            }
            // A thread that panicked is gone as well.
            let _ = thread.join();
        }
    }

    fn spawn(&self, name: String, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads().push(thread::Builder::new().name(name).spawn(body)?);
        Ok(())
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MediaThreads {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for MediaThreads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaThreads").field("open_ports", &self.open_ports()).finish_non_exhaustive()
    }
}

impl MediaEngine for MediaThreads {
    fn open(&self, bind: IpAddr, near: Option<PortId>, sink: EventSink) -> Result<Box<dyn MediaPort>, MediaError> {
        Ok(Box::new(self.engine.open(bind, near, sink)?))
    }
}
