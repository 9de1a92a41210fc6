//! `freeswitch.DTMF`: a digit and its length.

use std::sync::Arc;

use mlua::{UserData, UserDataRegistry};

use super::arguments::{Arguments, Kind};
use super::objects;
use super::run::Run;
use super::table::{Answer, Method, Step};

/// Length of a digit that names none, timestamp units of 8 kHz.
const DURATION: u32 = 2000;

/// A digit.
pub(super) struct Dtmf {
    digit: String,
    duration: u32,
}

impl UserData for Dtmf {
    fn register(registry: &mut UserDataRegistry<Self>) {
        objects::register(registry, "DTMF");
    }
}

pub(super) const METHODS: &[Method] = &[
    Method::constructor("DTMF", &[Kind::Text, Kind::Int], 1, new).overloaded(),
    Method::of("@", "dtmf_attribute", &[Kind::Dtmf, Kind::Any], 2, attribute),
];

fn new(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let digit = arguments.text_or_empty(0).chars().take(1).collect();
    Step::Now(Answer::Dtmf(Dtmf { digit, duration: arguments.unsigned(1, DURATION) }))
}

/// `dtmf.digit`, `dtmf.duration`.
fn attribute(_: &Arc<Run>, arguments: &Arguments) -> Step {
    let name = arguments.text_or_empty(1);
    let read = |dtmf: &Dtmf| match name.as_str() {
        "digit" => Answer::Text(dtmf.digit.clone()),
        "duration" => Answer::Integer(dtmf.duration.into()),
        _ => Answer::Nil,
    };
    Step::Now(arguments.with(0, read).unwrap_or(Answer::Nil))
}
