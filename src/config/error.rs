//! What can be wrong with a configuration.
//!
//! All problems are collected, so that one run shows all of them. Each names the key, where
//! the value came from, the value, and what was expected. A [`Warning`] is for what the
//! gateway can start with: settings of the C# gateway, or of a newer version, that do nothing here.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::connection_string::ConnectionStringError;
use super::origin::Origin;

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("configuration file {}: expected a name that ends in .toml or .json", path.display())]
    Extension { path: PathBuf },
    /// Without the parser's excerpt of the line, which may hold a password.
    #[error("configuration file {}, line {line}: not valid TOML: {reason}", path.display())]
    Toml { path: PathBuf, line: usize, reason: String },
    #[error("configuration file {} is not valid JSON", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("the configuration is not valid:{}", list(.0))]
    Invalid(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

/// One thing to correct.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("{key} = {value} ({origin}): expected {expected}")]
    Value { key: &'static str, value: String, origin: Origin, expected: String },
    #[error("Redis.ConnectionString ({origin}): {source}")]
    ConnectionString { origin: Origin, source: ConnectionStringError },
    #[error("unknown key {key} ({origin}){}", .hint.as_ref().map_or(String::new(), |h| format!(": {h}")))]
    Unknown { key: String, origin: Origin, hint: Option<Hint> },
    #[error("{key} is set twice in one place, by {first} and by {second}")]
    Twice { key: String, first: String, second: String },
    #[error("{text:?} ({origin}): expected Section.Key=value")]
    Assignment { text: String, origin: Origin },
    #[error("{origin}: expected a value in UTF-8")]
    NotUnicode { origin: Origin },
    /// Two settings that do not go together.
    #[error("{0}")]
    Conflict(String),
}

/// What an unknown key was probably meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The key exists in another section.
    OtherSection(&'static str),
    Similar(&'static str),
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSection(key) => write!(f, "{key} is meant"),
            Self::Similar(key) => write!(f, "did you mean {key}?"),
        }
    }
}

/// Something that does nothing, or not what it seems to; the gateway starts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    #[error(
        "{key} ({origin}) is not a setting of this gateway and does nothing{}",
        .hint.as_ref().map_or(String::new(), |h| format!(": {h}"))
    )]
    Unknown { key: String, origin: Origin, hint: Option<Hint> },
    #[error("{origin} = {value:?} does nothing: expected {expected}")]
    Listen { origin: Origin, value: String, expected: &'static str },
    #[error("{key} ({origin}) does nothing: the connection to Redis does not use TLS")]
    WithoutTls { key: &'static str, origin: Origin },
}
