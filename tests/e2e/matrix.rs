//! Every final code 300 to 606 of a called party, with nothing set, with a Lua handler, and with `transfer_on_fail`: what
//! the caller is told, what the variables say, what is heard, and what the record holds.

use std::collections::HashMap;
use std::fmt::Write as _;

use switch::program::phone::{CallReport, FarEnd, FarScript, tone_share};
use switch::words::model::{Cause, SEED_CODES};

use super::support::{LOOPBACK, Switch, context};

/// Tones of the two prompts.
const LUA_HZ: f64 = 700.0;
const TRANSFER_HZ: f64 = 1100.0;

const HANDLER: &str = r#"
session:setVariable("sip_rh_X-Disposition", session:getVariable("originate_disposition"))
session:setVariable("sip_rh_X-Status", session:getVariable("sip_invite_failure_status"))
session:streamFile("tone_stream://%(240,0,700)")
session:hangup(session:getVariable("originate_disposition"))
"#;

fn codes() -> impl Iterator<Item = u16> {
    // 401 and 407 have challenges of their own; 30x with a contact are followed.
    SEED_CODES.iter().copied().filter(|code| *code >= 300 && ![401, 407].contains(code))
}

fn header<'r>(report: &'r CallReport, name: &str) -> Option<&'r str> {
    report.responses.last().and_then(|last| last.message.header(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_final_code_in_three_ways() {
    let scripts: HashMap<String, FarScript> = codes().map(|code| (code.to_string(), FarScript::refuse(code))).collect();
    let far = FarEnd::bind(LOOPBACK, scripts).await.expect("the far end listens");
    let bridge = format!("sofia/internal/sip:$1@{}", far.local());
    let public = context(
        "public",
        &[
            ("^1(\\d{3})$", &[("bridge", &bridge), ("respond", "444 Went On")]),
            ("^2(\\d{3})$", &[("set", "continue_on_fail=true"), ("bridge", &bridge), ("lua", "handler.lua")]),
            (
                "^3(\\d{3})$",
                &[
                    ("set", "continue_on_fail=false"),
                    ("set", &format!("transfer_on_fail={} auto_cause XML error", all_causes())),
                    ("bridge", &bridge),
                    ("respond", "444 Went On"),
                ],
            ),
        ],
    );
    let error = context(
        "error",
        &[(
            "^(.*)$",
            &[("set", "sip_rh_X-Cause=$1"), ("playback", "tone_stream://%(240,0,1100)"), ("hangup", "NORMAL_CLEARING")],
        )],
    );
    let switch = Switch::start(&[
        ("dialplan/a.xml", &format!("<include>\n{public}{error}</include>\n")),
        ("scripts/handler.lua", HANDLER),
    ]);
    let switch = std::sync::Arc::new(switch);
    let mut calls = Vec::new();
    for code in codes() {
        for way in 1..=3_u16 {
            let switch = switch.clone();
            calls.push(tokio::spawn(async move {
                let report = switch.call(&format!("{way}{code}"), |_| ()).await;
                let record = switch.record(&report.call_id).await;
                (way, code, report, record)
            }));
        }
    }
    let mut wrong = String::new();
    for call in calls {
        let (way, code, report, record) = call.await.expect("a call");
        let cause = Cause::from_sip_status(code);
        let goes_on = [Cause::NO_USER_RESPONSE, Cause::ORIGINATOR_CANCEL].contains(&cause);
        let mut check = |what: &str, right: bool| {
            if !right {
                let shown = (report.statuses(), report.heard.loud_seconds(), &record);
                let _ = writeln!(wrong, "{way}{code}: {what}: {shown:?}");
            }
        };
        let samples = &report.heard.samples;
        check("disposition of the record", record["disposition"] == cause.name());
        check("status of the record", record["sip_status"] == report.status.unwrap_or_default());
        match way {
            1 => {
                check("status", report.status == Some(if goes_on { 444 } else { code }));
                check("silence", report.heard.packets == 0);
                check("cause", goes_on || record["cause"] == cause.name());
            }
            2 => {
                check("status", report.status == Some(code));
                check("disposition", header(&report, "X-Disposition") == Some(cause.name()));
                check("failure status", code < 400 || header(&report, "X-Status") == Some(&code.to_string()));
                check("prompt", tone_share(samples, LUA_HZ) > 0.8 && report.heard.loud_seconds() > 0.15);
                check("early media", report.statuses().contains(&183));
            }
            _ => {
                check("status", report.status == Some(code));
                check("destination", header(&report, "X-Cause") == Some(cause.name()));
                check("prompt", tone_share(samples, TRANSFER_HZ) > 0.8 && report.heard.loud_seconds() > 0.15);
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}\n{}", switch.log());
}

/// Every cause of the table, as a list.
fn all_causes() -> String {
    Cause::all().map(Cause::name).collect::<Vec<_>>().join(",")
}
