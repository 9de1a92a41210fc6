//! Who is bridged with whom.

use super::{Call, Callee};
use crate::call::leg::LegId;

impl Call {
    /// The called leg that the one in front is bridged with, in early media as well.
    pub(super) fn bridged_with(&self) -> Option<&Callee> {
        self.callees.iter().find(|callee| callee.channel.bridged && callee.alive()).filter(|_| self.a.bridged)
    }

    /// The same, once it has answered.
    pub(super) fn bridge_partner(&self) -> Option<LegId> {
        self.bridged_with().filter(|callee| callee.channel.answered).map(|callee| callee.id)
    }

    /// The leg that another is bridged with, in early media as well.
    pub(super) fn across(&self, leg: LegId) -> Option<LegId> {
        let callee = self.bridged_with()?.id;
        match leg {
            _ if leg == self.front => Some(callee),
            _ if leg == callee => Some(self.front),
            _ => None,
        }
    }
}
