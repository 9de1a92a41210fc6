//! The work of the loader threads: files and tone scripts become prompts.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::engine::audio::ToneScript;

use super::super::clock::{Clock, Micros};
use super::cache::Version;
use super::find::find;
use super::read::Reading;
use super::{Cache, Key, Next, Prompt, PromptError, Request, Segment, Source};

/// Length of the first segment: short, it is waited for.
const FIRST_MS: u32 = 1000;
/// Length of the others.
const LATER_MS: u32 = 10_000;
/// Octets after which a prompt ends: two hours of G.711.
const MAX_OCTETS: usize = 64 << 20;
/// Tones up to this length are kept, others made while they are played.
const MAX_TONE_SECONDS: usize = 60;
/// Requests that may wait.
const MAX_WAITING: usize = 4096;

/// Prompts that are kept, and requests that wait.
pub(in super::super) struct Loader {
    cache: Cache,
    clock: Clock,
    sounds: Mutex<PathBuf>,
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    ended: bool,
}

/// Hands a prompt to the one who asked for it.
type Answer = Box<dyn FnOnce(Result<Prompt, PromptError>) + Send>;

/// A piece of work, short enough not to keep others waiting.
pub(in super::super) enum Job {
    /// Find a prompt and make its beginning.
    Open(Request, Answer),
    /// Make the next segment.
    Continue(Box<Unfinished>),
}

/// A prompt of which more is to be made.
pub(in super::super) struct Unfinished {
    key: Key,
    reading: Reading,
    last: Arc<Segment>,
    octets: usize,
}

impl Loader {
    pub(in super::super) fn new(cache_bytes: usize, clock: Clock, sounds: PathBuf) -> Self {
        let (queue, wake) = Default::default();
        Self { cache: Cache::new(cache_bytes), clock, sounds: Mutex::new(sounds), queue, wake }
    }

    /// A prompt that is in memory.
    pub(in super::super) fn ready(&self, request: &Request, now: Micros) -> Option<Prompt> {
        self.cache.get(&request.key(), now)
    }

    /// Asks for a prompt. `answer` is called on a loader thread, or at once when too much is waiting already.
    pub(in super::super) fn request(&self, request: Request, answer: Answer) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.ended || queue.jobs.len() >= MAX_WAITING {
            drop(queue);
            answer(Err(PromptError::Faulty("too many prompts are being loaded".to_owned())));
            return;
        }
        queue.jobs.push_back(Job::Open(request, answer));
        drop(queue);
        self.wake.notify_one();
    }

    /// Takes relative names from another folder.
    pub(in super::super) fn set_sounds(&self, sounds: PathBuf) {
        *self.sounds.lock().unwrap_or_else(PoisonError::into_inner) = sounds;
        self.cache.clear();
    }

    /// Ends the threads once they finished what they do.
    pub(in super::super) fn end(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.ended = true;
        // Their threads are about to end too: nobody waits for an answer.
        queue.jobs.clear();
        drop(queue);
        self.wake.notify_all();
    }

    /// The body of a loader thread.
    pub(in super::super) fn run(&self) {
        while let Some(job) = self.take() {
            match job {
                Job::Open(request, answer) => {
                    let (result, more) = match self.open(&request) {
                        Ok((prompt, more)) => (Ok(prompt), more),
                        Err(error) => (Err(error), None),
                    };
                    answer(result);
                    self.put_back(more);
                }
                Job::Continue(unfinished) => self.put_back(self.go_on(*unfinished)),
            }
        }
    }

    fn take(&self) -> Option<Job> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut queue = self
            .wake
            .wait_while(queue, |queue| queue.jobs.is_empty() && !queue.ended)
            .unwrap_or_else(PoisonError::into_inner);
        if queue.ended { None } else { queue.jobs.pop_front() }
    }

    /// At most as many as were opened, so it needs no bound of its own.
    fn put_back(&self, unfinished: Option<Unfinished>) {
        if let Some(unfinished) = unfinished {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.jobs.push_back(Job::Continue(Box::new(unfinished)));
            drop(queue);
            self.wake.notify_one();
        }
    }

    fn open(&self, request: &Request) -> Result<(Prompt, Option<Unfinished>), PromptError> {
        match &request.source {
            Source::File { .. } => self.open_file(request),
            Source::Tone { script } => Ok((self.tone(request, script)?, None)),
        }
    }

    fn open_file(&self, request: &Request) -> Result<(Prompt, Option<Unfinished>), PromptError> {
        let Source::File { name, start } = &request.source else { return Err(PromptError::NotFound) };
        let sounds = self.sounds.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (path, metadata) = find(name, &sounds, request.codec).ok_or(PromptError::NotFound)?;
        let version = Version { path, modified: metadata.modified().ok(), len: metadata.len() };
        let (key, now) = (request.key(), self.clock.now());
        if let Some(prompt) = self.cache.confirm(&key, &version, now) {
            return Ok((prompt, None));
        }
        let mut reading = Reading::open(&version.path, *start, request.codec)?;
        let (octets, last) = reading.next(FIRST_MS)?;
        let made = octets.len();
        let head = if last { Segment::last(octets) } else { Segment::new(octets) };
        let prompt = Prompt::Encoded { head: Arc::clone(&head), passes: Some(1) };
        self.cache.insert(key.clone(), prompt.clone(), made, Some(version), now);
        Ok((prompt, (!last).then_some(Unfinished { key, reading, last: head, octets: made })))
    }

    fn go_on(&self, mut unfinished: Unfinished) -> Option<Unfinished> {
        let (octets, last) = match unfinished.reading.next(LATER_MS) {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(?error, prompt = ?unfinished.key.source, "the rest of a prompt cannot be read");
                (vec![], true)
            }
        };
        unfinished.octets += octets.len();
        self.cache.grow(&unfinished.key, octets.len());
        let last = last || unfinished.octets >= MAX_OCTETS;
        let segment = if last { Segment::last(octets) } else { Segment::new(octets) };
        unfinished.last.follow(Next::Segment(Arc::clone(&segment)));
        unfinished.last = segment;
        (!last).then_some(unfinished)
    }

    fn tone(&self, request: &Request, script: &str) -> Result<Prompt, PromptError> {
        let script = ToneScript::parse(script).map_err(|error| PromptError::Faulty(error.to_string()))?;
        let (codec, limit) = (request.codec, request.codec.rate as usize * MAX_TONE_SECONDS);
        let samples = script.once().samples(codec.rate, limit);
        if samples.len() >= limit {
            return Ok(Prompt::Live(script));
        }
        let mut octets = Vec::new();
        codec.encoder().encode(&samples, &mut octets);
        let made = octets.len();
        let prompt = Prompt::Encoded { head: Segment::last(octets), passes: script.passes() };
        self.cache.insert(request.key(), prompt.clone(), made, None, self.clock.now());
        Ok(prompt)
    }
}

