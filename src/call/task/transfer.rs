//! Transfer: the channel leaves its list and looks for another extension.

use super::Call;
use super::limit::release_places;
use crate::call::channel::Phase;
use crate::words::model::{CallerProfile, Cause};

/// Transfers a call may make when nothing says otherwise.
const MAX_TRANSFERS: i64 = 70;

impl Call {
    /// Transfers the caller. What is not named takes the defaults; no hops left: EXCHANGE_ROUTING_ERROR. True when the
    /// channel will be routed again.
    pub fn transfer(&mut self, extension: &str, dialplan: Option<&str>, context: Option<&str>) -> bool {
        if !self.a.up() {
            return false;
        }
        if !self.count_hop() {
            tracing::error!("too many transfers");
            self.hangup(Cause::EXCHANGE_ROUTING_ERROR);
            return false;
        }
        let named = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let forced = |name: &str| self.a.get(name).map(str::to_owned);
        let old = &self.a.profile;
        let dialplan = named(dialplan)
            .or_else(|| forced("force_transfer_dialplan"))
            .or_else(|| Some(old.dialplan.clone()).filter(|present| !present.eq_ignore_ascii_case("inline")))
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| "XML".to_owned());
        let context = named(context)
            .or_else(|| forced("force_transfer_context"))
            .or_else(|| named(Some(&old.context)))
            .unwrap_or_else(|| "default".to_owned());
        let extension = named(Some(extension)).unwrap_or_else(|| "service".to_owned());
        let now = self.now_us();
        let history =
            format!("{}:{}:bl_xfer:{extension}/{context}/{dialplan}", now / 1_000_000, (self.services.new_uuid)());
        tracing::info!(%extension, %context, %dialplan, "transfer");
        let new = CallerProfile {
            rdnis: old.destination_number.clone(),
            destination_number: extension,
            dialplan,
            context,
            transfer_source: history.clone(),
            created_us: now,
            ..old.clone()
        };
        let old = std::mem::replace(&mut self.a.profile, new);
        self.a.history.transferred(old, self.a.profile_number, self.a.times);
        self.a.variables.push("transfer_history", &history);
        self.a.variables.set("transfer_source", &history);
        self.a.variables.remove("signal_bond");
        if self.a.bridged {
            self.a.variables.set("hangup_after_bridge", "false");
        }
        self.a.times.transferred = now;
        if !self.is_true("limit_ignore_transfer") {
            release_places(&self.services, &mut self.a, None);
        }
        self.a.profile_number = self.a.profile_number.saturating_add(1);
        self.a.phase = Phase::Routing;
        true
    }

    /// Counts one transfer down; false when none is left.
    fn count_hop(&mut self) -> bool {
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<i64>().ok());
        let (name, left) = match number(self.a.get("max_session_transfers")) {
            Some(left) => ("max_session_transfers", left - 1),
            None => match number(self.a.get("max_forwards")) {
                Some(left) => ("max_forwards", left - 1),
                None => ("max_forwards", MAX_TRANSFERS),
            },
        };
        if left <= 0 {
            return false;
        }
        self.a.variables.set(name, &left.to_string());
        true
    }
}
