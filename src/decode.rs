//! Bytes to events: every entry of a read becomes valid events or reasoned refusals.
//!
//! An entry is a JSON payload or a stream entry's flat fields (`stream_entry` says which).
//! `payload` finds the members of a payload (one object, an array, lines), `event_visitor` and
//! `flat` gather a member's `fields::Fields` without interpreting
//! them, and `validate` is the one place that does, in a fixed order: type,
//! name, mode, labels, buckets or quantiles, value.
//!
//! This is the hot path. Names, label texts and numbers are written straight
//! into the batch, scratch space is reused from event to event, and an event
//! that is refused is undone by truncating what it wrote.

mod array;
mod dead_letter;
pub mod delivery;
mod event_visitor;
pub mod exposition;
mod fields;
mod flat;
mod labels;
mod literals;
mod name;
mod number;
mod number_list;
pub mod once;
mod payload;
mod plain;
pub mod push;
mod refusal;
mod stream_entry;
mod validate;

#[cfg(test)]
mod tests;

pub use dead_letter::dead_letter_payload;
pub use name::RESERVED_PREFIX;
pub use payload::text_start;
pub use stream_entry::payload;

use std::sync::Arc;

use crate::model::push::IdempotencyKey;
use crate::model::{
    BadEvent, Batch, BatchOnce, BatchPush, Body, Event, Locator, Push, PushRefusal, RawEntry,
    Reason, SeriesHasher, Span, Timestamp,
};

use self::fields::Fields;
use self::labels::LabelScratch;
use self::push::{Method, PushRequest};
use self::refusal::Refusal;
use self::stream_entry::Content;

/// The most an entry may hold.
pub const MAX_ENTRY_BYTES: usize = 1024 * 1024;

/// A stream entry with this field holds a push as it was received over HTTP.
pub const PUSH_FIELD: &[u8] = b"prom_stream_gateway_push";

/// No label grows by more than this when it is rendered: the worst is a float
/// such as `1e15`, written out.
const MAX_GROWTH: usize = 8;

/// How entries are decoded.
#[derive(Clone, Debug)]
pub struct DecodeOptions {
    /// Serve labels sorted by name; otherwise in the order first seen.
    pub sort_labels: bool,
    /// Names of any characters are taken, quoted.
    pub utf8_names: bool,
    pub stream_pushes: StreamPushes,
    pub hasher: SeriesHasher,
}

/// What may be pushed through a stream. Over HTTP it is refused before it is kept; but anybody who
/// may write to the stream can put a push there.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamPushes {
    /// Anything at all.
    pub taken: bool,
    pub wipes: bool,
}

/// Decodes every entry. Never fails: what is wrong with an entry stands in `Batch::bad`.
pub fn decode(entries: Vec<RawEntry>, options: &DecodeOptions) -> Batch {
    let entries = delivered(entries);
    let mut decoder = Decoder::new(options, entries.len());
    for (index, entry) in entries.iter().enumerate() {
        decoder.entry = u32::try_from(index).expect("a read has fewer than 2^32 entries");
        decoder.entry(entry);
    }
    Batch { entries, ..decoder.batch }
}

/// With the entries of deliveries in the place of their records.
fn delivered(entries: Vec<RawEntry>) -> Vec<RawEntry> {
    let is_delivery = |entry: &RawEntry| matches!(&entry.body, Body::JournalRecord(record) if delivery::is_delivery(record));
    if !entries.iter().any(is_delivery) {
        return entries;
    }
    let mut all = Vec::with_capacity(entries.len());
    for entry in entries {
        match (&entry.body, entry.locator) {
            (Body::JournalRecord(record), Locator::Record(number)) if is_delivery(&entry) => {
                match delivery::entries(number, record) {
                    Ok(delivered) => all.extend(delivered),
                    // It is refused as what it is.
                    Err(_) => all.push(entry),
                }
            }
            _ => all.push(entry),
        }
    }
    all
}

fn push_request(record: &[u8]) -> Result<PushRequest, Refusal> {
    PushRequest::from_record(record).map_err(|error| {
        Refusal::new(Reason::InvalidExposition, format!("a push that is none: {error}"))
    })
}

fn interpret(request: &PushRequest, options: &DecodeOptions) -> Result<Arc<Push>, Refusal> {
    push::interpret(request, options)
        .map_err(|PushRefusal { reason, detail }| Refusal::new(reason, detail))
}

/// A batch in the making, and the scratch space its events share.
struct Decoder<'o> {
    options: &'o DecodeOptions,
    batch: Batch,
    /// The index of the entry being decoded.
    entry: u32,
    labels: LabelScratch,
    /// Where a member's labels stand in its JSON.
    label_pairs: Vec<plain::Pair>,
    /// A summary's quantiles, each with its epsilon.
    quantiles: Vec<(f64, f64)>,
}

/// How much a batch held at some moment, to return to it.
#[derive(Clone, Copy)]
struct Mark {
    events: usize,
    bad: usize,
    text: usize,
    numbers: usize,
}

