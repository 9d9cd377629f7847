//! The whole of loading, from layers to errors. The predecessor's own files are fixtures.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::*;

mod layers;
mod mistakes;
mod predecessor;

type Loaded = Result<(Config, Vec<Warning>), ConfigError>;

fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn set(assignments: &[&str]) -> Vec<Assignment> {
    let assignment = |text: &&str| Assignment { flag: "--set", text: (*text).to_owned() };
    assignments.iter().map(assignment).collect()
}

fn from_environment(variables: &[(&str, &str)]) -> Loaded {
    Config::load(Sources { environment: environment(variables), ..Sources::default() })
}

fn from_flags(assignments: &[&str]) -> Loaded {
    Config::load(Sources { flags: set(assignments), ..Sources::default() })
}

/// Loads a file of that name; its directory is cut from the messages.
fn from_file(name: &str, text: &str) -> Result<(Config, Vec<String>), String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, text).unwrap();
    let prefix = format!("{}/", directory.path().display());
    let loaded = Config::load(Sources { file: Some(path), ..Sources::default() });
    let short = |text: String| text.replace(&prefix, "");
    match loaded {
        Ok((config, warnings)) => {
            Ok((config, warnings.iter().map(|warning| short(warning.to_string())).collect()))
        }
        Err(error) => Err(short(error.to_string())),
    }
}

/// Each problem as one line.
fn problems(loaded: Loaded) -> Vec<String> {
    match loaded {
        Err(ConfigError::Invalid(problems)) => problems.iter().map(Problem::to_string).collect(),
        other => panic!("expected problems, got {other:?}"),
    }
}

/// The resolved value and origin of a key.
fn resolved(config: &Config, key: &str) -> (String, String) {
    let row = config.redacted().into_iter().find(|row| row.0 == key);
    let (_, value, origin) = row.unwrap_or_else(|| panic!("{key} is not resolved"));
    (value, origin)
}
