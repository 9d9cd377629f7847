//! Bodies of metrics in the formats that Prometheus knows.
//!
//! The text format and OpenMetrics are read by one `reader` (its `cursor` walks the body, `names`
//! knows which family a sample belongs to), protobuf by `protobuf`. Both hand what they read to a
//! `builder`, which sorts samples into families; `composite` puts the lines of a histogram or a
//! summary together and checks that they agree. A problem is remembered with the byte it was found
//! at; only when there is one are lines and columns counted.
//!
//! This is a hot path: the body is copied once, into the text that all names and values share, and
//! nothing is allocated for a sample.

mod builder;
mod composite;
mod cursor;
mod exemplar;
mod label_sets;
mod names;
mod number;
mod problem;
pub mod protobuf;
mod reader;

#[cfg(test)]
mod tests;

use super::push::BodyFormat;
use crate::model::exposition::Exposition;

use self::problem::Problem;
use self::reader::Syntax;

/// Half of what spans can address: what is unescaped is appended to the body's own text.
const MAX_BODY_BYTES: usize = u32::MAX as usize / 2;

/// Every sample takes some hundred bytes until it is applied, however short its line: a small
/// compressed body must not fill the memory.
const MAX_SAMPLES: usize = 2_000_000;

/// Why a body is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("line {line}, column {column}: {problem}")]
    Text {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// Names what was found and what was expected.
        problem: String,
    },
    #[error("byte {offset}: {problem}")]
    Protobuf { offset: usize, problem: String },
}

/// What the parsers may accept.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParseOptions {
    /// Quoted names of any characters.
    pub utf8_names: bool,
}

/// Parses a body of any format but events.
pub fn parse(
    body: &[u8],
    format: BodyFormat,
    options: ParseOptions,
) -> Result<Exposition, ParseError> {
    let parsed = match format {
        _ if body.len() > MAX_BODY_BYTES => {
            let found = body.len();
            Err(Problem::new(0, format!("{found} bytes; expected at most {MAX_BODY_BYTES}")))
        }
        BodyFormat::Text | BodyFormat::OpenMetrics if lines(body) > MAX_SAMPLES => {
            let found = lines(body);
            Err(Problem::new(0, format!("{found} lines; expected at most {MAX_SAMPLES}")))
        }
        BodyFormat::Text => reader::parse(body, Syntax::Prometheus, options),
        BodyFormat::OpenMetrics => reader::parse(body, Syntax::OpenMetrics, options),
        BodyFormat::Protobuf => protobuf::parse(body, options),
        BodyFormat::Events => Err(Problem::new(0, "found events; expected metrics")),
    };
    parsed.map_err(|problem| match format {
        BodyFormat::Protobuf => problem.at_byte(),
        _ => problem.at_line_of(body),
    })
}

fn lines(body: &[u8]) -> usize {
    body.iter().filter(|byte| **byte == b'\n').count()
}
