//! What one read of the Redis-protocol port brought, as one record of the journal keeps it.
//!
//! A record is one version byte and then MessagePack, as a push's is; the byte tells them apart. Its
//! entries are taken apart here, and nowhere else, whether this process received them or an earlier
//! one did: so a replay gives the same verdicts.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::model::push::IdempotencyKey;
use crate::model::{Body, Locator, OnceBody, RawEntry, StreamId, Timestamp};

/// The version that is written; a push's is 1.
const RECORD_VERSION: u8 = 2;

/// Whom it came to, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Head<'h> {
    received_at_milliseconds: u64,
    /// The keys that may be pushed to; entries name them by their index.
    keys: Cow<'h, [String]>,
}

/// A record in the making: entries that are kept together, or not at all.
#[derive(Debug)]
pub struct DeliveryWriter {
    record: Vec<u8>,
    /// Where the number of entries stands in it.
    count_at: usize,
    /// Of each key, how many entries there are.
    entries: Vec<u32>,
}

/// MessagePack's marks of an array of two, and of one whose length is the next four bytes.
const PAIR: u8 = 0x92;
const ARRAY: u8 = 0xdd;

impl DeliveryWriter {
    pub fn new(received_at: Timestamp, keys: &[String]) -> Self {
        let entries = vec![0; keys.len()];
        let mut record = Vec::with_capacity(512);
        record.extend([RECORD_VERSION, PAIR]);
        let keys = Cow::Borrowed(keys);
        append(&mut record, &Head { received_at_milliseconds: received_at.0, keys });
        record.push(ARRAY);
        let count_at = record.len();
        record.extend([0; 4]);
        Self { record, count_at, entries }
    }

    pub fn add(&mut self, entry: &DeliveredEntry<'_>) {
        self.entries[entry.key()] += 1;
        append(&mut self.record, entry);
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Entries of the key so far.
    pub fn entries_of(&self, key: usize) -> u32 {
        self.entries[key]
    }

    fn count(&self) -> u32 {
        self.entries.iter().sum()
    }

    /// The record, and of each key how many entries it has.
    pub fn finish(mut self) -> (Bytes, Vec<u32>) {
        let count = self.count().to_be_bytes();
        self.record[self.count_at..self.count_at + count.len()].copy_from_slice(&count);
        (self.record.into(), self.entries)
    }
}

fn append(record: &mut Vec<u8>, part: &impl Serialize) {
    rmp_serde::encode::write(record, part)
        .expect("writing to memory does not fail, and everything in it has a form");
}

/// One value of a list, or one entry of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DeliveredEntry<'d> {
    Item(u16, #[serde(borrow)] Blob<'d>),
    Entry(#[serde(borrow)] StreamEntry<'d>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamEntry<'d> {
    pub key: u16,
    pub milliseconds: u64,
    pub sequence: u64,
    /// Under which its producer may send it again.
    pub once: Option<[u8; 16]>,
    #[serde(borrow)]
    pub fields: Vec<(Blob<'d>, Blob<'d>)>,
}

/// Bytes as MessagePack's `bin`, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blob<'d>(pub &'d [u8]);

/// A record that is no delivery.
#[derive(Debug, thiserror::Error)]
#[error("not the MessagePack of a delivery: {0}")]
pub struct NotADelivery(#[from] rmp_serde::decode::Error);

/// Whether the record holds a delivery, and not a push.
pub fn is_delivery(record: &[u8]) -> bool {
    record.first() == Some(&RECORD_VERSION)
}

/// Head and entries of a record.
fn read(record: &[u8]) -> Result<(Head<'_>, Vec<DeliveredEntry<'_>>), NotADelivery> {
    Ok(rmp_serde::from_slice(record.get(1..).unwrap_or_default())?)
}

impl DeliveredEntry<'_> {
    fn key(&self) -> usize {
        match self {
            Self::Item(key, _) => usize::from(*key),
            Self::Entry(entry) => usize::from(entry.key),
        }
    }
}

/// The entries of a record, each with a share of its bytes.
pub fn entries(number: u64, record: &Bytes) -> Result<Vec<RawEntry>, NotADelivery> {
    let (head, delivered) = read(record)?;
    let received_at = Timestamp(head.received_at_milliseconds);
    let share = |blob: Blob<'_>| record.slice_ref(blob.0);
    let entries = delivered.into_iter().enumerate().map(|(entry, delivered)| {
        let locator = Locator::Delivered { record: number, entry: entry as u32 };
        let body = match delivered {
            DeliveredEntry::Item(_, item) => Body::Payload(share(item)),
            DeliveredEntry::Entry(StreamEntry { once, fields, .. }) => {
                let mut fields: Vec<_> =
                    fields.into_iter().map(|(name, value)| (share(name), share(value))).collect();
                let body = match (fields.len(), fields.pop()) {
                    (1, Some((name, value))) => Body::Field { name, value },
                    (_, last) => {
                        fields.extend(last);
                        Body::Fields(fields)
                    }
                };
                match once {
                    Some(key) => Body::Once(Box::new(OnceBody {
                        key: IdempotencyKey { key, fingerprint: 0 },
                        received_at,
                        body,
                    })),
                    None => body,
                }
            }
        };
        RawEntry { locator, body }
    });
    Ok(entries.collect())
}

/// The last id that a record gave out in each of its streams.
pub fn last_ids(record: &[u8]) -> Vec<(String, StreamId)> {
    let Ok((head, entries)) = read(record) else { return Vec::new() };
    let mut last: Vec<Option<StreamId>> = vec![None; head.keys.len()];
    for entry in &entries {
        let DeliveredEntry::Entry(entry) = entry else { continue };
        let id = StreamId::new(entry.milliseconds, entry.sequence);
        if let Some(last) = last.get_mut(usize::from(entry.key)) {
            *last = (*last).max(Some(id));
        }
    }
    let pairs = head.keys.into_owned().into_iter().zip(last);
    pairs.filter_map(|(key, last)| Some((key, last?))).collect()
}

impl Serialize for Blob<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'd, 'd> Deserialize<'de> for Blob<'d> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BlobVisitor).map(Blob)
    }
}

