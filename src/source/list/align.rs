//! Where a list goes on at a new connection, and what Redis has lost of it meanwhile.

use super::ListSource;
use super::history::{History, history, taken};
use super::segments::HIGHEST;
use crate::model::{ListPosition, Position};
use crate::source::{Cover, SourceError};
use crate::store::Store;

/// The highest segment that is believed to be one where Redis does not know: far below the highest
/// that can be, so that there are numbers left.
const HIGHEST_UNKNOWN: u64 = HIGHEST / 2;

impl ListSource {
    /// Claims the list, compares what Redis holds with the store's position, meters what is
    /// missing, and goes on after it.
    pub(super) async fn align(
        &mut self,
        store: &Store,
        cover: &mut Cover,
    ) -> Result<(), SourceError> {
        self.holdings.queue().begin_claim();
        // Before the segments are looked at: from here on nobody else makes one.
        let connection = self.link.open().await?;
        let found = self.owner.claim(&self.names, connection).await?;
        let known = match store.position(&self.key) {
            Some(Position::List(position)) => Some(position),
            _ => None,
        };
        if let Some(ListPosition { segment, .. }) = known.filter(|at| at.segment > HIGHEST) {
            let key = self.key.key.clone();
            return Err(SourceError::ImpossibleSegment { key, segment });
        }
        let taken = taken(known);
        self.holdings.are_foreign(&found.foreign);
        let rolled_back = found.segment.is_some_and(|segment| segment < taken);
        self.unmetered += self.holdings.queue().claimed(found.queue, taken, rolled_back);

        // The one that is being read is not among them.
        let next = known.map_or(0, |at| at.segment + u64::from(at.remaining.is_some()));
        let mut any_left = false;
        // What Redis does not count as taken shows only in its keys.
        let forgotten = found.segment.is_none_or(|segment| segment < taken);
        if forgotten || self.holdings.inherited_from(next).is_none() {
            any_left = self.look_for_segments(next, found.segment).await?;
        }
        let inherited = self.holdings.inherited_from(next).unwrap_or_default();
        any_left |= !inherited.is_empty();
        let start = ListPosition { segment: 1, remaining: None };
        let first =
            inherited.first().map_or(start, |first| ListPosition { segment: *first, ..start });
        let mut position = known.unwrap_or(first);
        let lost = self.missing(&mut position, &inherited).await? + self.unmetered;

        let whole = any_left && lost == 0;
        let history = history(&found, taken, self.claimed_before, whole);
        self.claimed_before = true;
        if known != Some(position) || lost > 0 {
            store.reposition(&self.key, |stored| {
                *stored = Some(Position::List(position));
                lost
            });
        }
        self.unmetered = 0;
        if history != History::Same || lost > 0 {
            cover.demand(store);
        }
        history.log(&self.names.queue, &found, taken, lost);
        if history != History::Same {
            let taken = inherited.last().map_or(taken, |last| taken.max(*last));
            self.owner.teach(&self.names, self.link.get()?, taken).await?;
        }
        self.cursor = match position.remaining {
            Some(0) => self.after(position.segment),
            Some(_) => position,
            None => self.after(position.segment.saturating_sub(1)),
        };
        Ok(())
    }

    /// Finds the segments that exist; `taken`: the highest one, where Redis knows. Returns whether
    /// there are any.
    async fn look_for_segments(
        &mut self,
        next: u64,
        taken: Option<u64>,
    ) -> Result<bool, SourceError> {
        let mut existing = self.names.existing(self.link.get()?).await?;
        let highest = taken.unwrap_or(HIGHEST_UNKNOWN).min(HIGHEST);
        self.holdings.are_foreign(existing.segments.range(highest + 1..).map(|(number, _)| number));
        self.holdings.separate(&self.names, &mut existing);
        let any = !existing.segments.is_empty();
        self.holdings.found(existing.segments, next);
        Ok(any)
    }

    /// How many items are gone from the segments that are to be read, since they were looked at
    /// last: nobody writes to one. Of the one that is being read less may be left than is to be
    /// read.
    async fn missing(
        &mut self,
        position: &mut ListPosition,
        inherited: &[u64],
    ) -> Result<u64, SourceError> {
        let lengths = self.names.lengths(self.link.get()?, inherited).await?;
        let lost = self.holdings.looked_again(inherited, &lengths);
        let Some(remaining) = position.remaining.filter(|remaining| *remaining > 0) else {
            return Ok(lost);
        };
        let length = self.names.lengths(self.link.get()?, &[position.segment]).await?;
        let left = length.into_iter().flatten().sum::<u64>().min(remaining);
        position.remaining = Some(left);
        Ok(lost + (remaining - left))
    }
}
