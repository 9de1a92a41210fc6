//! The rows of `tests/cases/dialplan.jsonl`, answered by a running FreeSWITCH, as rehearsed calls: the task that runs real
//! calls, without a network.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use switch::program::check::{Subject, load};
use switch::program::rehearsal::{FarEnd, Outcome, Rehearsal, Request};
use switch::program::story::Entry;

/// Rows that are answered differently on purpose: docs/compatibility.md says why.
const OURS: &[&str] = &["cap-truncate", "cap-brace-bad", "rx-any-escape"];

fn text<'r>(row: &'r Value, name: &str) -> &'r str {
    row[name].as_str().unwrap_or_default()
}

/// Writes the row's dialplan into a folder.
fn write(folder: &Path, row: &Value) {
    let dialplan = format!(
        "<X-PRE-PROCESS cmd=\"set\" data=\"gvar=global-value\"/>\n<X-PRE-PROCESS cmd=\"set\" data=\"glit=a${{b}}c\"/>\n\
         <context name=\"t\">\n{}\n</context>\n",
        text(row, "xml")
    );
    std::fs::create_dir_all(folder.join("dialplan")).expect("a folder");
    std::fs::write(folder.join("dialplan/a.xml"), dialplan).expect("a file");
}

fn rehearsal(folder: &Path, row: &Value) -> Rehearsal {
    write(folder, row);
    Rehearsal::new(&load(&Subject::below(folder)).expect("a configuration"))
}

/// The call of a row.
fn request(row: &Value) -> Request {
    let at: jiff::Timestamp = row["date"].as_str().unwrap_or("2026-11-25T13:05:09Z").parse().expect("a date");
    let variables = row["vars"].as_object().into_iter().flatten();
    Request {
        destination: text(row, "destination").to_owned(),
        context: "t".to_owned(),
        dialplan: String::new(),
        caller: String::new(),
        caller_name: String::new(),
        variables: variables
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        at: u64::try_from(at.as_microsecond()).expect("after 1970"),
        far_end: FarEnd::Answers,
        exhaustive: false,
    }
}

fn rows() -> Vec<Value> {
    let cases = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/dialplan.jsonl"));
    cases.expect("the cases").lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

/// The cause the call ended with.
fn cause_of(outcome: &Outcome) -> &'static str {
    outcome.story.end.as_ref().expect("an end").cause
}

/// What ran, in order.
fn executed(outcome: &Outcome) -> Value {
    let ran = |entry: &Entry| match entry {
        Entry::Executed(execution) => Some(json!([execution.application, execution.data])),
        _ => None,
    };
    outcome.story.entries.iter().filter_map(ran).collect()
}