struct BlobVisitor;

impl<'de> Visitor<'de> for BlobVisitor {
    type Value = &'de [u8];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<&'de [u8], E> {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Bytes {
        let once = Some([7; 16]);
        let entry = |sequence, once, fields| {
            DeliveredEntry::Entry(StreamEntry { key: 1, milliseconds: 5, sequence, once, fields })
        };
        let keys = ["queue".into(), "stream".into()];
        let mut writer = DeliveryWriter::new(Timestamp(1_700_000_000_000), &keys);
        assert!(writer.is_empty());
        writer.add(&DeliveredEntry::Item(0, Blob(b"{}")));
        writer.add(&entry(1, None, vec![(Blob(b"e"), Blob(b"\xff\0"))]));
        writer.add(&entry(2, once, vec![(Blob(b"a"), Blob(b"")), (Blob(b"b"), Blob(b"1"))]));
        let (record, entries) = writer.finish();
        assert_eq!(entries, [1, 2]);
        record
    }

    #[test]
    fn a_record_reads_back_and_its_entries_are_what_lists_and_streams_hold() {
        let record = record();
        assert!(is_delivery(&record));
        assert_eq!(last_ids(&record), [("stream".to_owned(), StreamId::new(5, 2))]);
        let entries = entries(3, &record).expect("a delivery");
        let shown: Vec<_> = entries.iter().map(|entry| entry.locator.to_string()).collect();
        assert_eq!(shown, ["3/0", "3/1", "3/2"]);
        let Body::Payload(item) = &entries[0].body else { panic!("{entries:?}") };
        assert_eq!(item, "{}");
        let Body::Field { name, value } = &entries[1].body else { panic!("{entries:?}") };
        assert_eq!((&name[..], &value[..]), (&b"e"[..], &b"\xff\0"[..]));
        let Body::Once(once) = &entries[2].body else { panic!("{entries:?}") };
        assert_eq!((once.key.key, once.received_at), ([7; 16], Timestamp(1_700_000_000_000)));
        let Body::Fields(fields) = &once.body else { panic!("{once:?}") };
        assert_eq!(fields.len(), 2);
    }

    #[test]
    fn a_record_that_is_cut_is_none() {
        let record = record();
        for length in 0..record.len() {
            assert!(read(&record[..length]).is_err(), "{length}");
        }
    }
}
