//! What a hunt finds.

use std::sync::Arc;

use super::ast::Span;
use crate::words::expand::Template;

/// One entry of the list that execution runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// Application as it was written; may be unknown.
    pub application: Arc<str>,
    /// Its registered spelling, when the catalogue knew it at load.
    pub registered: Option<&'static str>,
    /// Data after `$n` substitution, before expansion. Literal data is marked so and costs nothing to expand.
    pub data: Template,
    /// Where it was written; `None` for entries of the `inline` dialplan.
    pub span: Option<Span>,
}

/// An action to run during the hunt, with expansion.
#[derive(Debug, Clone, PartialEq)]
pub struct InlineAction {
    /// Application and data.
    pub action: Action,
    /// False: no such application. The channel is to be hung up with DESTINATION_OUT_OF_ORDER at once; the hunt goes on.
    pub known: bool,
}

/// The list of actions found: the extension object.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Name of the extension that contributed the first action.
    pub extension: Arc<str>,
    /// Context it stands in (which may be the fallback `global`).
    pub context: Arc<str>,
    /// What to run, in order. May be empty.
    pub actions: Vec<Action>,
    /// The dialplan was `inline`: the caller profile's destination number becomes the former rdnis, rdnis is emptied.
    pub inline_dialplan: bool,
}

/// How a hunt ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Run this.
    Plan(Plan),
    /// No extension contributed an action, or no such context: NO_ROUTE_DESTINATION.
    NoRoute,
    /// The dialplan string names no usable dialplan: as [`Outcome::NoRoute`] for an inbound leg; an outbound one that is
    /// not answered is parked.
    NoDialplan,
}
