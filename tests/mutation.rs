//! Mutations of real configurations, on the stable toolchain: whatever a file holds, the loader, the dialplan's compiler
//! and the expander end, within bounds and without panic. The seed is fixed, the time is bounded; `fuzz/` holds the same
//! targets for a longer run.
#![allow(clippy::indexing_slicing, reason = "places are drawn within bounds")]
#![allow(clippy::disallowed_methods, reason = "the time is bounded by the real clock")]

use std::borrow::Cow;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use switch::engine::dialplan::{AppCatalog, AppFacts, Dialplan};
use switch::engine::xml::{NoFiles, load};
use switch::words::expand::{Api, Lookup, expand, split};
use switch::words::model::Variables;
use switch::words::text::render;

/// Time of each test; the first rounds run in any case.
const TIME: Duration = Duration::from_secs(1);

/// Rounds that run in any case.
const ROUNDS: usize = 200;

/// Mutated files are no longer than this.
const LONGEST: usize = 64 << 10;

/// Documents to begin with.
const DOCUMENTS: &[&[u8]] = &[
    include_bytes!("fixtures/vanilla/dialplan/default.xml"),
    include_bytes!("fixtures/vanilla/dialplan/features.xml"),
    include_bytes!("fixtures/vanilla/vars.xml"),
    include_bytes!("../dialplan/public.xml"),
];

/// Texts to begin with.
const TEXTS: &[&[u8]] = &[
    b"a${b}c${d:1:2}${e[3]}$$${f}",
    b"${cond(${x} == ${y} ? ${expr(1+2)} : no)}",
    b"\\${x}\\\\${y}\\'\\s${strftime %H}",
    b"%[a=1,b='2,3']data ${a} ^^;x=1;y=2",
];

/// What is put in somewhere.
const PIECES: &[&[u8]] = &[
    b"<",
    b">",
    b"</",
    b"/>",
    b"\"",
    b"'",
    b"&",
    b"&#0;",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?",
    b"<include>",
    b"$${",
    b"${",
    b"}",
    b"(",
    b")",
    b"[",
    b"]",
    b"\\",
    b"^^",
    b"%[",
    b"ARRAY::",
    b"|:",
    b"\0",
    b"\xff",
    b"\xfe\xff",
    b"\r",
    b"\n",
    b"<X-PRE-PROCESS cmd=\"set\" data=\"x=$${x}$${x}\"/>\n",
    b"<!--#set ",
    b"<condition>",
    b"</condition>",
    b"regex=\"xor\"",
    b"break=\"never\"",
    b"expression=\"((((\"",
    b"{1,65535}",
    b"(?<=",
    b"\\Q",
    b"999999999999999999",
];

fn mutate(from: &[u8], random: &mut SmallRng) -> Vec<u8> {
    let mut bytes = from.to_vec();
    for _ in 0..random.random_range(1..8) {
        let at = random.random_range(0..=bytes.len());
        let end = (at + random.random_range(0..40)).min(bytes.len());
        let piece = PIECES[random.random_range(0..PIECES.len())];
        match random.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..end, piece.iter().copied())),
            3 => drop(bytes.splice(at..at, piece.repeat(random.random_range(1..200)))),
            4 => {
                let copy = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, copy));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

/// Runs one target on mutations of what it begins with, and of what came of them.
fn run(seeds: &[&[u8]], target: impl Fn(&[u8])) {
    let mut random = SmallRng::seed_from_u64(5060);
    let started = Instant::now();
    let mut pool: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_vec()).collect();
    let mut rounds = 0;
    while rounds < ROUNDS || started.elapsed() < TIME {
        let from = random.random_range(0..pool.len());
        let bytes = mutate(&pool[from], &mut random);
        target(&bytes);
        rounds += 1;
        if pool.len() < 64 {
            pool.push(bytes);
        }
    }
    assert!(rounds >= ROUNDS);
}

struct AllApplications;

impl AppCatalog for AllApplications {
    fn application(&self, _name: &str) -> Option<AppFacts> {
        Some(AppFacts { name: "set", inline: true })
    }
}

/// Variables whose values hold references to one another.
struct Names;

impl Lookup for Names {
    fn variable(&self, name: &str, _index: Option<usize>) -> Option<Cow<'_, str>> {
        Some(if name.len().is_multiple_of(2) { "${y}${z}".into() } else { "value".into() })
    }

    fn api(&mut self, _name: &str, args: &str) -> Api {
        Api::Value(args.to_owned())
    }
}

#[test]
fn the_loader_and_the_compiler_take_anything() {
    run(DOCUMENTS, |bytes| {
        let loaded = load("fuzz.xml", bytes, Variables::new(), &NoFiles);
        assert!(loaded.root.is_some() || loaded.has_errors(), "refused without an error");
        render(&loaded.sources, &loaded.diagnostics);
        if let Some(root) = &loaded.root {
            Dialplan::compile(root, &AllApplications);
        }
    });
}

#[test]
fn the_expander_takes_anything() {
    run(TEXTS, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let _ = expand(&text, &mut Names);
        split(&text, ',', 100);
    });
}
