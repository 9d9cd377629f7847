//! Events that their producer may send again: applied when their key comes for the first time.
//!
//! Who sends them does not wait for an answer, so nobody can be told to come again later: where no
//! more keys can be remembered, the oldest is forgotten before its time.

use std::iter::Peekable;
use std::ops::Range;
use std::slice::Iter;

use super::Aggregates;
use crate::model::{Batch, BatchOnce};
use crate::store::Applied;
use crate::store::step::When;

impl Aggregates {
    /// Applies the events of the range, without those that came before. `once` are those of the
    /// batch that are not looked at yet.
    pub(super) fn apply_each_once(
        &mut self,
        batch: &Batch,
        range: Range<usize>,
        once: &mut Peekable<Iter<'_, BatchOnce>>,
        when: When,
        applied: &mut Applied,
    ) {
        let mut done = range.start;
        while let Some(one) = once.next_if(|one| one.events.end as usize <= range.end) {
            let events = one.events.start as usize..one.events.end as usize;
            self.apply_events(batch, done..events.start, when, applied);
            done = events.end;
            // Whoever writes to a stream may say what they like.
            let came = one.received_at.unwrap_or(when.now).min(when.now);
            match self.keys.is_first(one.key, came) {
                true => self.apply_events(batch, events, when, applied),
                false => applied.repeated.push(one.entry),
            }
        }
        self.apply_events(batch, done..range.end, when, applied);
    }
}
