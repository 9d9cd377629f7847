//! `[dead_letters]`: where events that cannot be applied are kept.

use super::settings::Settings;
use super::value::{Text, Whole};

#[derive(Clone, Debug)]
pub struct DeadLettersConfig {
    pub stream: String,
    pub max_length: u64,
    /// Of the stream.
    pub max_bytes: u64,
}

/// A letter of the largest entry fits.
const LEAST_BYTES: u64 = 2 << 20;
const DEFAULT_BYTES: u64 = 64 << 20;

impl DeadLettersConfig {
    pub(super) fn take(settings: &mut Settings) -> Self {
        Self {
            stream: settings.take(
                "DeadLetters.Stream",
                Text,
                "prom-stream-gateway:dead-letters".into(),
            ),
            max_length: settings.take("DeadLetters.MaxLength", Whole(1..=u64::MAX), 10_000),
            max_bytes: settings.take(
                "DeadLetters.MaxBytes",
                Whole(LEAST_BYTES..=u64::MAX),
                DEFAULT_BYTES,
            ),
        }
    }
}
