//! No page is ever unparsable, whatever names, labels and values the producers chose.
//!
//! The state is made up here, more wildly than any producer could; every format
//! of it is read back: text by a strict reader, text and OpenMetrics by the
//! reference parsers, protobuf by a decoder that knows only the schema.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use prom_stream_gateway::commands::load::mix::Random;
use prom_stream_gateway::expose::{Escaping, Format, PageFormat, render};
use prom_stream_gateway::store::Cut;

use crate::harness::{Page, python, seed};

mod generate;
mod hostile;
#[path = "../../src/expose/protobuf/tests/messages.rs"]
mod messages;
mod protobuf;

use generate::NOW;

const STATES: usize = 300;

/// Reads pages, prints how many samples each has, or what is wrong with it.
const REFERENCE: &str = "
import sys
from prometheus_client import parser as text
from prometheus_client.openmetrics import parser as openmetrics
for path in sys.stdin.read().splitlines():
    parser = openmetrics if path.endswith('openmetrics') else text
    with open(path, encoding='utf-8', newline='\\n') as page:
        try:
            print(sum(len(family.samples) for family in parser.text_fd_to_metric_families(page)))
        except Exception as error:
            print(repr(error))
";

#[test]
fn every_page_can_be_read() {
    let seed = seed();
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut written = Vec::new();
    let (mut typed, mut apart) = (0, 0);
    for number in 0..STATES {
        let cut = generate::cut(&mut random);
        for escaping in Escaping::ALL {
            let text = page(&cut, Format::Text, escaping);
            let open_metrics = page(&cut, Format::OpenMetrics, escaping);
            // No value and no help text has any, where Prometheus would take them.
            let no_nul = !text.contains('\0') && !open_metrics.contains('\0');
            assert!(no_nul, "SEED={seed}:\n{text:?}\n{open_metrics:?}");
            if escaping != Escaping::AllowUtf8 {
                let read = Page::parse(&text)
                    .unwrap_or_else(|error| panic!("SEED={seed}: {error}\n{text}"));
                let messages = protobuf::samples(&bytes(&cut, Format::Protobuf, escaping));
                assert_eq!(differences(&read, &messages), None, "SEED={seed}\n{text}");
            }
            let created = open_metrics.matches("_created").count();
            let (samples, open_samples) = (samples(&text), samples(&open_metrics));
            assert!(
                (samples..=samples + created).contains(&open_samples),
                "SEED={seed}: {samples} samples as text, {open_samples} as OpenMetrics:\n\
                 {text}\n{open_metrics}"
            );
            typed += open_metrics.matches(" counter\n").count();
            apart += open_metrics.matches("_bucket unknown\n").count();
            let name = directory.path().join(format!("{number}-{}", escaping.as_str()));
            written.push(write(name.with_extension("text"), &text));
            written.push(write(name.with_extension("openmetrics"), &open_metrics));
        }
    }
    let enough = STATES / 10;
    assert!(typed > enough && apart > enough, "{typed} counters, {apart} histograms apart");
    check(&written, seed);
}

fn write(path: PathBuf, page: &str) -> (PathBuf, usize) {
    std::fs::write(&path, page).expect("the directory can be written to");
    (path, samples(page))
}

/// The first sample that one has and the other has not, or has with another value.
fn differences(page: &Page, messages: &protobuf::Samples) -> Option<String> {
    if page.samples.len() != messages.len() {
        return Some(format!("{} samples, {} in protobuf", page.samples.len(), messages.len()));
    }
    page.samples.iter().find_map(|(key, value)| match messages.get(key) {
        Some(found) if found == value || found.is_nan() && value.is_nan() => None,
        found => Some(format!("{key}: {value}, in protobuf {found:?}")),
    })
}

/// What the reference parsers say of each of these pages.
fn read_by_reference(paths: &[&Path]) -> String {
    let mut lines = String::new();
    for path in paths {
        writeln!(lines, "{}", path.display()).expect("into a string");
    }
    python::run(REFERENCE, &lines)
}

/// Lets the reference parsers read every page.
fn check(expected: &[(PathBuf, usize)], seed: u64) {
    let paths: Vec<&Path> = expected.iter().map(|(path, _)| path.as_path()).collect();
    let output = read_by_reference(&paths);
    assert_eq!(output.lines().count(), expected.len(), "{output}");
    for ((path, samples), found) in expected.iter().zip(output.lines()) {
        let page = || std::fs::read_to_string(path).expect("it was written");
        assert_eq!(found, samples.to_string(), "SEED={seed}: {}\n{}", path.display(), page());
    }
}

fn bytes(cut: &Cut, format: Format, escaping: Escaping) -> Vec<u8> {
    let mut page = Vec::new();
    let form = PageFormat { format, escaping, created_samples: true };
    let rendered = render(cut, &[], NOW, form, |chunk| {
        page.extend(chunk);
        ControlFlow::Continue(())
    });
    assert!(rendered.is_continue());
    page
}

fn page(cut: &Cut, format: Format, escaping: Escaping) -> String {
    String::from_utf8(bytes(cut, format, escaping)).expect("UTF-8")
}

/// How many samples a page has.
fn samples(page: &str) -> usize {
    page.split_terminator('\n').filter(|line| !line.starts_with('#')).count()
}
