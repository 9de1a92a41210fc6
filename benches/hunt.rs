//! What a hunt costs, and loading: `cargo bench --bench hunt`.
//!
//! The large contexts hold patterns as carriers write them: an optional country code and a number, a literal, a range.
#![allow(missing_docs, reason = "a bench is no interface")]
#![allow(clippy::indexing_slicing, reason = "places are drawn within bounds")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares of a count"
)]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::ItemsCount;
use switch::engine::dialplan::{AppCatalog, AppFacts, Dialplan, Hunt, HuntFacts, HuntRequest, Outcome, Step};
use switch::engine::xml::{self, NoFiles};
use switch::program::check::{self, Subject};
use switch::words::civil::Zones;
use switch::words::expand::{Api, Lookup};
use switch::words::model::Variables;

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler<mimalloc::MiMalloc> = divan::AllocProfiler::new(mimalloc::MiMalloc);

fn main() {
    divan::main();
    if std::env::args().any(|argument| argument == "--bench") {
        percentiles();
    }
}

/// Hunts that are timed one by one.
const TIMED: usize = 200_000;

/// Times of single hunts: after the first touch, over calls to numbers from anywhere.
fn percentiles() {
    let zones = Arc::new(Zones::default());
    for extensions in [10_000_u32, 100_000] {
        let dialplan = Arc::new(compile(&document(extensions)));
        let destinations = (0..extensions).map(|index| number(index).to_string()).collect();
        timed(&format!("{extensions} extensions"), &dialplan, &zones, "c", destinations);
    }
    let vanilla = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/vanilla");
    let loaded = check::load(&Subject::below(Path::new(vanilla))).expect("the vanilla fixture");
    let destinations = ["1000", "1001", "9196", "*97", "5000", "870", "886", "3000", "2000", "nosuch", "18005551212"];
    let destinations = destinations.map(str::to_owned).to_vec();
    timed("vanilla's size", &loaded.dialplan, &zones, "default", destinations);
}

#[allow(clippy::disallowed_methods, reason = "a bench measures by the real clock")]
#[allow(clippy::print_stdout, reason = "a bench prints")]
fn timed(name: &str, dialplan: &Arc<Dialplan>, zones: &Arc<Zones>, context: &str, destinations: Vec<String>) {
    let mut last = 0_u32;
    let mut times: Vec<Duration> = (0..TIMED)
        .map(|_| {
            last = last.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let destination = destinations[(last >> 8) as usize % destinations.len()].clone();
            let mut caller = Caller { destination, variables: Variables::default() };
            let begun = Instant::now();
            divan::black_box(hunt_in(context, dialplan, zones, &mut caller));
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |share: f64| times[((TIMED - 1) as f64 * share) as usize];
    println!(
        "{name}: {TIMED} hunts, p50 {:?}, p99 {:?}, p99.9 {:?}, slowest {:?}",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

struct Catalog;

impl AppCatalog for Catalog {
    fn application(&self, _name: &str) -> Option<AppFacts> {
        Some(AppFacts { name: "set", inline: true })
    }
}

/// A caller with a destination and variables.
struct Caller {
    destination: String,
    variables: Variables,
}

impl Lookup for Caller {
    fn variable(&self, name: &str, _index: Option<usize>) -> Option<Cow<'_, str>> {
        self.variables.get(name).map(Cow::Borrowed).or_else(|| self.profile_field(name))
    }

    fn api(&mut self, _name: &str, _args: &str) -> Api {
        Api::Unknown
    }
}

impl HuntFacts for Caller {
    fn profile_field(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "destination_number").then(|| self.destination.as_str().into())
    }

    fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.set(name, value);
    }

    fn clear_variables_with_prefix(&mut self, prefix: &str) {
        self.variables.remove_prefix(prefix);
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

const SIZES: &[u32] = &[100, 1_000, 10_000, 100_000];

fn number(index: u32) -> u32 {
    2_000_000 + index * 7
}

/// A document with one context of this many extensions.
fn document(extensions: u32) -> String {
    let mut text = String::from("<document><section name=\"dialplan\"><context name=\"c\">\n");
    for index in 0..extensions {
        let number = number(index);
        let pattern = match index % 3 {
            0 => format!(r"^(\+?1)?{number}$"),
            1 => format!("^{number}$"),
            _ => format!(r"^{number}(\d{{0,4}})$"),
        };
        let _ = writeln!(
            text,
            "<extension name=\"e{index}\"><condition field=\"destination_number\" expression=\"{pattern}\">\
             <action application=\"set\" data=\"route={index}\"/><action application=\"bridge\" \
             data=\"sofia/internal/$1@192.0.2.1\"/></condition></extension>"
        );
    }
    text.push_str("</context></section></document>");
    text
}

fn compile(text: &str) -> Dialplan {
    let loaded = xml::load("bench.xml", text.as_bytes(), Variables::default(), &NoFiles);
    let root = loaded.root.expect("a document");
    Dialplan::compile(&root, &Catalog).0
}

fn hunt(dialplan: &Arc<Dialplan>, zones: &Arc<Zones>, caller: &mut Caller) -> Outcome {
    hunt_in("c", dialplan, zones, caller)
}

fn hunt_in(context: &str, dialplan: &Arc<Dialplan>, zones: &Arc<Zones>, caller: &mut Caller) -> Outcome {
    let request = HuntRequest {
        dialplan: "XML".to_owned(),
        context: context.to_owned(),
        destination: caller.destination.clone(),
        nested: false,
        exhaustive: false,
        zones: zones.clone(),
    };
    let mut hunt = Hunt::new(dialplan.clone(), request);
    loop {
        match hunt.step(caller) {
            Step::Done(outcome) => return outcome,
            Step::Api { .. } => hunt.resume(None),
            Step::Inline(_) | Step::Document { .. } => {}
        }
    }
}

/// A different number each time, from anywhere in the context.
#[divan::bench(args = SIZES)]
fn one_call(bencher: Bencher, extensions: u32) {
    let dialplan = Arc::new(compile(&document(extensions)));
    let zones = Arc::new(Zones::default());
    let mut last = 0u32;
    bencher
        .with_inputs(|| {
            last = last.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let destination = number((last >> 8) % extensions).to_string();
            Caller { destination, variables: Variables::default() }
        })
        .bench_local_values(|mut caller| hunt(&dialplan, &zones, &mut caller));
}

#[divan::bench(args = [10_000, 100_000], sample_count = 5)]
fn load(bencher: Bencher, extensions: u32) {
    let text = document(extensions);
    bencher.counter(ItemsCount::new(extensions)).bench_local(|| compile(&text));
}
