//! `[logging]`: how much is logged, and in which form.
//!
//! The C# gateway's `Logging.LogLevel.Default` and `Logging.Console.FormatterName` stand in
//! for `Logging.Level` and `Logging.Format`; the rest of .NET's logging settings names .NET's
//! own modules and is passed over.

use tracing_subscriber::EnvFilter;

use super::origin::Origin;
use super::settings::Settings;
use super::value::{OneOf, Raw, Rule};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

#[derive(Clone, Debug)]
pub struct LoggingConfig {
    /// A tracing filter: `info`, or `info,prom_stream_gateway::source=debug`.
    pub level: String,
    pub format: LogFormat,
}

const FORMATS: OneOf<LogFormat> =
    OneOf(&[(LogFormat::Json, &["json"]), (LogFormat::Text, &["text", "simple", "systemd"])]);

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl LoggingConfig {
    pub(super) fn take(settings: &mut Settings) -> Self {
        settings.stand_in("Logging.Level", "Logging.LogLevel.Default");
        settings.stand_in("Logging.Format", "Logging.Console.FormatterName");
        settings.ignore(|key, origin| {
            let dotnet = !matches!(origin, Origin::Toml(_) | Origin::Flag(_));
            dotnet && key.section == "logging" && key.name.contains(':')
        });
        Self {
            level: settings.take("Logging.Level", Level, "info".into()),
            format: settings.take("Logging.Format", FORMATS, LogFormat::Json),
        }
    }
}

struct Level;

impl Rule for Level {
    type Value = String;

    fn parse(&self, raw: &Raw) -> Option<String> {
        let text = raw.text().filter(|text| !text.is_empty())?;
        let lower = text.to_ascii_lowercase();
        let dotnet = match lower.as_str() {
            "information" => Some("info"),
            "warning" => Some("warn"),
            "critical" => Some("error"),
            "none" => Some("off"),
            level => LEVELS.iter().find(|known| **known == level).copied(),
        };
        if let Some(level) = dotnet {
            return Some(level.to_owned());
        }
        // A bare word that is no level would be read as the name of a module, and silence the rest.
        let bare_word = |part: &str| {
            let part = part.trim();
            part.chars().all(|c| c.is_ascii_alphabetic())
                && !LEVELS.contains(&part.to_ascii_lowercase().as_str())
        };
        let usable = !text.split(',').any(bare_word) && EnvFilter::try_new(text).is_ok();
        usable.then(|| text.to_owned())
    }

    fn expected(&self) -> String {
        format!(
            "one of {}, or a filter such as info,prom_stream_gateway::source=debug",
            LEVELS.join(", ")
        )
    }

    fn show(&self, value: &String) -> String {
        value.clone()
    }
}
