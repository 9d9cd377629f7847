//! Where a value came from: what a person needs to find it again.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// The gateway's own configuration file: unknown keys in it are mistakes.
    Toml(PathBuf),
    /// The C# gateway's `appsettings.json`, which also holds settings of its framework.
    AppSettings(PathBuf),
    Environment(String),
    Flag(&'static str),
    /// Taken from within another setting.
    Within(&'static str),
}

impl Origin {
    /// Whether a key that we do not know is a mistake here, rather than someone else's business.
    pub(crate) fn is_ours_alone(&self) -> bool {
        matches!(self, Self::Toml(_) | Self::Flag(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Toml(path) | Self::AppSettings(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Within(key) => f.write_str(key),
        }
    }
}
