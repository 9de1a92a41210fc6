//! Scripts with legs of their own, and what they keep.

use crate::support::{Switch, context, until};

const LEGS: &str = "
local file = io.open('result', 'w')
local function leg(name) return freeswitch.Session('loopback/' .. name .. '/public', session) end
local a = session or leg('waits')
local b = leg('talks')
file:write(tostring(a:ready()), ' ', tostring(b:ready()), ' ', b:hangupCause(), '\\n')
freeswitch.bridge(a, b)
file:write(tostring(a:ready()), ' ', tostring(b:ready()), ' ', b:hangupCause(), '\\n')
file:close()
os.rename('result', 'results')
";

fn switch() -> Switch {
    let dialplan = context(
        "public",
        &[
            ("^waits$", &[("answer", ""), ("sleep", "20000")]),
            ("^talks$", &[("answer", ""), ("playback", "tone_stream://%(300,0,440)"), ("hangup", "USER_BUSY")]),
            ("^bridges$", &[("answer", ""), ("lua", "legs.lua"), ("hangup", "CALL_REJECTED")]),
            ("^alone$", &[("set", "x=${luarun(legs.lua)}"), ("respond", "486")]),
        ],
    );
    Switch::start(&[("dialplan/a.xml", &dialplan), ("scripts/legs.lua", LEGS)])
}

async fn results(switch: &Switch) -> String {
    let path = switch.folder().join("results");
    until("the script ends", || path.is_file()).await;
    std::fs::read_to_string(path).expect("its results")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_bridges_its_call_with_a_leg_it_dialled() {
    let switch = switch();
    let report = switch.call("bridges", |_| ()).await;
    assert_eq!(report.status, Some(200));
    assert_eq!(results(&switch).await, "true true SUCCESS\ntrue false USER_BUSY\n", "{}", switch.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_without_a_call_bridges_two_legs() {
    let switch = switch();
    switch.call("alone", |_| ()).await;
    assert_eq!(results(&switch).await, "true true SUCCESS\ntrue false USER_BUSY\n", "{}", switch.log());
}
