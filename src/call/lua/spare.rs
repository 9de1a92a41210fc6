//! States made ahead of their runs, so that a call does not wait while its script's state is made. A state serves one run
//! and is closed, as one that was made for it would be: what a script does to its globals ends with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mlua::Result;

use super::vm::{Ground, Vm};

/// States kept ready; each holds some 60 KB.
const MOST: usize = 16;

/// The states that wait for a run.
#[derive(Default)]
pub(super) struct Spares(Mutex<Vec<Vm>>);

impl Spares {
    /// A state of this ground: one that waits, else a new one.
    pub(super) fn take(&self, ground: Ground) -> Result<Vm> {
        self.forget_others(&ground);
        let spare = self.lock().pop_if(|vm| vm.ground().is(&ground));
        spare.map_or_else(|| Vm::new(ground), Ok)
    }

    /// Makes one more, unless there are enough. Every run that ends makes up for the state it took, so that as many wait
    /// as runs have lately begun at a time.
    pub(super) fn refill(&self, ground: Ground) {
        self.forget_others(&ground);
        if self.lock().len() >= MOST {
            return;
        }
        match Vm::new(ground) {
            Ok(vm) => self.lock().push(vm),
            Err(error) => tracing::warn!(target: "lua", "a state for the next script cannot be made: {error}"),
        }
    }

    /// Drops those that were made before the settings changed, without holding the lock.
    fn forget_others(&self, ground: &Ground) {
        let mut spares = self.lock();
        if spares.first().is_some_and(|vm| !vm.ground().is(ground)) {
            let old = std::mem::take(&mut *spares);
            drop(spares);
            drop(old);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vm>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Policy;
    use super::*;

    fn ground() -> Ground {
        Ground { scripts: Arc::new("/scripts".into()), policy: Arc::new(Policy::default()) }
    }

    fn is_marked(vm: &Vm) -> bool {
        vm.lua.globals().contains_key("mark").unwrap()
    }

    #[test]
    fn a_state_is_small_and_can_be_smaller() {
        let vm = Vm::new(ground()).unwrap();
        let made = vm.lua.used_memory();
        vm.shrink().unwrap();
        let left = vm.lua.used_memory();
        assert!(left + 4096 < made && left < 80 << 10, "{made}, then {left}");
    }

    #[test]
    fn a_spare_is_taken_once_and_for_its_ground_only() {
        let (spares, here, there) = (Spares::default(), ground(), ground());
        let mark = |spares: &Spares| spares.lock().iter().for_each(|vm| vm.lua.globals().set("mark", 1).unwrap());
        assert!(!is_marked(&spares.take(here.clone()).unwrap()), "none waits");
        spares.refill(here.clone());
        mark(&spares);
        assert!(is_marked(&spares.take(here.clone()).unwrap()));
        assert!(!is_marked(&spares.take(here.clone()).unwrap()), "it is gone");
        spares.refill(here);
        mark(&spares);
        assert!(!is_marked(&spares.take(there.clone()).unwrap()), "other settings");
        assert!(spares.lock().is_empty());
        for _ in 0..2 * MOST {
            spares.refill(there.clone());
        }
        assert_eq!(spares.lock().len(), MOST);
    }
}
