//! The id of a Redis stream entry, `<milliseconds>-<sequence>`.

use std::fmt;
use std::str::FromStr;

/// Ordered as Redis orders entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    pub milliseconds: u64,
    pub sequence: u64,
}

impl StreamId {
    /// `0-0`, which precedes every entry.
    pub const ZERO: Self = Self { milliseconds: 0, sequence: 0 };

    pub const fn new(milliseconds: u64, sequence: u64) -> Self {
        Self { milliseconds, sequence }
    }

    /// The smallest id above this one; `None` at the very last id.
    pub fn next(self) -> Option<Self> {
        match self.sequence.checked_add(1) {
            Some(sequence) => Some(Self { sequence, ..self }),
            None => Some(Self::new(self.milliseconds.checked_add(1)?, 0)),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.milliseconds, self.sequence)
    }
}

/// The text is not `<milliseconds>-<sequence>`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("stream id `{0}` is not of the form <milliseconds>-<sequence>")]
pub struct InvalidStreamId(pub String);

impl FromStr for StreamId {
    type Err = InvalidStreamId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (milliseconds, sequence) = text.split_once('-')?;
            Some(Self::new(milliseconds.parse().ok()?, sequence.parse().ok()?))
        };
        parse().ok_or_else(|| InvalidStreamId(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_prints_and_orders_as_redis_does() {
        let id: StreamId = "1700000000000-12".parse().expect("a valid id");
        assert_eq!(id, StreamId::new(1_700_000_000_000, 12));
        assert_eq!(id.to_string(), "1700000000000-12");
        assert!(id < StreamId::new(1_700_000_000_000, 13));
        assert!(id < StreamId::new(1_700_000_000_001, 0));
        assert_eq!(StreamId::new(5, u64::MAX).next(), Some(StreamId::new(6, 0)));
        assert_eq!("12".parse::<StreamId>(), Err(InvalidStreamId("12".into())));
    }
}
