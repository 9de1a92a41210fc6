//! `switch diff OLD NEW`: which numbers take another way in another configuration.
//!
//! Exit status: 0 none does; 1 at least one does; 2 a configuration cannot be loaded.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::explain::{moment, moment_or_now};
use crate::program::check::{Loaded, Subject, load};
use crate::program::rehearsal::{FarEnd, Outcome, Rehearsal, Request};
use crate::program::story::Entry;
use crate::words::text::render;

/// Arguments of `switch diff`.
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// Folder of the old configuration
    old: PathBuf,
    /// Folder of the new one
    new: PathBuf,
    /// File with one number per line, or number and context; without it, numbers are made from the patterns of both
    #[arg(long, value_name = "FILE")]
    sample: Option<PathBuf>,
    /// Context of the numbers of the sample that name none
    #[arg(long, value_name = "NAME", default_value = "public")]
    context: String,
    /// Time of the calls, as for explain
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<u64>,
}

/// Lines that are shown of one way.
const MOST_LINES: usize = 24;

/// Runs the command.
pub fn run(args: &DiffArgs) -> ExitCode {
    match compare(args) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "switch diff: {error}");
            ExitCode::from(2)
        }
    }
}

/// A folder with `freeswitch.xml` is a whole configuration; any other holds the usual folders.
fn loaded(folder: &Path) -> Result<Loaded, String> {
    let mut subject = Subject::below(folder);
    if folder.join("freeswitch.xml").is_file() {
        subject.conf = Some(folder.to_owned());
    }
    let loaded = load(&subject)?;
    match loaded.root {
        Some(_) => Ok(loaded),
        None => Err(format!("{} is broken:\n{}", folder.display(), render(&loaded.sources, &loaded.diagnostics))),
    }
}

/// Prints what differs and counts it.
fn compare(args: &DiffArgs) -> Result<usize, String> {
    let (old, new) = (loaded(&args.old)?, loaded(&args.new)?);
    let (calls, untold) = match &args.sample {
        Some(file) => (sample(file, &args.context)?, 0),
        None => numbers(&[&old, &new]),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(|error| error.to_string())?;
    let (old, new) = (Rehearsal::new(&old), Rehearsal::new(&new));
    let mut out = std::io::stdout().lock();
    let (mut changed, at) = (0, moment_or_now(args.at));
    for (context, number) in &calls {
        let request = request(context, number, at);
        let before = route(&runtime.block_on(old.call(&request)));
        let after = route(&runtime.block_on(new.call(&request)));
        if before != after {
            changed += 1;
            let _ = write!(out, "{context} {number}\n{}", difference(&before, &after));
        }
    }
    let _ = writeln!(out, "{} numbers tried, {changed} take another way", calls.len());
    if untold > 0 {
        let _ = writeln!(out, "{untold} patterns are too involved to make numbers from: try yours with --sample");
    }
    Ok(changed)
}

/// Numbers that the patterns of both configurations match, by context.
fn numbers(both: &[&Loaded]) -> (BTreeSet<(String, String)>, usize) {
    let (mut calls, mut untold) = (BTreeSet::new(), 0);
    let contexts: BTreeSet<&str> =
        both.iter().flat_map(|loaded| loaded.dialplan.contexts()).map(|(name, _)| name).collect();
    for context in contexts {
        for loaded in both {
            let (numbers, without) = loaded.dialplan.sample_numbers(context);
            calls.extend(numbers.into_iter().map(|number| (context.to_owned(), number)));
            untold += without;
        }
    }
    (calls, untold)
}

/// The lines of a sample; what follows `#` is a comment.
fn sample(file: &Path, context: &str) -> Result<BTreeSet<(String, String)>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let call = |line: &str| {
        // `#` may be dialled: a comment has a blank behind it.
        let said = line.split("# ").next().unwrap_or_default();
        let mut words = said.split_whitespace();
        let number = words.next()?;
        Some((words.next().unwrap_or(context).to_owned(), number.to_owned()))
    };
    Ok(text.lines().filter_map(call).collect())
}

fn request(context: &str, number: &str, at: u64) -> Request {
    Request {
        destination: number.to_owned(),
        context: context.to_owned(),
        dialplan: String::new(),
        caller: String::new(),
        caller_name: String::new(),
        variables: Vec::new(),
        at,
        far_end: FarEnd::Answers,
        exhaustive: false,
    }
}

/// The way of a call, a line for each thing that happened.
fn route(outcome: &Outcome) -> String {
    let mut text = String::new();
    // Name of the present extension, and where its actions begin.
    let mut extension = (String::new(), 0);
    for entry in &outcome.story.entries {
        let _ = match entry {
            Entry::Extension { name, context, .. } => {
                extension = (format!("extension {name} of {context}\n"), text.len());
                Ok(())
            }
            Entry::Ended { matched: true, .. } => {
                text.insert_str(extension.1, &extension.0);
                Ok(())
            }
            Entry::Executed(execution) => writeln!(text, "  {} {}", execution.application, execution.data),
            Entry::Unknown { application, .. } => writeln!(text, "  {application}: no such application"),
            _ => Ok(()),
        };
    }
    let cause = outcome.story.end.as_ref().map_or("no end", |end| end.cause);
    let _ = match &outcome.told.refused {
        Some((status, phrase)) => writeln!(text, "{cause} ({status} {phrase})"),
        None => writeln!(text, "{cause}"),
    };
    text
}

/// Two ways, what they share at their beginning and end left out.
fn difference(before: &str, after: &str) -> String {
    let (mut before, mut after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = before.iter().zip(&after).take_while(|(before, after)| before == after).count();
    before.drain(..same);
    after.drain(..same);
    while let (Some(one), Some(two)) = (before.last(), after.last())
        && one == two
    {
        before.pop();
        after.pop();
    }
    let mut text = String::new();
    for (mark, lines) in [('-', before), ('+', after)] {
        for line in lines.iter().take(MOST_LINES) {
            let _ = writeln!(text, "  {mark} {line}");
        }
        if lines.len() > MOST_LINES {
            let _ = writeln!(text, "  {mark} … {} lines more", lines.len() - MOST_LINES);
        }
    }
    text
}
