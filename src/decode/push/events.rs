//! Pushed JSON events: the same as those of lists and streams, but all of them or none.

use std::fmt::Write;

use super::super::{DecodeOptions, Decoder, MAX_GROWTH};
use crate::model::push::{IdempotencyKey, Operation};
use crate::model::{Batch, PushRefusal, Reason};

/// How many bad events a refusal tells of.
const TOLD: usize = 3;

/// Decodes one event, an array of them, or one on each line. The batch has no entries: what was
/// sent is kept elsewhere, and no event of it becomes a dead letter.
pub(super) fn read(body: &[u8], options: &DecodeOptions) -> Result<Operation, PushRefusal> {
    if body.len() > u32::MAX as usize / MAX_GROWTH {
        let detail = format!(
            "{} bytes of events; expected at most {}",
            body.len(),
            u32::MAX as usize / MAX_GROWTH
        );
        return Err(PushRefusal { reason: Reason::TooLarge, detail });
    }
    let mut decoder = Decoder::new(options, 0);
    decoder.payload(body);
    match decoder.batch.bad.first().map(|bad| bad.reason) {
        None => Ok(Operation::Events(Box::new(decoder.batch))),
        Some(reason) => Err(PushRefusal { reason, detail: tell(&decoder.batch) }),
    }
}

/// The key that the events bring themselves.
pub(super) fn key(operation: &mut Operation) -> Option<IdempotencyKey> {
    match operation {
        Operation::Events(batch) => batch.once.pop().map(|once| once.key),
        _ => None,
    }
}

/// Names the first bad events by their numbers, from 1.
fn tell(batch: &Batch) -> String {
    if let [whole] = batch.bad.as_slice()
        && whole.raw.is_empty()
    {
        return whole.detail.clone();
    }
    let (bad, all) = (batch.bad.len(), batch.bad.len() + batch.events.len());
    let mut detail = format!("{bad} of {all} events refused, so none is applied");
    let mut good_before = 0;
    for (index, bad) in batch.bad.iter().take(TOLD).enumerate() {
        while batch.events.get(good_before).is_some_and(|good| good.raw.start < bad.raw.start) {
            good_before += 1;
        }
        let number = good_before + index + 1;
        let separator = if index == 0 { ": " } else { "; " };
        write!(detail, "{separator}event {number}: {}: {}", bad.reason, bad.detail)
            .expect("writing to a string does not fail");
    }
    if bad > TOLD {
        detail.push_str("; …");
    }
    detail
}
