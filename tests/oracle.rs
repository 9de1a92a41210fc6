//! The hunt against a naive interpreter: random dialplans, calls and variables, walked once as the specification reads and
//! once by the switch, with its index and without.
//!
//! The interpreter shares nothing with the switch but the pattern engine: it walks its own tree, which is also what the XML
//! is written from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use switch::program::check::{Subject, load};
use switch::program::rehearsal::{FarEnd, Outcome, Rehearsal, Request};
use switch::program::story::Entry;
use switch::words::pattern::Pattern;

/// Contexts that are made, and calls to each.
const CONTEXTS: usize = 700;
const CALLS: usize = 8;

const PATTERNS: &[&str] = &[
    "^1$",
    "^12$",
    "^(1)$",
    "^1(\\d*)$",
    "^(\\+?1)?2$",
    "2",
    "^[12]",
    "^(\\d)(\\d)$",
    "^$",
    "",
    "^(?!1)",
    "^1|2$",
    "^2\\d{1,2}$",
    "^(a)?",
];
const NUMBERS: &[&str] = &["1", "12", "2", "+12", "21", "211", "3", "", "1a", "a"];
const BREAKS: &[&str] = &["", "on-false", "on-true", "always", "never"];

struct Extension {
    continues: bool,
    conditions: Vec<Condition>,
}

struct Condition {
    /// Field and pattern; none holds always.
    test: Option<(&'static str, &'static str)>,
    breaks: &'static str,
    require_nested: bool,
    actions: Vec<Action>,
    anti_actions: Vec<Action>,
    nested: Vec<Condition>,
}

struct Action {
    application: &'static str,
    data: String,
    inline: bool,
}

/// Numbers from a seed: the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        list.get(self.roll(list.len())).copied().expect("within the list")
    }

    fn extension(&mut self) -> Extension {
        let conditions = (0..=self.roll(3)).map(|_| self.condition(0)).collect();
        Extension { continues: self.roll(3) == 0, conditions }
    }

    fn condition(&mut self, depth: usize) -> Condition {
        let field = self.pick(&["destination_number", "destination_number", "caller_id_number", "${v}", "${w}"]);
        let test = (self.roll(8) > 0).then(|| (field, self.pick(PATTERNS)));
        let nested = if depth < 2 && self.roll(4) == 0 { self.roll(2) + 1 } else { 0 };
        Condition {
            test,
            breaks: self.pick(BREAKS),
            require_nested: self.roll(3) > 0,
            actions: self.actions(3),
            anti_actions: self.actions(5),
            nested: (0..nested).map(|_| self.condition(depth + 1)).collect(),
        }
    }

    /// A few actions; none more often, the higher the number.
    fn actions(&mut self, seldom: usize) -> Vec<Action> {
        let count = if self.roll(seldom) == 0 { self.roll(3) } else { usize::from(seldom == 3) };
        let action = |dice: &mut Self| {
            let application = dice.pick(&["set", "set", "eval"]);
            let name = dice.pick(&["v", "w"]);
            let value = dice.pick(&["1", "2", "$1", "x$0", "${v}", "$2-${w}", ""]);
            let data = if application == "set" { format!("{name}={value}") } else { format!("{value};{name}") };
            Action { application, data, inline: dice.roll(3) == 0 }
        };
        (0..count).map(|_| action(self)).collect()
    }
}

// --- as XML ---

fn xml(extensions: &[Extension]) -> String {
    let mut text = String::from("<context name=\"t\">\n");
    for (number, extension) in extensions.iter().enumerate() {
        let _ = writeln!(text, "<extension name=\"e{number}\" continue=\"{}\">", extension.continues);
        extension.conditions.iter().for_each(|condition| write_condition(condition, &mut text));
        text.push_str("</extension>\n");
    }
    text + "</context>\n"
}

fn write_condition(condition: &Condition, text: &mut String) {
    text.push_str("<condition");
    if let Some((field, pattern)) = condition.test {
        let _ = write!(text, " field=\"{field}\" expression=\"{pattern}\"");
    }
    if !condition.breaks.is_empty() {
        let _ = write!(text, " break=\"{}\"", condition.breaks);
    }
    let _ = writeln!(text, " require-nested=\"{}\">", condition.require_nested);
    for (element, actions) in [("action", &condition.actions), ("anti-action", &condition.anti_actions)] {
        for Action { application, data, inline } in actions {
            let inline = if *inline { " inline=\"true\"" } else { "" };
            let _ = writeln!(text, "<{element} application=\"{application}\" data=\"{data}\"{inline}/>");
        }
    }
    condition.nested.iter().for_each(|nested| write_condition(nested, text));
    text.push_str("</condition>\n");
}

// --- as the specification reads ---