impl<'o> Decoder<'o> {
    fn new(options: &'o DecodeOptions, entries: usize) -> Self {
        let batch = Batch {
            events: Vec::with_capacity(entries),
            text: String::with_capacity(entries * 64),
            ..Batch::default()
        };
        Self {
            options,
            batch,
            entry: 0,
            labels: LabelScratch::default(),
            label_pairs: Vec::new(),
            quantiles: Vec::new(),
        }
    }

    fn entry(&mut self, entry: &RawEntry) {
        if let Body::Once(once) = &entry.body {
            let first = self.batch.events.len();
            self.body(&once.body);
            self.once(first, once.key, Some(once.received_at));
        } else {
            self.body(&entry.body);
        }
    }

    /// The events from `first` on may come again. What stands in an entry that may, may not come
    /// again on its own.
    fn once(&mut self, first: usize, key: IdempotencyKey, received_at: Option<Timestamp>) {
        let entry = self.entry;
        self.batch.once.pop_if(|within| within.entry == entry);
        let narrow = |at| u32::try_from(at).expect("a read has fewer than 2^32 events");
        let events = narrow(first)..narrow(self.batch.events.len());
        self.batch.once.push(BatchOnce { entry, events, key, received_at });
    }

    fn body(&mut self, body: &Body) {
        match stream_entry::content(body) {
            Content::Push(push) => self.push(Arc::clone(push)),
            Content::JournalRecord(record) => self.journal_record(record),
            Content::StreamPush(record) => self.stream_push(record),
            Content::Payload(payload) => {
                if self.check_size(body) {
                    self.payload(payload);
                }
            }
            Content::Flat => {
                if self.check_size(body) {
                    self.flat_fields(stream_entry::fields(body));
                }
            }
        }
    }

    /// Whether there is room for the entry; refuses it if there is not.
    fn check_size(&mut self, body: &Body) -> bool {
        let size = match body {
            Body::Payload(payload) => payload.len(),
            body => stream_entry::fields(body).map(|(name, text)| name.len() + text.len()).sum(),
        };
        let detail = if size > MAX_ENTRY_BYTES {
            format!("an entry of {size} bytes; expected at most {MAX_ENTRY_BYTES} bytes")
        } else if self.batch.text.len() + size * MAX_GROWTH > u32::MAX as usize {
            // Spans are 32 bits wide; only a read of many huge entries comes near.
            format!("an entry of {size} bytes in a read of over 4 GiB of text")
        } else {
            return true;
        };
        self.refuse(Span::default(), Refusal::new(Reason::TooLarge, detail));
        false
    }

    /// It was taken, answered, and perhaps served: it is no matter of today's options.
    fn journal_record(&mut self, record: &[u8]) {
        let options = DecodeOptions { utf8_names: true, ..self.options.clone() };
        let request = push_request(record);
        self.push_or_refuse(request.and_then(|request| interpret(&request, &options)));
    }

    /// Whoever wrote it need not have asked a gateway.
    fn stream_push(&mut self, record: &[u8]) {
        let StreamPushes { taken, wipes } = self.options.stream_pushes;
        let forbidden = |what: &str| Refusal::new(Reason::Forbidden, what);
        let push = push_request(record).and_then(|request| match request.method {
            _ if !taken => Err(forbidden("a push in a stream, and Push.Enabled is false")),
            Method::Wipe if !wipes => {
                Err(forbidden("a wipe in a stream, and Push.EnableAdminApi is false"))
            }
            _ => interpret(&request, self.options),
        });
        self.push_or_refuse(push);
    }

    fn push_or_refuse(&mut self, interpreted: Result<Arc<Push>, Refusal>) {
        match interpreted {
            Ok(push) => self.push(push),
            Err(refusal) => self.refuse(Span::default(), refusal),
        }
    }

    fn push(&mut self, push: Arc<Push>) {
        let after_events = u32::try_from(self.batch.events.len())
            .expect("a read of below 4 GiB of text has fewer than 2^32 events");
        self.batch.pushes.push(BatchPush { entry: self.entry, after_events, push });
    }

    /// Adds a member as an event, or as a bad one.
    fn add(&mut self, raw: Span, fields: &Fields<'_>) {
        let mark = self.mark();
        match self.validate(fields) {
            Ok(event) => {
                let entry = self.entry;
                self.batch.events.push(Event { entry, raw, ..event });
            }
            Err(refusal) => {
                self.rewind(mark);
                self.refuse(raw, refusal);
            }
        }
    }

    fn refuse(&mut self, raw: Span, refusal: Refusal) {
        let Refusal { reason, detail } = refusal;
        self.batch.bad.push(BadEvent { entry: self.entry, raw, reason, detail });
    }

    fn mark(&self) -> Mark {
        Mark {
            events: self.batch.events.len(),
            bad: self.batch.bad.len(),
            text: self.batch.text.len(),
            numbers: self.batch.numbers.len(),
        }
    }

    fn rewind(&mut self, mark: Mark) {
        self.batch.events.truncate(mark.events);
        self.batch.bad.truncate(mark.bad);
        self.batch.text.truncate(mark.text);
        self.batch.numbers.truncate(mark.numbers);
    }
}
