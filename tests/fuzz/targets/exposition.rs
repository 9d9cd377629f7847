//! Bodies of metrics, in the formats in which they are pushed.
//!
//! Whatever the bytes, a body is refused with a place and a reason, or what it became obeys the
//! rules; and the same body always becomes the same.

use prom_stream_gateway::decode::exposition::{ParseError, ParseOptions, parse};
use prom_stream_gateway::decode::push::BodyFormat;

use super::exposition_rules;

/// What is found in a body is shortened before it is shown.
const LONGEST_ERROR_BYTES: usize = 512;

pub(super) fn text(bytes: &[u8]) {
    check(bytes, BodyFormat::Text);
}

pub(super) fn open_metrics(bytes: &[u8]) {
    check(bytes, BodyFormat::OpenMetrics);
}

pub(super) fn protobuf(bytes: &[u8]) {
    check(bytes, BodyFormat::Protobuf);
}

fn check(bytes: &[u8], format: BodyFormat) {
    let plain = describe(bytes, format, false);
    assert_eq!(plain, describe(bytes, format, false), "another outcome the second time");
    let with_utf8_names = describe(bytes, format, true);
    if plain.is_ok() {
        assert_eq!(plain, with_utf8_names, "taking more names changes those that were taken");
    }
}

fn describe(bytes: &[u8], format: BodyFormat, utf8_names: bool) -> Result<String, ParseError> {
    let parsed = parse(bytes, format, ParseOptions { utf8_names });
    match &parsed {
        Ok(parsed) => exposition_rules::check(parsed, utf8_names),
        Err(error) => error_obeys(error, bytes),
    }
    parsed.map(|parsed| format!("{parsed:?}"))
}

fn error_obeys(error: &ParseError, bytes: &[u8]) {
    let said = error.to_string();
    assert!(said.len() <= LONGEST_ERROR_BYTES, "{} bytes: {said}", said.len());
    assert!(!said.contains(char::is_control), "{said:?}");
    let problem = match error {
        ParseError::Text { line, column, problem } => {
            let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
            assert!((1..=lines.len()).contains(line), "{said}");
            assert!((1..=lines[line - 1].len() + 1).contains(column), "{said}");
            problem
        }
        ParseError::Protobuf { offset, problem } => {
            assert!(*offset <= bytes.len(), "{said}");
            problem
        }
    };
    assert!(problem.contains("found"), "{said}");
}
