//! Why an event was refused.

use std::fmt;

/// The `reason` label of `prom_stream_gateway_dropped_metrics_total` and the
/// `reason` field of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Reason {
    InvalidJson,
    InvalidType,
    InvalidName,
    InvalidLabel,
    InvalidValue,
    NegativeCounter,
    InvalidBuckets,
    InvalidQuantiles,
    InvalidMode,
    TypeConflict,
    NameConflict,
    ReservedName,
    SeriesLimit,
    TooLarge,
    /// A body of metrics that cannot be parsed.
    InvalidExposition,
    /// A push that contradicts itself or what other groups hold.
    Inconsistent,
    /// An idempotency key that came with another request before.
    KeyReused,
    /// An idempotency key beyond those that can be remembered.
    KeyLimit,
    /// Something that a switch forbids.
    Forbidden,
}

impl Reason {
    /// Every reason, in declaration order.
    pub const ALL: [Self; 19] = [
        Self::InvalidJson,
        Self::InvalidType,
        Self::InvalidName,
        Self::InvalidLabel,
        Self::InvalidValue,
        Self::NegativeCounter,
        Self::InvalidBuckets,
        Self::InvalidQuantiles,
        Self::InvalidMode,
        Self::TypeConflict,
        Self::NameConflict,
        Self::ReservedName,
        Self::SeriesLimit,
        Self::TooLarge,
        Self::InvalidExposition,
        Self::Inconsistent,
        Self::KeyReused,
        Self::KeyLimit,
        Self::Forbidden,
    ];

    /// The reason as it stands in labels, logs and dead letters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::InvalidType => "invalid_type",
            Self::InvalidName => "invalid_name",
            Self::InvalidLabel => "invalid_label",
            Self::InvalidValue => "invalid_value",
            Self::NegativeCounter => "negative_counter",
            Self::InvalidBuckets => "invalid_buckets",
            Self::InvalidQuantiles => "invalid_quantiles",
            Self::InvalidMode => "invalid_mode",
            Self::TypeConflict => "type_conflict",
            Self::NameConflict => "name_conflict",
            Self::ReservedName => "reserved_name",
            Self::SeriesLimit => "series_limit",
            Self::TooLarge => "too_large",
            Self::InvalidExposition => "invalid_exposition",
            Self::Inconsistent => "inconsistent",
            Self::KeyReused => "key_reused",
            Self::KeyLimit => "key_limit",
            Self::Forbidden => "forbidden",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_every_reason_at_its_own_index() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index, "{reason}");
        }
    }
}