#[tokio::test]
async fn the_recorded_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rows, mut wrong) = (rows(), String::new());
    for row in &rows {
        let outcome = rehearsal(folder.path(), row).call(&request(row)).await;
        let found = executed(&outcome);
        let cause = row["cause"].as_str().is_none_or(|cause| cause == cause_of(&outcome));
        let as_recorded = found == row["expect"] && cause;
        if as_recorded == OURS.contains(&text(row, "id")) {
            let (id, expected, recorded) = (text(row, "id"), &row["expect"], &row["cause"]);
            let _ = writeln!(wrong, "{id}: expected {expected} {recorded}, found {found} {}", cause_of(&outcome));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert_eq!(rows.len(), 240);
}

/// A dialplan with these actions for any number.
fn actions(list: &[(&str, &str)]) -> Value {
    let mut xml = String::from("<extension name=\"a\"><condition>");
    for (application, data) in list {
        let data = data.replace('\'', "&apos;");
        let _ = write!(xml, "<action application=\"{application}\" data=\"{data}\"/>");
    }
    json!({"xml": xml + "</condition></extension>", "destination": "1", "vars": {}})
}

/// What ran after the bridge was asked for, with a far end that does this.
async fn after_bridge(list: &[(&str, &str)], far_end: FarEnd) -> (Vec<String>, &'static str) {
    let folder = tempfile::tempdir().expect("a folder");
    let row = actions(list);
    let outcome = rehearsal(folder.path(), &row).call(&Request { far_end, ..request(&row) }).await;
    let ran = executed(&outcome);
    let ran = ran.as_array().expect("a list").iter().map(|pair| format!("{} {}", text_of(&pair[0]), text_of(&pair[1])));
    let after = ran.skip_while(|text| !text.starts_with("bridge ")).skip(1).collect();
    (after, cause_of(&outcome))
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[tokio::test]
async fn called_legs_run_their_hooks() {
    let far = "sofia/internal/1@192.0.2.1";
    let busy = FarEnd::Status(486);
    let table: &[(&str, FarEnd, &[&str], &str)] = &[
        ("{execute_on_answer='set x=1'}", FarEnd::Answers, &["set x=1"], "NORMAL_CLEARING"),
        (
            "{execute_on_answer_1='set x=1',execute_on_answer_2='eval y'}",
            FarEnd::Answers,
            &["set x=1", "eval y"],
            "NORMAL_CLEARING",
        ),
        ("{execute_on_originate='set sip_h_X-A=1'}", busy, &["set sip_h_X-A=1"], "USER_BUSY"),
        ("{execute_on_answer='hangup USER_BUSY'}", FarEnd::Answers, &["hangup USER_BUSY"], "USER_BUSY"),
        ("{execute_on_answer='nosuch x'}", FarEnd::Answers, &[], "DESTINATION_OUT_OF_ORDER"),
        ("{group_confirm_key=exec,group_confirm_file='set ok=1'}", FarEnd::Answers, &["set ok=1"], "NORMAL_CLEARING"),
        (
            "{group_confirm_key=exec,group_confirm_file='hangup CALL_REJECTED'}",
            FarEnd::Answers,
            &["hangup CALL_REJECTED"],
            "CALL_REJECTED",
        ),
    ];
    for (variables, far_end, expected, cause) in table {
        let dial = format!("{variables}{far}");
        let found = after_bridge(&[("bridge", &dial)], *far_end).await;
        let expected: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(found, (expected, *cause), "{dial}");
    }
    let commands: &[(&str, &str)] = &[
        ("set", "api_before_bridge=hash insert/t/before/${destination_number}"),
        ("bridge", "{api_on_answer='hash insert/t/answer/2'}sofia/internal/1@192.0.2.1"),
        ("eval", "${hash(select/t/before)}${hash(select/t/answer)}"),
    ];
    assert_eq!(after_bridge(commands, FarEnd::Answers).await.0, ["eval 12"]);
    let applications: &[(&str, &str)] = &[
        ("set", "bridge_pre_execute_aleg_app=set"),
        ("set", "bridge_pre_execute_aleg_data=a=1"),
        ("set", "bridge_pre_execute_bleg_app=set"),
        ("set", "bridge_pre_execute_bleg_data=b=1"),
        ("bridge", far),
        ("eval", "${a}-${b}"),
    ];
    let (ran, _) = after_bridge(applications, FarEnd::Answers).await;
    assert_eq!(ran, ["set a=1", "set b=1", "eval 1-"], "each on its own leg");
}

/// Numbers from a seed: the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    /// The text, changed in a place or two.
    fn change(&mut self, text: &str) -> String {
        const LETTERS: &[char] = &['0', '1', '2', '3', '4', '5', '9', '*', '#', '+', 'a', '\n'];
        let mut letters: Vec<char> = text.chars().collect();
        for _ in 0..self.roll(4) {
            let at = self.roll(letters.len() + 1);
            let letter = *LETTERS.get(self.roll(LETTERS.len())).expect("within the list");
            if self.roll(3) < 2 && at < letters.len() {
                letters.remove(at);
            }
            if self.roll(3) < 2 {
                letters.insert(at.min(letters.len()), letter);
            }
        }
        letters.into_iter().collect()
    }
}

/// Runs a call with the index and with a visit of every extension.
async fn same_either_way(rehearsal: &Rehearsal, request: &Request) {
    let every = Request { exhaustive: true, ..request.clone() };
    let (indexed, every) = (rehearsal.call(request).await, rehearsal.call(&every).await);
    assert_eq!(executed(&indexed), executed(&every), "{request:?}");
    assert_eq!((cause_of(&indexed), &indexed.told), (cause_of(&every), &every.told), "{request:?}");
}

#[tokio::test]
async fn the_index_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut dice = Dice(1);
    let mut calls = 0;
    for row in rows() {
        let (rehearsal, own) = (rehearsal(folder.path(), &row), request(&row));
        for _ in 0..35 {
            let destination = dice.change(&own.destination);
            same_either_way(&rehearsal, &Request { destination, ..own.clone() }).await;
            calls += 1;
        }
    }
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rehearsal = Rehearsal::new(&load(&Subject::below(shipped)).expect("the shipped example"));
    let mut own = Request { context: "public".to_owned(), ..request(&rows()[0]) };
    for number in ["9196", "9100", "7486", "1000", "8112", "84486", "nosuch"].iter().cycle().take(2000) {
        own.destination = dice.change(number);
        own.far_end =
            *[FarEnd::Answers, FarEnd::Status(486), FarEnd::Status(503)].get(dice.roll(3)).expect("one of three");
        same_either_way(&rehearsal, &own).await;
        calls += 1;
    }
    assert!(calls > 10_000);
}
