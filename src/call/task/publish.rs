//! The rows of the call's channels: what tables show is there to be read, and no table waits for a call.

use std::sync::Arc;

use super::Call;
use crate::call::channel::Channel;
use crate::call::row::{Marks, TEXTS};

impl Call {
    /// Publishes what holds now, before the call waits. Next to nothing is done when nothing has changed.
    pub(super) fn publish(&mut self) {
        let bridged = self.bridged_callee();
        self.a.codec = self.audio.codec_name();
        put(self.answered, &self.listed, &self.a, bridged.clone());
        for callee in &mut self.callees {
            callee.channel.codec = callee.audio.codec_name();
            let partner = bridged.as_ref().filter(|bridged| **bridged == callee.channel.uuid);
            put(self.answered, &callee.listed, &callee.channel, partner.map(|_| Arc::clone(&self.a.uuid)));
        }
    }

    /// The called channel that the channel in front is bridged with.
    pub(super) fn bridged_callee(&self) -> Option<Arc<str>> {
        let bridged = self.callees.iter().find(|callee| callee.channel.bridged && callee.alive());
        bridged.filter(|_| self.a.bridged).map(|callee| Arc::clone(&callee.channel.uuid))
    }
}

fn put(answered: u64, listed: &crate::call::registry::Listed, channel: &Channel, partner: Option<Arc<str>>) {
    let marks = Marks {
        uuid: Arc::clone(&channel.uuid),
        partner,
        direction: channel.direction,
        created: channel.times.created,
        state: channel.phase.name(),
        call_state: channel.call_state(),
        codec: channel.codec,
    };
    let variable = |name| channel.get(name).unwrap_or_default();
    let profile = &channel.profile;
    let texts: [&str; TEXTS] = [
        &profile.chan_name,
        &profile.caller_id_name,
        &profile.caller_id_number,
        &profile.orig_caller_id_name,
        &profile.orig_caller_id_number,
        &profile.callee_id_name,
        &profile.callee_id_number,
        &profile.network_addr,
        &profile.destination_number,
        &profile.dialplan,
        &profile.context,
        variable("current_application"),
        variable("current_application_data"),
        variable("presence_id"),
        variable("presence_data"),
        variable("accountcode"),
        variable("call_uuid"),
    ];
    listed.place().put(answered, &marks, &texts);
}
