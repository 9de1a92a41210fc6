//! XML dialplan: compiled contexts and the hunt.
//!
//! A [`Dialplan`] is compiled once from the XML tree and then immutable: patterns read, templates parsed, application
//! names looked up, date attributes turned into numbers. A [`Hunt`] is one call's walk through it. The walk executes
//! nothing by itself; whatever has to happen outside (an inline action, an API call that must be awaited, a dialplan file)
//! is handed out as a [`Step`], and the walk goes on when the caller comes back. It ends with an [`Outcome`]: a list of
//! actions, or no route.
//!
//! ```text
//! loop {
//!     match hunt.step(&mut facts) {
//!         Step::Inline(action) => run it now, with expansion;
//!         Step::Api { name, args } => hunt.resume(value of the call);
//!         Step::Document { path } => hunt.provide(the dialplan of that file);
//!         Step::Done(outcome) => break outcome,
//!     }
//! }
//! ```
//!
//! The rules, FreeSWITCH's oddities included, are those its users' dialplans were tested against. What a switch does with
//! the actions is not this module's business; it knows of applications only what [`AppCatalog`] tells. It reads no clock:
//! the instant comes from [`HuntFacts::now`].

pub mod ast;
mod capture;
mod dates;
mod evaluate;
mod facts;
mod finding;
mod hunt;
mod index;
mod lower;
mod parse;
mod plan;
mod program;
mod record;

pub use dates::ATTRIBUTES as DATE_ATTRIBUTES;
pub use facts::{AppCatalog, AppFacts, HuntFacts, HuntRequest};
pub use finding::Finding;
pub use hunt::{Hunt, Step};
pub use parse::Node;
pub use plan::{Action, InlineAction, Outcome, Plan};
pub use program::Dialplan;
pub use record::{Decision, Level, Recorder};
