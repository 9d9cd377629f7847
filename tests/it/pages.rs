//! No page is ever unparsable, whatever names, labels and values the producers chose.
//!
//! The state is made up here, more wildly than any producer could; every format
//! of it is read back: text by a strict reader, text and OpenMetrics by the
//! reference parsers, protobuf by a decoder that knows only the schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use prom_stream_gateway::expose::{Escaping, Form, Format, render};
use prom_stream_gateway::store::Cut;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::harness::{Page, page, python, seed};

mod generate;
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
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut expected = Vec::new();
    for number in 0..STATES {
        let cut = generate::cut().new_tree(&mut runner).expect("a state").current();
        for escaping in Escaping::ALL {
            let text = page(&cut, Format::Text, escaping);
            let samples = lines(&text);
            if escaping != Escaping::AllowUtf8 {
                let read = Page::parse(&text).unwrap_or_else(|e| panic!("SEED={seed}: {e}\n{text}"));
                assert_eq!(read.samples.len(), samples, "SEED={seed}: a sample twice in\n{text}");
                let messages = protobuf::samples(&bytes_of(&cut, Format::Protobuf, escaping));
                assert_eq!(keys(&messages), keys(&read.samples), "SEED={seed}");
            }
            let open_metrics = page(&cut, Format::OpenMetrics, escaping);
            let created = open_metrics.lines().filter(|line| line.contains("_created")).count();
            let name = format!("{number}.{}", escaping.as_str());
            for (page, kind, samples) in [
                (&text, "text", samples),
                (&open_metrics, "openmetrics", lines(&open_metrics)),
            ] {
                let path = directory.path().join(format!("{name}.{kind}"));
                std::fs::write(&path, page).expect("the directory can be written to");
                expected.push((path, samples));
            }
            assert!(lines(&open_metrics) <= samples + created, "SEED={seed}\n{open_metrics}");
            assert!(lines(&open_metrics) >= samples, "SEED={seed}\n{open_metrics}");
        }
    }
    check(&expected, seed);
}

/// Lets the reference parsers read every page.
fn check(expected: &[(std::path::PathBuf, usize)], seed: u64) {
    let mut paths = String::new();
    for (path, _) in expected {
        writeln!(paths, "{}", path.display()).expect("into a string");
    }
    let output = python::run(REFERENCE, &paths);
    assert_eq!(output.lines().count(), expected.len(), "{output}");
    for ((path, samples), found) in expected.iter().zip(output.lines()) {
        let page = || std::fs::read_to_string(path).expect("it was written");
        let name = path.file_name().map(Path::new).expect("a file").display();
        assert_eq!(found, samples.to_string(), "SEED={seed}: {name}\n{}", page());
    }
}

fn bytes_of(cut: &Cut, format: Format, escaping: Escaping) -> Vec<u8> {
    let mut page = Vec::new();
    let form = Form { format, escaping, created_samples: true };
    let rendered = render(cut, &[], NOW, form, |chunk| {
        page.extend(chunk);
        ControlFlow::Continue(())
    });
    assert!(rendered.is_continue());
    page
}

fn page(cut: &Cut, format: Format, escaping: Escaping) -> String {
    String::from_utf8(bytes_of(cut, format, escaping)).expect("UTF-8")
}

/// How many samples a page has.
fn lines(page: &str) -> usize {
    page.split_terminator('\n').filter(|line| !line.starts_with('#')).count()
}
