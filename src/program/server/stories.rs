//! The stories of the last calls: what `switch explain --uuid` shows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::leg::Incoming;
use crate::call::observe::Observer;
use crate::program::story::{Heading, Narrator, Story};
use crate::words::text::Sources;

/// Entries one call may have.
const MOST_ENTRIES: usize = 2000;

/// The calls whose stories are kept, oldest first.
pub(super) struct Stories {
    most: usize,
    state: Mutex<State>,
}

struct State {
    kept: VecDeque<Arc<Kept>>,
    /// Sources of the configuration that new calls begin with.
    sources: Arc<Sources>,
}

/// One call.
struct Kept {
    uuid: String,
    call_id: String,
    heading: Heading,
    sources: Arc<Sources>,
    story: Arc<Mutex<Story>>,
}

impl Stories {
    /// Keeps those of the last `most` calls.
    pub(super) fn new(most: usize, sources: Arc<Sources>) -> Self {
        Self { most, state: Mutex::new(State { kept: VecDeque::new(), sources }) }
    }

    /// Places in stories of calls that begin from now on are places in these.
    pub(super) fn set_sources(&self, sources: Arc<Sources>) {
        self.state().sources = sources;
    }

    /// Begins the story of a call; none: stories are not kept.
    pub(super) fn begin(&self, incoming: &Incoming) -> Option<Box<dyn Observer>> {
        if self.most == 0 {
            return None;
        }
        let story = Arc::new(Mutex::new(Story::default()));
        let profile = &incoming.profile;
        let mut state = self.state();
        let kept = Kept {
            uuid: profile.uuid.clone(),
            call_id: incoming.variables.get("sip_call_id").unwrap_or_default().to_owned(),
            heading: Heading {
                destination: profile.destination_number.clone(),
                caller: profile.caller_id_number.clone(),
                context: profile.context.clone(),
            },
            sources: Arc::clone(&state.sources),
            story: Arc::clone(&story),
        };
        if state.kept.len() >= self.most {
            state.kept.pop_front();
        }
        state.kept.push_back(Arc::new(kept));
        drop(state);
        Some(Box::new(Narrator::new(story, MOST_ENTRIES, |_| true)))
    }

    /// The story of a call by its uuid or Call-ID; none: it is not kept.
    pub(super) fn tell(&self, name: &str, json: bool) -> Option<String> {
        let found = self.state().kept.iter().rev().find(|kept| kept.uuid == name || kept.call_id == name).cloned()?;
        let story = found.story.lock().unwrap_or_else(PoisonError::into_inner);
        Some(if json {
            story.json(&found.sources, &found.heading)
        } else {
            story.text(&found.sources, &found.heading, "")
        })
    }

    /// Whether any story is kept.
    pub(super) fn is_on(&self) -> bool {
        self.most > 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
