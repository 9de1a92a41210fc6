//! The recorded answers of `tests/cases/lua.jsonl`: each row's script runs in a real call.
//!
//! A row's situation says how the call stands when its script begins. Rows that need a start of their own (API commands,
//! dialplans made by a script, errors in files) are shown by executable cases of the conformance suite, see [`ELSEWHERE`].

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::{Switch, until};

/// Scripts take at most some five seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Calls at a time.
const TOGETHER: usize = 6;

/// Rows with an executable case of their own in `conformance/lua`.
const ELSEWHERE: &[&str] = &[
    "S01", "S05", "S07", "S09", "S10", "S11", "S12", "S13", "S15", "S16", "S18", "S19", "S19b", "S20", "V15", "O11",
    "H07",
];

/// Rows that we answer with more than FreeSWITCH does (docs/compatibility.md), and what: a cause that is known at once,
/// arrays within arrays, a function in the place of its name, an explicit nil.
const OURS: &[(&str, &str)] = &[
    ("H01", r#"{"returns": [false, "CS_HANGUP", "USER_BUSY", null]}"#),
    ("J01", r#"{"returns": [1, 1, "x", {"type": "table"}, null, true]}"#),
    ("K18", r#"{"returns": []}"#),
    ("B06", r#"{"returns": [true]}"#),
];

/// How a script comes to run.
struct Start {
    /// Before the script.
    actions: Vec<(String, String)>,
    /// The action that runs it; `ID.lua` is the script.
    run: (&'static str, String),
    /// Before the row's own code.
    prelude: &'static str,
    /// What the phone dials once it is answered, and when.
    digits: Option<(String, Duration)>,
    /// When the phone hangs up.
    hangs_up: Option<Duration>,
}

/// The beginning that a row's situation asks for; none: it needs one of its own.
fn start(id: &str, situation: &str) -> Option<Start> {
    let mut start =
        Start { actions: Vec::new(), run: ("lua", format!("{id}.lua")), prelude: "", digits: None, hangs_up: None };
    let mut act = |application: &str, data: &str| start.actions.push((application.to_owned(), data.to_owned()));
    let ms = Duration::from_millis;
    match situation {
        "any"
        | "inbound call, not answered"
        | "destination 1000"
        | "script chunk varargs"
        | "2 rows"
        | "rows ('x',1),('y',NULL)"
        | "connected"
        | "continue_on_fail unset, b-leg answers USER_BUSY"
        | "b-leg answers, then hangs up USER_BUSY" => {}
        // A file, not a stream of silence.
        "answered call; DTMF 1 after 1 s; 5 s file" => {
            act("answer", "");
            start.prelude = "session:setVariable('sound_prefix', require('lfs').currentdir())";
            start.digits = Some(("1".to_owned(), ms(1000)));
        }
        "answered call"
        | "answered call, no DTMF"
        | "no TTS parameters set"
        | "answered call, continue_on_fail and failure_causes unset" => act("answer", ""),
        "call already hung up inside the script" | "call already hung up inside the script, destination 1000" => {
            act("answer", "");
            start.prelude = "session:hangup()";
        }
        "far end hangs up" | "far end hangs up after 1.5 s" => {
            act("answer", "");
            start.hangs_up = Some(ms(1500));
        }
        "uuid_break after 1 s" => {
            act("answer", "");
            act("set", "scheduled=${sched_api(+1 none uuid_break ${uuid})}");
        }
        "script started without arguments" => "a.lua".clone_into(&mut start.run.1),
        "`lua a.lua \"dq dq\"`" => start.run.1 = format!("{id}.lua \"dq dq\""),
        "inline code started with `~`" => start.run.1 = format!("~dofile('{id}.inline')"),
        "`luarun x.lua`" | "no session (lua API / luarun)" | "no session (lua API / luarun); far leg answers" => {
            start.run = ("set", format!("started=${{luarun({id}.lua)}}"));
        }
        "same with session_in_hangup_hook=true" => {
            act("set", "session_in_hangup_hook=true");
            act("set", &format!("api_hangup_hook=lua {id}.lua"));
            start.run = ("hangup", "CALL_REJECTED".to_owned());
        }
        _ => {
            let rest = situation.strip_prefix("answered call; ")?;
            act("answer", "");
            let rest = rest.strip_prefix("no input callback; ").unwrap_or(rest);
            let (digits, when) = rest.strip_prefix("DTMF ")?.split_once(' ').unwrap_or(("1", "during playback"));
            match (digits, when) {
                ("during", _) => start.digits = Some(("1".to_owned(), ms(500))),
                (digits, when) if when.ends_with("queued") => {
                    act("set", &format!("queued=${{uuid_recv_dtmf(${{uuid}} {digits})}}"));
                }
                (digits, when) if when.contains("first second") || when == "during playback" => {
                    start.digits = Some((digits.to_owned(), ms(400)));
                }
                (digits, _) => start.digits = Some((digits.to_owned(), ms(1000))),
            }
        }
    }
    Some(start)
}

/// The row's code, which leaves its results in the file `ID.json`.
fn script(id: &str, prelude: &str, lua: &str) -> String {
    format!(
        "{prelude}
local function text(value)
  local kind = type(value)
  if kind == 'string' then
    return '\"' .. value:gsub('[%c\"\\\\]', function(c) return string.format('\\\\u%04x', c:byte()) end) .. '\"'
  end
  if kind == 'nil' then return 'null' end
  return (kind == 'number' or kind == 'boolean') and tostring(value) or '{{\"type\":\"' .. kind .. '\"}}'
end
local began = tonumber(freeswitch.API():getTime())
local got = table.pack(pcall(function(...) {lua}
end))
local took = tonumber(freeswitch.API():getTime()) - began
local file = io.open('{id}.part', 'w')
file:write('{{\"ok\":', text(got[1]), ',\"took\":', took, ',\"up\":', text(session and session:ready()), ',\"values\":[')
for at = 2, got.n do file:write(at > 2 and ',' or '', text(got[at])) end
file:write(']}}')
file:close()
os.rename('{id}.part', '{id}.json')
"
    )
}

fn rows() -> Vec<Value> {
    let lines = include_str!("../cases/lua.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("a row")).collect()
}

/// What is wrong with a row's results.
fn faults(expect: &Value, got: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (key, wanted) in expect.as_object().expect("an object") {
        let right = match key.as_str() {
            "returns" => got["ok"] == true && same(&got["values"], wanted),
            "error_contains" => {
                let error = got.pointer("/values/0").and_then(Value::as_str).unwrap_or_default();
                got["ok"] == false && error.contains(wanted.as_str().unwrap_or_default())
            }
            "elapsed_ms_min" => got["took"].as_f64() >= wanted.as_f64(),
            "elapsed_ms_max" => got["took"].as_f64() <= wanted.as_f64(),
            "call_up" => &got["up"] == wanted,
            // Looked at by the caller.
            "hangup_cause" | "log" => true,
            other => panic!("nobody looks at {other}"),
        };
        if !right {
            faults.push(format!("{key}: wanted {wanted}, got {got}"));
        }
    }
    faults
}

/// A WAV file of silence: 8 kHz, 16 bits, one channel.
fn five_seconds() -> Vec<u8> {
    let data = vec![0; 5 * 16_000];
    let mut wav = b"RIFF".to_vec();
    wav.extend_from_slice(&(data.len() as u32 + 36).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
    wav.extend_from_slice(&(data.len() as u32).to_le_bytes());
    wav.extend(data);
    wav
}

fn same(got: &Value, wanted: &Value) -> bool {
    match (got, wanted) {
        (Value::Array(got), Value::Array(wanted)) => {
            got.len() == wanted.len() && got.iter().zip(wanted).all(|(got, wanted)| same(got, wanted))
        }
        (Value::Number(got), Value::Number(wanted)) => got.as_f64() == wanted.as_f64(),
        _ => got == wanted,
    }
}

/// A row that runs here.
struct Case {
    id: String,
    start: Start,
    expect: Value,
}

/// Calls a row's script and tells what is wrong with its results.
async fn run(switch: &Switch, Case { id, start, expect }: &Case) -> Vec<String> {
    let path = switch.folder().join(format!("{id}.json"));
    let _ = std::fs::remove_file(&path);
    let report = switch
        .call("1000", |plan| {
            plan.from.clone_from(id);
            if let Some((digits, after)) = &start.digits {
                plan.digits.clone_from(digits);
                plan.digits_after = *after;
            }
            plan.hang_up_after = start.hangs_up.or(plan.hang_up_after);
        })
        .await;
    assert_ne!(report.status, Some(404), "{id} is routed");
    if tokio::time::timeout(PATIENCE, until("the script ends", || path.is_file())).await.is_err() {
        return vec![format!("{id}: no end; the caller got {:?}", report.statuses())];
    }
    let text = std::fs::read_to_string(path).expect("its results");
    let got: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{id}: {error}: {text}"));
    let mut faults = faults(expect, &got);
    for line in expect["log"].as_array().into_iter().flatten() {
        let words = line["contains"].as_str().unwrap_or_default();
        // The log is written by a thread of its own.
        until(&format!("{id} logs {words}"), || switch.log().contains(words)).await;
    }
    if let Some(cause) = expect["hangup_cause"].as_str() {
        let record = switch.record(&report.call_id).await;
        let got = record.get("cause").and_then(Value::as_str).unwrap_or_default();
        if got != cause {
            faults.push(format!("cause: wanted {cause}, got {got}"));
        }
    }
    faults.into_iter().map(|fault| format!("{id}: {fault}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_scripts_in_calls() {
    let mut public = String::from("<context name=\"public\">\n");
    let mut scripts = Vec::new();
    let mut cases = Vec::new();
    let mut others = Vec::new();
    for row in rows() {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let id = text("id");
        let known = ["returns", "error_contains", "elapsed_ms_min", "elapsed_ms_max", "call_up", "log", "hangup_cause"];
        let readable = row["expect"].as_object().is_some_and(|expect| expect.keys().all(|key| known.contains(&&**key)));
        let Some(start) = start(&id, &text("situation")).filter(|_| readable) else {
            others.push(id);
            continue;
        };
        let prelude = format!("{} {}", start.prelude, text("prelude"));
        let name = if start.run.1 == "a.lua" { "a.lua".to_owned() } else { format!("{id}.lua") };
        scripts.push((format!("scripts/{name}"), script(&id, &prelude, &text("lua"))));
        scripts.push((format!("{id}.inline"), script(&id, &prelude, &text("lua"))));
        let _ =
            writeln!(public, "<extension name=\"{id}\"><condition field=\"caller_id_number\" expression=\"^{id}$\">");
        let run = (start.run.0.to_owned(), start.run.1.clone());
        let actions = start.actions.iter().chain([&run]);
        for (application, data) in actions {
            let data = data.replace('"', "&quot;");
            let _ = writeln!(public, "<action application=\"{application}\" data=\"{data}\"/>");
        }
        public.push_str("</condition></extension>\n");
        let mut expect = row["expect"].clone();
        if let Some((_, ours)) = OURS.iter().find(|(row, _)| *row == id) {
            expect = serde_json::from_str(ours).expect("our answer");
        }
        cases.push(Case { id, start, expect });
    }
    public.push_str("</context>\n");
    assert_eq!(others, ELSEWHERE, "rows without a test");
    let legs = "<context name=\"default\">
        <extension name=\"far\"><condition field=\"destination_number\" expression=\"^far$\">
          <action application=\"answer\"/><action application=\"sleep\" data=\"20000\"/></condition></extension>
        <extension name=\"busy\"><condition field=\"destination_number\" expression=\"^busy$\">
          <action application=\"hangup\" data=\"USER_BUSY\"/></condition></extension>
        <extension name=\"late\"><condition field=\"destination_number\" expression=\"^ok_then_486$\">
          <action application=\"answer\"/><action application=\"sleep\" data=\"300\"/>
          <action application=\"hangup\" data=\"USER_BUSY\"/></condition></extension></context>";
    let mut files = vec![("dialplan/public.xml", &*public), ("dialplan/default.xml", legs)];
    files.extend(scripts.iter().map(|(name, text)| (&**name, &**text)));
    let switch = std::sync::Arc::new(Switch::start(&files));
    std::fs::write(switch.folder().join("prompt_5s.wav"), five_seconds()).expect("a prompt");
    let mut again = Vec::new();
    let mut running = JoinSet::new();
    let count = cases.len();
    for case in cases {
        if running.len() >= TOGETHER {
            again.extend(running.join_next().await.expect("one runs").expect("no panic"));
        }
        let switch = std::sync::Arc::clone(&switch);
        running.spawn(async move { if run(&switch, &case).await.is_empty() { None } else { Some(case) } });
    }
    while let Some(done) = running.join_next().await {
        again.extend(done.expect("no panic"));
    }
    // Some rows measure time, and a busy machine is late: what failed runs once more, alone.
    let mut faulty = Vec::new();
    for case in again {
        faulty.extend(run(&switch, &case).await);
    }
    assert!(faulty.is_empty(), "{} of {count}:\n{}", faulty.len(), faulty.join("\n") + "\n" + &switch.log());
    assert!(count > 100, "{count} rows ran");
}
