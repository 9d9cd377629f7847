//! `[stream]`: the Redis streams that producers add to, and how they are read.

use std::time::Duration;

use super::settings::Settings;
use super::value::{AtLeast, Bool, Names, OneOf, Text, Whole};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamMode {
    Off,
    /// As a consumer of a group, with acknowledgements.
    Group,
    /// Alone, from the checkpoint's position.
    Reader,
}

#[derive(Clone, Debug)]
pub struct StreamConfig {
    pub mode: StreamMode,
    pub keys: Vec<String>,
    pub group: String,
    pub batch_size: usize,
    pub trim: bool,
    pub claim_idle: Duration,
}

/// YAML turns an unquoted `off` into `false` before we see it.
const MODES: OneOf<StreamMode> = OneOf(&[
    (StreamMode::Off, &["off", "false"]),
    (StreamMode::Group, &["group"]),
    (StreamMode::Reader, &["reader"]),
]);

impl StreamConfig {
    pub(super) fn take(settings: &mut Settings) -> Self {
        Self {
            mode: settings.take("Stream.Mode", MODES, StreamMode::Group),
            keys: settings.take(
                "Stream.Keys",
                Names,
                vec!["prom-stream-gateway:metric-stream".into()],
            ),
            group: settings.take("Stream.Group", Text, "prom-stream-gateway".into()),
            batch_size: settings.take("Stream.BatchSize", Whole(1..=100_000), 1000) as usize,
            trim: settings.take("Stream.Trim", Bool, true),
            claim_idle: settings.take(
                "Stream.ClaimIdle",
                AtLeast(Duration::from_secs(1)),
                Duration::from_secs(300),
            ),
        }
    }
}
