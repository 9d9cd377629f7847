//! `[gateway]`: which gateway this is.

use super::settings::Settings;
use super::value::{Raw, Rule};

#[derive(Clone, Debug)]
pub struct GatewayConfig {
    pub identity: String,
}

impl GatewayConfig {
    pub(super) fn take(settings: &mut Settings) -> Self {
        Self { identity: settings.take("Gateway.Identity", Identity, "default".into()) }
    }
}

/// A name that can stand in a Redis key, a path and an object's name as it is.
struct Identity;

impl Rule for Identity {
    type Value = String;

    fn parse(&self, raw: &Raw) -> Option<String> {
        let valid = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name = raw.text()?;
        // A leading dot hides the directory, and "." and ".." are no names but directions.
        let usable = (1..=128).contains(&name.len()) && name.chars().all(valid);
        (usable && !name.starts_with('.')).then(|| name.to_owned())
    }

    fn expected(&self) -> String {
        "1 to 128 of the characters A-Z, a-z, 0-9, '.', '_' and '-', not beginning with '.'".into()
    }

    fn show(&self, value: &String) -> String {
        value.clone()
    }
}
