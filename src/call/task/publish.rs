//! The rows of the call's channels: what tables show is there to be read, and no table waits for a call.

use std::sync::Arc;

use super::Call;
use crate::call::channel::Channel;
use crate::call::registry::Listed;
use crate::call::row::{Marks, TEXTS};

/// Variables of a row, in the order of its texts.
const SHOWN: [&str; 6] =
    ["current_application", "current_application_data", "presence_id", "presence_data", "accountcode", "call_uuid"];

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
        self.bridged_with().map(|callee| Arc::clone(&callee.channel.uuid))
    }
}

fn put(answered: u64, listed: &Listed, channel: &Channel, partner: Option<Arc<str>>) {
    let marks = Marks {
        uuid: Arc::clone(&channel.uuid),
        partner,
        direction: channel.direction,
        created: channel.times.created,
        state: channel.phase.name(),
        call_state: channel.call_state(),
        codec: channel.codec,
    };
    let profile = &channel.profile;
    let [application, data, presence_id, presence_data, account, call_uuid] = channel.variables.several(SHOWN);
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
        application,
        data,
        presence_id,
        presence_data,
        account,
        call_uuid,
    ];
    listed.place().put(answered, &marks, &texts);
}
