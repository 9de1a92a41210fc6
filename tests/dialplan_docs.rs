//! The examples of `docs/dialplan.md`: each call below an example runs what the page says.

use std::fmt::Write as _;

use switch::program::check::{Subject, load};
use switch::program::rehearsal::{FarEnd, Rehearsal, Request};
use switch::program::story::Entry;

/// The page's examples: the XML and the calls below it.
fn examples() -> Vec<(String, Vec<String>)> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/dialplan.md")).expect("the page");
    let blocks: Vec<&str> = page.split("```").skip(1).step_by(2).collect();
    let block = |kind: &str, text: &str| text.strip_prefix(kind).map(str::to_owned);
    let mut examples = Vec::new();
    for pair in blocks.windows(2) {
        if let [xml, calls] = pair
            && let (Some(xml), Some(calls)) = (block("xml\n", xml), block("calls\n", calls))
        {
            examples.push((xml, calls.lines().map(str::to_owned).collect()));
        }
    }
    let xml = blocks.iter().filter(|text| text.starts_with("xml")).count();
    assert_eq!(examples.len(), xml, "every example has its calls");
    examples
}

/// `NUMBER [from CALLER] [at TIME] [far-end WHAT]`.
fn request(call: &str) -> Request {
    let words: Vec<&str> = call.split_whitespace().collect();
    let after = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied();
    let at = format!("{}:00Z", after("at").unwrap_or("2026-11-27T12:00")).parse::<jiff::Timestamp>().expect("a time");
    Request {
        destination: words.first().copied().unwrap_or_default().to_owned(),
        context: "public".to_owned(),
        dialplan: String::new(),
        caller: after("from").unwrap_or_default().to_owned(),
        caller_name: String::new(),
        // the examples' times are those of the caller
        variables: vec![("timezone".to_owned(), "Etc/UTC".to_owned())],
        at: u64::try_from(at.as_microsecond()).expect("after 1970"),
        far_end: after("far-end").map_or(FarEnd::Answers, |text| FarEnd::parse(text).expect("a far end")),
        exhaustive: false,
    }
}

#[tokio::test]
async fn the_examples_do_what_the_page_says() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("dialplan")).expect("a folder");
    let mut wrong = String::new();
    for (xml, calls) in examples() {
        std::fs::write(folder.path().join("dialplan/a.xml"), &xml).expect("a file");
        let loaded = load(&Subject::below(folder.path())).expect("a configuration");
        assert!(loaded.diagnostics.is_empty(), "{:?}\n{xml}", loaded.diagnostics);
        let rehearsal = Rehearsal::new(&loaded);
        for line in calls {
            let (call, expected) = line.rsplit_once(": ").expect("a call and what it runs");
            let outcome = rehearsal.call(&request(call)).await;
            let ran = outcome.story.entries.iter().filter_map(|entry| match entry {
                Entry::Executed(execution) => Some(format!("{} {}", execution.application, execution.data)),
                _ => None,
            });
            let found = ran.collect::<Vec<_>>().join(" | ");
            if found != expected {
                let _ = writeln!(wrong, "{call}\n  says  {expected}\n  found {found}");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
