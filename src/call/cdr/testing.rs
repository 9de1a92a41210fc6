//! A leg that tests of records share.

use super::detail::{AppLogEntry, AudioFigures, CallFlow, Detail, FlowTimes};
use super::template::Surroundings;
use crate::words::model::{CallerProfile, Variables};

/// A caller's leg that was answered, transferred once and dialled another leg.
pub(crate) fn detail() -> Detail {
    let mut variables = Variables::new();
    variables.set("x", "a b&c");
    variables.set("hangup_cause", "NORMAL_CLEARING");
    let profile = |uuid: &str, number: &str| CallerProfile {
        uuid: uuid.to_owned(),
        dialplan: "XML".to_owned(),
        context: "public".to_owned(),
        caller_id_number: "1000".to_owned(),
        destination_number: number.to_owned(),
        ..CallerProfile::default()
    };
    let times = FlowTimes { created: 1_000_000, answered: 2_000_000, hangup: 3_000_000, ..FlowTimes::default() };
    let pair = |name: &str, data: &str| (name.to_owned(), data.to_owned());
    Detail {
        core_uuid: "core".to_owned(),
        switchname: "here".to_owned(),
        state: "CS_REPORTING",
        state_number: "11",
        direction: "inbound",
        answered: true,
        cause: "NORMAL_CLEARING",
        stats: AudioFigures { received: 50, sent: 49, lost: 2, jitter_us: 125 },
        variables,
        app_log: vec![AppLogEntry { name: "set", data: "a<b>\"c\"".to_owned(), stamp: 1_500_000 }],
        flows: vec![
            CallFlow {
                index: 2,
                profile: profile("a", "2000"),
                extension: "here".to_owned(),
                applications: vec![pair("answer", ""), pair("bridge", "user/2000")],
                executed: 2,
                times,
            },
            CallFlow { index: 1, profile: profile("a", "1999"), times, ..CallFlow::default() },
        ],
        originatee: Some(Box::new(profile("b", "2000"))),
        ..Detail::default()
    }
}

/// A switch with one global variable and one command.
pub(crate) struct Nothing;

impl Surroundings for Nothing {
    fn global(&self, name: &str) -> Option<String> {
        (name == "global").then(|| "everywhere".to_owned())
    }

    fn api(&self, name: &str, args: &str) -> Option<String> {
        (name == "upper").then(|| args.to_uppercase())
    }
}
