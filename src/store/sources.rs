//! Where each source stands, and what became of its events.
//!
//! A gateway has few sources, but every journal of pushes is one, and a machine that begins with an
//! empty disk brings a new one with each start. Its predecessors may come back (a journal lies on
//! one machine), so they are remembered in the order in which they were used last, and only so many.

use super::SourceState;
use crate::model::{Position, SourceKey, SourceKind, Tally};

/// Journals that are remembered. A journal that comes back after so many others were used is taken
/// for new: what it still holds is applied.
const MOST_JOURNALS: usize = 64;

/// In the order of their first use, but for journals, see [`Sources::use_journal`].
#[derive(Debug)]
pub(super) struct Sources(Vec<SourceState>);

impl Sources {
    pub(super) fn restore(sources: Vec<SourceState>) -> Self {
        Self(sources)
    }

    pub(super) fn copy(&self) -> Vec<SourceState> {
        self.0.clone()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SourceState> {
        self.0.iter()
    }

    pub(super) fn get(&self, key: &SourceKey) -> Option<&SourceState> {
        self.0.iter().find(|source| source.key == *key)
    }

    pub(super) fn get_mut(&mut self, key: &SourceKey) -> Option<&mut SourceState> {
        self.0.iter_mut().find(|source| source.key == *key)
    }

    pub(super) fn remove(&mut self, key: &SourceKey) -> Option<SourceState> {
        let at = self.0.iter().position(|source| source.key == *key)?;
        Some(self.0.remove(at))
    }

    /// The source is there, and nothing but its position changes.
    pub(super) fn place(&mut self, key: &SourceKey, position: Position) -> &mut SourceState {
        let at = self.0.iter().position(|source| source.key == *key).unwrap_or_else(|| {
            let tally = Tally::default();
            self.0.push(SourceState { key: key.clone(), position: position.clone(), tally });
            self.0.len() - 1
        });
        self.0[at].position = position;
        &mut self.0[at]
    }

    pub(super) fn insert(&mut self, source: SourceState) {
        self.remove(&source.key);
        self.0.push(source);
    }

    /// Makes a journal the last one used, and forgets those that were not used for longest. Their
    /// events stay counted, as its own. Whether anything changed.
    pub(super) fn use_journal(&mut self, key: &SourceKey) -> bool {
        let journals = self.0.iter().filter(|source| source.key.kind == SourceKind::Push).count();
        let mut surplus = journals.saturating_sub(MOST_JOURNALS);
        let is_last = self.0.last().is_some_and(|last| last.key == *key);
        if is_last && surplus == 0 {
            return false;
        }
        let Some(mut used) = self.remove(key) else { return false };
        self.0.retain(|source| {
            let forgotten = surplus > 0 && source.key.kind == SourceKind::Push;
            if forgotten {
                surplus -= 1;
                used.tally.add(&source.tally);
            }
            !forgotten
        });
        self.0.push(used);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ListPosition, PushPosition};

    fn journal(number: usize) -> SourceKey {
        SourceKey { kind: SourceKind::Push, key: format!("{number:032x}") }
    }

    fn begin(sources: &mut Sources, number: usize) {
        let position = Position::Push(PushPosition { next: number as u64 });
        sources.place(&journal(number), position).tally.processed = 1;
        sources.use_journal(&journal(number));
    }

    #[test]
    fn the_journals_that_were_used_last_are_remembered_and_everything_stays_counted() {
        let mut sources = Sources::restore(Vec::new());
        let list = SourceKey { kind: SourceKind::List, key: "queue".into() };
        sources.place(&list, Position::List(ListPosition { segment: 1, remaining: None }));
        for number in 0..MOST_JOURNALS {
            begin(&mut sources, number);
        }
        // The first comes back, and stays for it.
        assert!(sources.use_journal(&journal(0)));
        assert!(!sources.use_journal(&journal(0)));
        for number in MOST_JOURNALS..MOST_JOURNALS + 10 {
            begin(&mut sources, number);
        }
        assert!(sources.get(&list).is_some() && sources.get(&journal(0)).is_some());
        assert!((1..=10).all(|number| sources.get(&journal(number)).is_none()));
        assert!((11..MOST_JOURNALS).all(|number| sources.get(&journal(number)).is_some()));
        let processed: u64 = sources.iter().map(|source| source.tally.processed).sum();
        assert_eq!(processed, MOST_JOURNALS as u64 + 10);
        assert_eq!(sources.iter().count(), MOST_JOURNALS + 1);
    }
}
