//! Commands for later: `sched_api`, `sched_hangup`, `sched_transfer`, `sched_broadcast`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// Commands that may wait at a time.
const MOST_TASKS: usize = 10_000;

/// A command that waits.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its number.
    pub id: u64,
    /// What it is.
    pub description: String,
    /// Group it can be deleted by.
    pub group: String,
    /// When it runs, seconds since 1970.
    pub at: u64,
}

/// The commands that wait.
#[derive(Debug, Default)]
pub struct Scheduler {
    tasks: Mutex<Tasks>,
}

#[derive(Debug, Default)]
struct Tasks {
    /// The number that was given last.
    last: u64,
    waiting: BTreeMap<u64, (Task, Option<AbortHandle>)>,
}

impl Scheduler {
    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a place for a command; none: too many wait.
    pub fn add(&self, description: &str, group: &str, at: u64) -> Option<Task> {
        let mut tasks = self.tasks();
        if tasks.waiting.len() >= MOST_TASKS {
            return None;
        }
        tasks.last = tasks.last.wrapping_add(1);
        let task = Task { id: tasks.last, description: description.to_owned(), group: group.to_owned(), at };
        tasks.waiting.insert(task.id, (task.clone(), None));
        Some(task)
    }

    /// Keeps what ends the waiting of a command.
    pub fn started(&self, id: u64, handle: AbortHandle) {
        if let Some((_, place)) = self.tasks().waiting.get_mut(&id) {
            *place = Some(handle);
        }
    }

    /// A command's time has come: it leaves the list. False: it was deleted.
    pub fn due(&self, id: u64) -> bool {
        self.tasks().waiting.remove(&id).is_some()
    }

    /// Deletes the command of a number, or all of a group.
    pub fn delete(&self, which: &str) -> Vec<Task> {
        let number = which.parse::<u64>().ok();
        let mut tasks = self.tasks();
        let found: Vec<u64> = tasks
            .waiting
            .iter()
            .filter(|(id, (task, _))| number.map_or(task.group == which, |number| **id == number))
            .map(|(id, _)| *id)
            .collect();
        let mut deleted = Vec::new();
        for id in found {
            if let Some((task, handle)) = tasks.waiting.remove(&id) {
                handle.inspect(AbortHandle::abort);
                deleted.push(task);
            }
        }
        deleted
    }

    /// Whether a command ever had this number.
    pub fn was_given(&self, id: u64) -> bool {
        id > 0 && id <= self.tasks().last
    }

    /// What waits, in the order it was asked for.
    pub fn all(&self) -> Vec<Task> {
        self.tasks().waiting.values().map(|(task, _)| task.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_wait_and_are_deleted() {
        let scheduler = Scheduler::default();
        let ids: Vec<u64> =
            ["a", "b", "b"].iter().map(|group| scheduler.add("x", group, 9).map(|task| task.id).unwrap()).collect();
        assert_eq!(scheduler.delete("b").len(), 2);
        assert!(scheduler.delete("b").is_empty() && !scheduler.due(ids[1]));
        assert!(scheduler.due(ids[0]) && scheduler.all().is_empty());
        let id = scheduler.add("x", "1", 9).unwrap().id;
        assert_eq!(scheduler.delete(&id.to_string()).len(), 1, "a number is never a group");
    }
}
