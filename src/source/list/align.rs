//! Where a list goes on at a new connection, and what Redis has lost of it meanwhile.

use std::collections::BTreeMap;

use super::ListSource;
use super::history::{History, history, taken};
use crate::model::{ListPosition, Position};
use crate::source::{Cover, SourceError};
use crate::store::Store;

impl ListSource {
    /// Claims the list, compares what Redis holds with the store's position, meters what is
    /// missing, and goes on after it.
    pub(super) async fn align(
        &mut self,
        store: &Store,
        cover: &mut Cover,
    ) -> Result<(), SourceError> {
        self.waiting.begin_claim();
        // Before the segments are looked at: from here on nobody else makes one.
        let connection = self.link.open().await?;
        let found = self.owner.claim(&self.names, connection).await?;
        let known = match store.position(&self.key) {
            Some(Position::List(position)) => Some(position),
            _ => None,
        };
        let taken = taken(known);
        let rolled_back = found.segment.is_some_and(|segment| segment < taken);
        self.unmetered += self.waiting.claimed(found.queue, taken, rolled_back);

        let any_left = self.look_for_inherited(known).await?;
        let first = self.inherited.as_ref().and_then(|all| all.keys().next().copied());
        let mut position =
            known.unwrap_or(ListPosition { segment: first.unwrap_or(1), remaining: None });
        self.unmetered += self.missing_inherited().await?;
        let lost = self.missing_of_current(&mut position).await? + self.unmetered;

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
            self.owner.teach(&self.names, self.link.get()?, taken).await?;
        }
        if position.remaining == Some(0) {
            position = self.after(position.segment);
        }
        self.cursor = position;
        Ok(())
    }

    /// At start, finds the segments that an earlier process left; later, forgets those that are
    /// applied. Returns whether any of ours exist, as far as is known.
    async fn look_for_inherited(
        &mut self,
        known: Option<ListPosition>,
    ) -> Result<bool, SourceError> {
        // The one that is being read is not among them.
        let next = known.map_or(0, |at| at.segment + u64::from(at.remaining.is_some()));
        let mut any_left = false;
        let inherited = match self.inherited.take() {
            Some(inherited) => inherited,
            None => {
                let connection = self.link.get()?;
                let existing = self.names.existing(connection).await?;
                any_left = !existing.is_empty();
                let existing: Vec<u64> = existing.range(next..).copied().collect();
                let lengths = self.names.lengths(connection, &existing).await?;
                existing.into_iter().zip(lengths).collect()
            }
        };
        let inherited: BTreeMap<u64, u64> =
            inherited.into_iter().filter(|(number, _)| *number >= next).collect();
        any_left |= !inherited.is_empty();
        self.inherited = Some(inherited);
        Ok(any_left)
    }

    /// Nobody writes to a segment: one that is shorter than it was has lost items.
    async fn missing_inherited(&mut self) -> Result<u64, SourceError> {
        let inherited = self.inherited.get_or_insert_default();
        let numbers: Vec<u64> = inherited.keys().copied().collect();
        let lengths = self.names.lengths(self.link.get()?, &numbers).await?;
        let mut missing = 0;
        for (number, length) in numbers.into_iter().zip(lengths) {
            let before = inherited.insert(number, length).unwrap_or(length);
            missing += before.saturating_sub(length);
        }
        // The numbers of those that are gone are free for the queue.
        inherited.retain(|_, length| *length > 0);
        self.waiting.set_inherited(inherited.values().sum());
        Ok(missing)
    }

    /// The same for the segment that is being read, of which less may be left than is to be read.
    async fn missing_of_current(
        &mut self,
        position: &mut ListPosition,
    ) -> Result<u64, SourceError> {
        let Some(remaining) = position.remaining.filter(|remaining| *remaining > 0) else {
            return Ok(0);
        };
        let lengths = self.names.lengths(self.link.get()?, &[position.segment]).await?;
        let length = lengths.iter().sum::<u64>().min(remaining);
        position.remaining = Some(length);
        Ok(remaining - length)
    }
}