/// A call as the naive interpreter knows it.
struct Naive {
    destination: String,
    caller: String,
    variables: BTreeMap<&'static str, String>,
    /// Actions to run when the search is over.
    list: Vec<(&'static str, String)>,
    /// What ran.
    ran: Vec<Value>,
}

impl Naive {
    fn value(&self, field: &str) -> String {
        match field {
            "destination_number" => self.destination.clone(),
            "caller_id_number" => self.caller.clone(),
            other => self.expand(other),
        }
    }

    fn expand(&self, text: &str) -> String {
        let value = |name| self.variables.get(name).map_or("", String::as_str);
        text.replace("${v}", value("v")).replace("${w}", value("w"))
    }

    fn run(&mut self, application: &'static str, data: &str) {
        let data = self.expand(data);
        if application == "set"
            && let Some((name, value)) = data.split_once('=')
        {
            let name = if name == "v" { "v" } else { "w" };
            self.variables.remove(name);
            if !value.is_empty() {
                self.variables.insert(name, value.to_owned());
            }
        }
        self.ran.push(json!([application, data]));
    }

    fn take(&mut self, actions: &[Action], captures: Option<&[String]>) {
        for Action { application, data, inline } in actions {
            let mut data = data.clone();
            if let Some(captures) = captures {
                for number in 0..3 {
                    data = data.replace(&format!("${number}"), captures.get(number).map_or("", String::as_str));
                }
            }
            if *inline {
                self.run(application, &data);
            } else {
                self.list.push((application, data));
            }
        }
    }

    /// Walks a list of conditions; true when what it stands in goes on.
    fn walk(&mut self, conditions: &[Condition]) -> bool {
        let mut proceed = false;
        for condition in conditions {
            let (passed, captures) = match condition.test {
                None => (true, None),
                Some((field, pattern)) => {
                    let value = self.value(field);
                    let groups = Pattern::new(pattern).groups(&value).expect("a good pattern");
                    let texts = groups.as_ref().filter(|_| pattern.contains('(')).map(|groups| {
                        (0..groups.len())
                            .map(|n| groups.text(n, &value).unwrap_or_default().into_owned())
                            .collect::<Vec<_>>()
                    });
                    (groups.is_some(), texts)
                }
            };
            proceed = passed;
            if passed {
                self.take(&condition.actions, captures.as_deref());
            } else {
                self.take(&condition.anti_actions, None);
                proceed |= !condition.anti_actions.is_empty();
            }
            let leaves = match condition.breaks {
                "on-true" => passed,
                "always" => true,
                "never" => false,
                _ => !passed,
            };
            if leaves {
                break;
            }
            if proceed && !condition.nested.is_empty() {
                proceed = self.walk(&condition.nested) || !condition.require_nested;
                if !proceed && condition.breaks != "never" {
                    break;
                }
            }
        }
        proceed
    }

    fn call(mut self, extensions: &[Extension]) -> Vec<Value> {
        for extension in extensions {
            if self.walk(&extension.conditions) && !extension.continues {
                break;
            }
        }
        for (application, data) in std::mem::take(&mut self.list) {
            self.run(application, &data);
        }
        self.ran
    }
}

fn executed(outcome: &Outcome) -> Vec<Value> {
    let ran = |entry: &Entry| match entry {
        Entry::Executed(execution) => Some(json!([execution.application, execution.data])),
        _ => None,
    };
    outcome.story.entries.iter().filter_map(ran).collect()
}

#[tokio::test]
async fn the_hunt_is_what_the_specification_says() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("dialplan")).expect("a folder");
    let mut dice = Dice(7);
    let mut ran = 0;
    for _ in 0..CONTEXTS {
        let extensions: Vec<Extension> = (0..=dice.roll(6)).map(|_| dice.extension()).collect();
        let text = xml(&extensions);
        std::fs::write(folder.path().join("dialplan/a.xml"), &text).expect("a file");
        let rehearsal = Rehearsal::new(&load(&Subject::below(folder.path())).expect("a configuration"));
        for _ in 0..CALLS {
            let (destination, caller) = (dice.pick(NUMBERS).to_owned(), dice.pick(&["1", "2", "12"]).to_owned());
            let mut variables = BTreeMap::new();
            for name in ["v", "w"] {
                let value = dice.pick(NUMBERS);
                if !value.is_empty() {
                    variables.insert(name, value.to_owned());
                }
            }
            let mut request = Request {
                destination: destination.clone(),
                context: "t".to_owned(),
                dialplan: String::new(),
                caller: caller.clone(),
                caller_name: String::new(),
                variables: variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
                at: 0,
                far_end: FarEnd::Answers,
                exhaustive: false,
            };
            let naive = Naive { destination, caller, variables, list: Vec::new(), ran: Vec::new() };
            let expected = naive.call(&extensions);
            for exhaustive in [false, true] {
                request.exhaustive = exhaustive;
                let found = executed(&rehearsal.call(&request).await);
                assert_eq!(found, expected, "{request:?}\n{text}");
            }
            ran += expected.len();
        }
    }
    assert!(ran > CONTEXTS * CALLS, "the calls do something: {ran}");
}
