//! Bodies of metrics in the formats that Prometheus knows.

use super::push::BodyFormat;
use crate::model::exposition::Exposition;

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
    _body: &[u8],
    _format: BodyFormat,
    _options: ParseOptions,
) -> Result<Exposition, ParseError> {
    Err(ParseError::Text { line: 1, column: 1, problem: "not there yet".into() })
}
