//! The fuzz targets on stable Rust, for some seconds: over the corpus, and over
//! mutations of it that are drawn from a seed.
//!
//! A failure prints the seed, which repeats it, and the input. `make fuzz` searches
//! for as long as one likes, guided by coverage.

mod mutation;
mod targets;

use std::fs;
use std::path::Path;

use prom_stream_gateway::commands::load::mix::Random;

use targets::TARGETS;

/// Mutations of one target: as many as make all of them some seconds long without optimization.
const MUTATIONS: u64 = 3_000;

/// How much of a failing input is printed.
const PRINTED_BYTES: usize = 2_000;

/// Prints what is being tried, should it panic.
struct Trial<'a> {
    target: &'a str,
    seed: u64,
    input: &'a [u8],
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let shown = &self.input[..self.input.len().min(PRINTED_BYTES)];
            eprintln!(
                "SEED={} {}: {} bytes: b\"{}\"",
                self.seed,
                self.target,
                self.input.len(),
                shown.escape_ascii()
            );
        }
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> =
        entries.map(|entry| entry.expect("the corpus can be listed").path()).collect();
    // Or the same seed would mean another mutation elsewhere.
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().map(read).collect()
}

fn seed() -> u64 {
    match std::env::var("SEED") {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("SEED={text:?}: {error}")),
        Err(_) => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.expect("the clock is past 1970").as_micros() as u64
        }
    }
}

fn smoke(target: &str) {
    let corpus = corpus(target);
    assert!(corpus.len() >= 5, "{target}: a corpus of {} files", corpus.len());
    let seed = seed();
    let try_out = |input: &[u8]| {
        let _trial = Trial { target, seed, input };
        targets::run(target, input);
    };
    for input in &corpus {
        try_out(input);
    }
    try_out(b"");
    let mut random = Random::new(seed);
    for _ in 0..MUTATIONS {
        try_out(&mutation::of(&corpus, &mut random));
    }
}

#[test]
fn connection_string() {
    smoke("connection_string");
}

#[test]
fn conversation() {
    smoke("conversation");
}

#[test]
fn envelope() {
    smoke("envelope");
}

#[test]
fn event() {
    smoke("event");
}

#[test]
fn exposition_openmetrics() {
    smoke("exposition_openmetrics");
}

#[test]
fn exposition_protobuf() {
    smoke("exposition_protobuf");
}

#[test]
fn exposition_text() {
    smoke("exposition_text");
}

#[test]
fn head() {
    smoke("head");
}

#[test]
fn snapshot_content() {
    smoke("snapshot_content");
}

#[test]
fn snapshot_file() {
    smoke("snapshot_file");
}

#[test]
fn stream_entry() {
    smoke("stream_entry");
}

#[test]
fn every_target_has_its_binary_and_is_run_here() {
    let this = include_str!("main.rs");
    let manifest = include_str!("../../fuzz/Cargo.toml");
    for (target, _) in TARGETS {
        assert!(this.contains(&format!("smoke(\"{target}\")")), "{target} is not run");
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} has no binary");
    }
}