impl Drop for Unfinished {
    /// Whoever plays what was made so far comes to an end.
    fn drop(&mut self) {
        self.last.follow(Next::End);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::engine::audio::{AudioCodec, wav_bytes};

    fn request(source: Source) -> Request {
        Request { source, codec: AudioCodec::find("PCMU", 8000).unwrap() }
    }

    fn file(name: &str) -> Request {
        request(Source::File { name: name.into(), start: 0 })
    }

    fn load(loader: &Loader, request: Request) -> Result<Prompt, PromptError> {
        let (answer, answered) = mpsc::channel();
        loader.request(request, Box::new(move |result| answer.send(result).unwrap()));
        answered.recv_timeout(Duration::from_secs(10)).unwrap()
    }

    /// Octets of all segments, once they are made.
    fn whole(prompt: Prompt) -> Vec<u8> {
        let Prompt::Encoded { head: mut segment, .. } = prompt else { panic!("not encoded") };
        let mut octets = Vec::new();
        loop {
            octets.extend_from_slice(segment.octets());
            segment = loop {
                match segment.next() {
                    Some(Next::Segment(next)) => break Arc::clone(next),
                    Some(Next::End) => return octets,
                    None => std::thread::yield_now(),
                }
            };
        }
    }

    /// Runs a test beside two loader threads.
    fn with_loader(test: impl FnOnce(&Loader, &std::path::Path)) {
        let folder = tempfile::tempdir().unwrap();
        let loader = Loader::new(1 << 20, Clock::start(), folder.path().to_owned());
        std::thread::scope(|scope| {
            scope.spawn(|| loader.run());
            scope.spawn(|| loader.run());
            test(&loader, folder.path());
            loader.end();
        });
    }

    #[test]
    fn long_prompts_are_made_piece_by_piece_and_shared() {
        with_loader(|loader, sounds| {
            let samples: Vec<i16> = (0..8000 * 25).map(|n| (n % 250) as i16 * 60).collect();
            std::fs::write(sounds.join("long.wav"), wav_bytes(&samples, 8000)).unwrap();
            let mut expected = Vec::new();
            file("").codec.encoder().encode(&samples, &mut expected);
            assert!(loader.ready(&file("long.wav"), loader.clock.now()).is_none());
            let first = load(loader, file("long.wav")).unwrap();
            assert_eq!(whole(first.clone()), expected);
            let again = loader.ready(&file("long.wav"), loader.clock.now()).unwrap();
            let (Prompt::Encoded { head: a, .. }, Prompt::Encoded { head: b, .. }) = (first, again) else { panic!() };
            assert!(Arc::ptr_eq(&a, &b));
            // A file that changed is read again when somebody asks for it.
            std::fs::write(sounds.join("long.wav"), wav_bytes(&samples[..80], 8000)).unwrap();
            assert_eq!(whole(load(loader, file("long.wav")).unwrap()), expected[..80]);
            let other = tempfile::tempdir().unwrap();
            loader.set_sounds(other.path().to_owned());
            assert!(loader.ready(&file("long.wav"), loader.clock.now()).is_none());
            assert!(matches!(load(loader, file("long.wav")), Err(PromptError::NotFound)));
        });
    }

    #[test]
    fn tones_are_kept_when_they_are_short() {
        with_loader(|loader, _| {
            let tone = |script: &str| request(Source::Tone { script: script.to_owned() });
            let ring = load(loader, tone("%(200,400,440,480);loops=-1")).unwrap();
            assert!(matches!(&ring, Prompt::Encoded { passes: None, .. }));
            assert_eq!(whole(ring).len(), 8 * 600);
            assert!(loader.ready(&tone("%(200,400,440,480);loops=-1"), Micros::MAX).is_some());
            assert!(matches!(load(loader, tone("%(70000,0,440)")), Ok(Prompt::Live(_))));
            assert!(matches!(load(loader, tone("")), Err(PromptError::Faulty(_))));
        });
    }

    #[test]
    fn after_the_end_every_request_is_answered() {
        let loader = Loader::new(0, Clock::start(), PathBuf::new());
        loader.end();
        loader.run();
        assert!(matches!(load(&loader, file("a.wav")), Err(PromptError::Faulty(_))));
    }
}
