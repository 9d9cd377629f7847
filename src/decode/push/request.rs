//! A push as it was received, and the record that keeps it.
//!
//! A record is one version byte and then MessagePack. Records are only ever read back by this
//! program or a later one.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// The version that is written.
const RECORD_VERSION: u8 = 1;

/// What a push means: whose gateway's rules it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// gravel-gateway's: gauges replace, all else adds up, `clearmode` decides otherwise.
    Aggregate,
    /// prom-aggregation-gateway's: everything adds up.
    Sum,
    /// Pushgateway's: everything replaces, per group.
    Replace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Post,
    Put,
    Delete,
    /// `PUT /api/v1/admin/wipe`.
    Wipe,
    /// No method of HTTP: what is kept of a push that failed, so that its group remembers it.
    Failed,
}

/// What the body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    /// The text format, version 0.0.4.
    Text,
    /// OpenMetrics 1.0 text.
    OpenMetrics,
    /// Delimited `io.prometheus.client.MetricFamily`.
    Protobuf,
    /// JSON events: one, an array, or one a line.
    Events,
}

/// One push.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushRequest {
    /// Who waits for it; random.
    pub ticket: u64,
    pub received_at_milliseconds: u64,
    pub dialect: Dialect,
    pub method: Method,
    /// The path's pairs, decoded, in their order; none for events.
    pub labels: Vec<(String, String)>,
    pub format: BodyFormat,
    /// The value of the header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Decompressed.
    #[serde(with = "serde_bytes_vec")]
    pub body: Vec<u8>,
}

/// Why bytes are no record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("an empty record")]
    Empty,
    #[error("a record of version {found}, newest known is {RECORD_VERSION}; upgrade the gateway")]
    FutureVersion { found: u8 },
    #[error("not the MessagePack of a push")]
    MessagePack(#[from] rmp_serde::decode::Error),
}

impl PushRequest {
    pub fn received_at(&self) -> Timestamp {
        Timestamp(self.received_at_milliseconds)
    }

    /// What is kept of this push when it is refused, if anything: `replace` has groups that remember.
    pub fn failed(&self) -> Option<Self> {
        let writes = matches!(self.method, Method::Post | Method::Put | Method::Failed);
        (self.dialect == Dialect::Replace && writes && self.format != BodyFormat::Events).then(
            || Self {
                ticket: self.ticket,
                received_at_milliseconds: self.received_at_milliseconds,
                dialect: self.dialect,
                method: Method::Failed,
                labels: self.labels.clone(),
                format: self.format,
                idempotency_key: None,
                body: Vec::new(),
            },
        )
    }

    pub fn to_record(&self) -> Vec<u8> {
        let mut record = Vec::with_capacity(self.body.len() + 128);
        record.push(RECORD_VERSION);
        rmp_serde::encode::write_named(&mut record, self)
            .expect("writing to memory does not fail, and everything in it has a form");
        record
    }

    pub fn from_record(record: &[u8]) -> Result<Self, RecordError> {
        let (version, content) = record.split_first().ok_or(RecordError::Empty)?;
        match *version {
            RECORD_VERSION => Ok(rmp_serde::from_slice(content)?),
            found => Err(RecordError::FutureVersion { found }),
        }
    }
}

/// Bytes as MessagePack's `bin`, not as an array of numbers.
mod serde_bytes_vec {
    use std::fmt;

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(BytesVisitor)
    }

    struct BytesVisitor;

    impl Visitor<'_> for BytesVisitor {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_a_later_version_is_refused() {
        let request = PushRequest {
            ticket: u64::MAX,
            received_at_milliseconds: 1_700_000_000_000,
            dialect: Dialect::Replace,
            method: Method::Put,
            labels: vec![("job".into(), "a/b".into()), ("instance".into(), String::new())],
            format: BodyFormat::Protobuf,
            idempotency_key: Some("k".into()),
            body: vec![0, 255, 10],
        };
        let mut record = request.to_record();
        assert_eq!(PushRequest::from_record(&record).expect("a record"), request);
        record[0] += 1;
        assert!(matches!(
            PushRequest::from_record(&record),
            Err(RecordError::FutureVersion { found: 2 })
        ));
        assert!(matches!(PushRequest::from_record(&[]), Err(RecordError::Empty)));
        assert!(PushRequest::from_record(&[1, 0x81]).is_err());
    }
}
