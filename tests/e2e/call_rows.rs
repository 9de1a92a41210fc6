//! The rows of `tests/cases/calls.jsonl` that no executable case of the conformance suite shows, one call each.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use switch::program::phone::{FarEnd, FarEndOf, FarResponse, FarScript, FarStep, Sound};

use super::support::{LOOPBACK, PATIENCE, Switch, context, until};

const QUIET: Sound = Sound::Silence;
const RING: Duration = Duration::from_millis(100);

/// A user of the far end, and what it does.
type Far = (&'static str, fn() -> FarScript);

/// Number, far end and actions of each row; `FAR` is where the far end is.
struct Row {
    id: &'static str,
    far: &'static [Far],
    actions: &'static [(&'static str, &'static str)],
}

const ROWS: &[Row] = &[
    Row {
        id: "C02",
        far: &[("c02", || FarScript::refuse(480))],
        actions: &[("bridge", "sofia/internal/sip:c02@FAR"), ("answer", ""), ("sleep", "200")],
    },
    Row {
        id: "C09",
        far: &[("c09", || FarScript::refuse(404))],
        actions: &[("set", "continue_on_fail=17,18"), ("bridge", "sofia/internal/sip:c09@FAR"), ("answer", "")],
    },
    Row {
        id: "C18",
        far: &[("c18", || FarScript::refuse(404))],
        actions: &[
            ("set", "transfer_on_fail=USER_BUSY busy XML default"),
            ("bridge", "sofia/internal/sip:c18@FAR"),
            ("answer", ""),
        ],
    },
    Row {
        id: "C22",
        far: &[("c22", || FarScript::answer_then_bye(RING, QUIET, RING))],
        actions: &[
            ("set", "hangup_on_bridge=true"),
            ("bridge", "sofia/internal/sip:c22@FAR"),
            ("playback", "tone_stream://%(400,0,700)"),
        ],
    },
    Row {
        id: "C25",
        far: &[("c25", || FarScript::refuse(486))],
        actions: &[
            ("multiset", "sip_ignore_remote_cause=true continue_on_fail=true"),
            ("bridge", "sofia/internal/sip:c25@FAR"),
            ("hangup", "CALL_REJECTED"),
        ],
    },
    Row {
        id: "C44",
        far: &[
            ("c44a", || FarScript::default().then(FarStep::Respond(FarResponse::new(183).with_sdp()))),
            ("c44b", || FarScript::answer_then_bye(Duration::from_millis(600), QUIET, RING)),
        ],
        actions: &[("bridge", "{ignore_early_media=true}sofia/internal/sip:c44a@FAR,sofia/internal/sip:c44b@FAR")],
    },
    Row {
        id: "C46",
        far: &[("c46", || FarScript::answer_then_bye(RING, QUIET, RING))],
        actions: &[("bridge", "{^^:absolute_codec_string=PCMA,PCMU:sip_h_X-One=1}sofia/internal/sip:c46@FAR")],
    },
    Row {
        id: "C57",
        far: &[("c57", || {
            FarScript::refuse(182).then(FarStep::Wait(RING)).then(FarStep::Respond(FarResponse::new(486)))
        })],
        actions: &[("bridge", "sofia/internal/sip:c57@FAR")],
    },
    Row { id: "C70", far: &[], actions: &[("ring_ready", ""), ("sleep", "100"), ("hangup", "USER_BUSY")] },
    Row {
        id: "C74",
        far: &[],
        actions: &[("set", "media_timeout=1000"), ("answer", ""), ("playback", "silence_stream://20000")],
    },
    Row {
        id: "C75",
        far: &[],
        actions: &[("set", "api_hangup_hook=lua times.lua"), ("ring_ready", ""), ("hangup", "USER_BUSY")],
    },
];

const TIMES: &str = "
local file = io.open('times.part', 'w')
for _, name in ipairs({ 'billsec', 'answer_epoch', 'answer_stamp', 'start_stamp', 'end_stamp' }) do
  file:write(name, '=', tostring(env:getHeader('variable_' .. name)), '\\n')
end
file:close()
os.rename('times.part', 'times')
";

#[test]
fn every_row_is_shown() {
    let rows = include_str!("../cases/calls.jsonl").lines();
    let rows: Vec<Value> = rows.map(|line| serde_json::from_str(line).expect("a row")).collect();
    let bare = rows.iter().filter(|row| row["cases"].as_array().is_none_or(Vec::is_empty));
    let bare: Vec<&str> = bare.map(|row| row["id"].as_str().unwrap_or_default()).collect();
    assert_eq!(bare, ROWS.iter().map(|row| row.id).collect::<Vec<_>>());
    assert_eq!(rows.len(), 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_an_executable_case() {
    let scripts: HashMap<String, FarScript> =
        ROWS.iter().flat_map(|row| row.far).map(|(user, script)| ((*user).to_owned(), script())).collect();
    let mut far = FarEnd::bind(LOOPBACK, scripts).await.expect("the far end listens");
    let at = far.local().to_string();
    let mut public = String::new();
    for row in ROWS {
        let actions: Vec<(&str, String)> =
            row.actions.iter().map(|(name, data)| (*name, data.replace("FAR", &at))).collect();
        let actions: Vec<(&str, &str)> = actions.iter().map(|(name, data)| (*name, &**data)).collect();
        public += &context("public", &[(&format!("^{}$", row.id), &actions)]);
    }
    let public = public.replace("</context>\n<context name=\"public\">\n", "");
    let switch = Switch::start(&[("dialplan/a.xml", &public), ("scripts/times.lua", TIMES)]);
    let mut wrong = Vec::new();
    for row in ROWS {
        let report = switch
            .call(row.id, |plan| {
                // C74: a caller whose audio stops; all others send theirs.
                plan.say = if row.id == "C74" { Sound::Quiet } else { QUIET };
            })
            .await;
        let mut legs = Vec::new();
        for _ in row.far {
            legs.push(far.report(PATIENCE).await.expect("a call at the far end"));
        }
        let leg = |user: &str| legs.iter().find(|leg| leg.user == user).expect("its leg");
        let record = switch.record(&report.call_id).await;
        let right = match row.id {
            "C02" => report.status == Some(200) && record["disposition"] == "NO_USER_RESPONSE",
            "C09" | "C18" => report.status == Some(404),
            "C22" => report.status == Some(200) && report.heard.loud_seconds() > 0.3,
            "C25" => report.status == Some(603),
            "C44" => {
                let reason = leg("c44a").reason.clone();
                report.status == Some(200)
                    && leg("c44a").end == FarEndOf::Cancelled
                    && leg("c44b").end == FarEndOf::HungUpHere
                    && reason.is_some_and(|reason| (&*reason.protocol, reason.cause) == ("SIP", 200))
            }
            "C46" => {
                let body = String::from_utf8_lossy(&leg("c46").invite.body).into_owned();
                report.status == Some(200)
                    && body.contains(" RTP/AVP 8 0 ")
                    && leg("c46").invite.header("X-One") == Some("1")
            }
            "C57" => report.statuses() == [100, 182, 486],
            "C70" => report.statuses() == [100, 180, 486],
            "C74" => report.cause().contains("MEDIA_TIMEOUT") && record["cause"] == "MEDIA_TIMEOUT",
            "C75" => {
                let path = switch.folder().join("times");
                until("the hook ran", || path.is_file()).await;
                let text = std::fs::read_to_string(path).expect("its results");
                report.status == Some(486)
                    && text.starts_with("billsec=0\nanswer_epoch=0\nanswer_stamp=nil\nstart_stamp=20")
                    && text.contains("\nend_stamp=20")
            }
            other => panic!("nobody looks at {other}"),
        };
        if !right {
            let reasons: Vec<_> = legs.iter().map(|leg| (&leg.user, leg.end, &leg.reason)).collect();
            wrong.push(format!("{}: {:?} {} {reasons:?} {record}", row.id, report.statuses(), report.cause()));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), switch.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leg_behind_a_loopback_is_offered_codecs_although_nobody_has_one_yet() {
    let scripts = HashMap::from([("b".to_owned(), FarScript::refuse(488))]);
    let mut far = FarEnd::bind(LOOPBACK, scripts).await.expect("the far end listens");
    let bridge = format!("sofia/internal/sip:b@{}", far.local());
    let public = context(
        "public",
        &[
            ("^call$", &[("set", "loopback_no_pre_answer=true"), ("bridge", "loopback/behind/public")]),
            ("^behind$", &[("bridge", &bridge)]),
        ],
    );
    let switch = Switch::start(&[("dialplan/a.xml", &public)]);
    let report = switch.call("call", |_| ()).await;
    assert_eq!(report.status, Some(488));
    let leg = far.report(PATIENCE).await.expect("a call at the far end");
    let body = String::from_utf8_lossy(&leg.invite.body).into_owned();
    assert!(body.contains(" RTP/AVP 0 8 ") && !body.contains("L16"), "{body}");
}
