//! One call takes over what another has: `intercept`, attended transfers (REFER and INVITE with Replaces, RFC 3891).

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::lending::PATIENCE;
use super::{Call, Wake};
use crate::call::command;
use crate::call::control::{Execution, Order};
use crate::call::event::Event;
use crate::call::registry::{Question, Seen};
use crate::words::model::Cause;

/// A dialog as Replaces names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialog {
    pub(super) call_id: String,
    tags: Vec<String>,
}

impl Dialog {
    /// Reads the value of a Replaces header, already without `%XX`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let call_id = parts.next().filter(|call_id| !call_id.is_empty())?.to_owned();
        let tag = |part: &str| {
            let (name, value) = part.split_once('=')?;
            ["to-tag", "from-tag"].iter().any(|known| name.eq_ignore_ascii_case(known)).then(|| value.trim().to_owned())
        };
        let tags: Vec<String> = parts.filter_map(tag).collect();
        (tags.len() == 2).then_some(Self { call_id, tags })
    }

    /// Whether a channel is this dialog: both tags are its own, whichever way round.
    fn is(&self, channel: &Event) -> bool {
        let own = ["variable_sip_from_tag", "variable_sip_to_tag"].map(|name| channel.get(name).unwrap_or_default());
        // A tag that the channel does not know is taken on trust: the Call-ID has matched.
        own.iter().filter(|tag| !tag.is_empty()).all(|tag| self.tags.iter().any(|named| named == tag))
    }
}

impl Call {
    async fn seen(&mut self, uuid: &str) -> Option<Seen> {
        let services = Arc::clone(&self.services);
        self.serve_while(command::dump(&services, uuid)).await
    }

    /// The channel that a dialog of ours is bridged with.
    async fn partner_in(&mut self, dialog: &Dialog) -> Option<Arc<str>> {
        let uuid = self.services.calls.in_dialog(&dialog.call_id)?;
        self.seen(&uuid).await.filter(|seen| dialog.is(&seen.event))?.partner
    }

    /// An attended transfer: the channel in front is joined with the partner of the dialog that was named.
    pub(super) async fn join_partner(&mut self, dialog: &Dialog) {
        let found = self.services.calls.in_dialog(&dialog.call_id);
        let seen = match &found {
            Some(uuid) => self.seen(uuid).await.filter(|seen| dialog.is(&seen.event)),
            None => None,
        };
        let (Some(uuid), Some(Seen { event, partner, .. })) = (found, seen) else {
            tracing::error!(call_id = dialog.call_id, "the dialog to replace is gone");
            return self.hangup(Cause::DESTINATION_OUT_OF_ORDER);
        };
        let answered = event.get("Answer-State") == Some("answered");
        if let Some(partner) = partner.filter(|_| answered)
            && self.bridge_later(&partner)
        {
            return;
        }
        if self.adopted_by(&uuid).await || !self.a.up() {
            return;
        }
        // It neither talks nor dials: the channel goes where the other one went.
        let part = |name: &str| event.get(name).unwrap_or_default().to_owned();
        let (extension, dialplan, context) =
            (part("Caller-Destination-Number"), part("Caller-Dialplan"), part("Caller-Context"));
        tracing::info!(extension, "the dialog to replace has no partner");
        self.transfer(&extension, Some(&dialplan), Some(&context));
        if let Some((uuid, sink)) = self.services.calls.find(&uuid) {
            sink.ask(Question::Order { uuid, order: Order::Hangup(Cause::ATTENDED_TRANSFER), reply: None });
        }
    }

    /// A semi-attended transfer: the call of a dialog that still rings dials on for this channel, which it will ask for.
    async fn adopted_by(&mut self, uuid: &str) -> bool {
        let Some((uuid, sink)) = self.services.calls.find(uuid) else { return false };
        let (reply, answer) = oneshot::channel();
        sink.ask(Question::Adopt { uuid, partner: Arc::clone(&self.a.uuid), reply });
        if !matches!(self.serve_while(timeout(PATIENCE, answer)).await, Ok(Ok(true))) {
            return false;
        }
        let until = Instant::now() + PATIENCE;
        while self.a.up() && self.borrower.is_none() {
            if matches!(self.next(Some(until)).await, Wake::Timer) {
                return false;
            }
        }
        true
    }

    /// INVITE with Replaces: the caller takes the place of the dialog that it names, if that is one of ours and bridged.
    pub(super) async fn replace_dialog(&mut self) {
        let Some(dialog) = self.a.get("sip_replaces").and_then(Dialog::parse) else { return };
        let Some(partner) = self.partner_in(&dialog).await else { return };
        if self.answer().await {
            self.bridge_later(&partner);
        }
    }

    /// `intercept`: joins this channel with another one, whose partner is hung up. An unknown channel changes nothing.
    pub async fn intercept(&mut self, data: &str) {
        let (of_partner, uuid) = match data.trim().strip_prefix("-bleg ") {
            Some(rest) => (true, rest.trim()),
            None => (false, data.trim()),
        };
        let Some(Seen { event, partner, .. }) = self.seen(uuid).await else {
            tracing::info!(uuid, "there is no such channel to intercept");
            return;
        };
        let answered = event.get("Answer-State") == Some("answered");
        if (self.is_true("intercept_unbridged_only") && partner.is_some())
            || (self.is_true("intercept_unanswered_only") && answered)
        {
            return;
        }
        let Some(target) = (if of_partner { partner } else { Some(uuid.into()) }) else { return };
        if !self.answer().await {
            return;
        }
        if !answered {
            // A caller who is still rung is answered by its own call first.
            let services = Arc::clone(&self.services);
            let answer = command::execute(&services, &target, Execution::once("answer", ""));
            let _ = self.serve_while(timeout(PATIENCE, answer)).await;
        }
        if self.executing() && self.bridge_later(&target) {
            self.bridge_with_another().await;
        }
    }

    /// Carries out an attended transfer that a REFER asked for, as far as to name the other channel.
    pub(super) async fn follow_attended(&mut self) {
        if let Some(dialog) = self.attended.take() {
            self.join_partner(&dialog).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::event::EventName;

    #[test]
    fn dialogs_and_channels() {
        let dialog = Dialog::parse("a@b;to-tag=1;from-tag=2;early-only").unwrap();
        assert_eq!(dialog.call_id, "a@b");
        let mut channel = Event::bare(EventName::CHANNEL_DATA);
        channel.add("variable_sip_from_tag", "2");
        assert!(dialog.is(&channel));
        channel.add("variable_sip_to_tag", "3");
        assert!(!dialog.is(&channel));
        for wrong in ["", ";to-tag=1;from-tag=2", "a@b", "a@b;to-tag=1"] {
            assert_eq!(Dialog::parse(wrong), None, "{wrong}");
        }
    }
}
