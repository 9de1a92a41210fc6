//! Looking on while a call is routed and runs its list: `switch explain` is a call with an observer.

use crate::engine::dialplan::Recorder;
use crate::words::model::Cause;
use crate::words::text::Span;

/// Is told what a call does, and may keep applications from acting.
pub trait Observer: Recorder + Send {
    /// The next action of the list, or an inline one, before its data is expanded.
    fn action(&mut self, application: &str, data: &str, span: Option<Span>, inline: bool);

    /// An application is about to run with this data, expanded. False: it does not; it counts as done.
    fn execute(&mut self, application: &'static str, data: &str) -> bool;

    /// An API command was called in an expansion; no value: there is no such command.
    fn api(&mut self, name: &str, args: &str, value: Option<&str>);

    /// The call is over; a caller who was not answered got this status and phrase, if any (no phrase: the standard one).
    fn ended(&mut self, cause: Cause, answered: bool, refusal: Option<(u16, Option<&str>)>);
}
