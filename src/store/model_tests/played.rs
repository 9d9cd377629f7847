//! The same inputs, done to a store alone: for tests of what is made of its cuts.

use super::*;

/// A store in the middle of its random history.
pub(crate) struct Played {
    pub(crate) store: Store,
    pub(crate) now: Timestamp,
    steps: u64,
}

impl Played {
    pub(crate) fn new() -> Self {
        let store = Store::new(MOST_SERIES);
        store.reposition(&source(), |position| {
            *position = Some(Position::Push(PushPosition { next: 0 }));
            0
        });
        Self { store, now: START, steps: 0 }
    }

    pub(crate) fn play(&mut self, step: &inputs::Step) {
        self.now.0 += step.wait_seconds * 1000;
        if step.restart {
            self.store = Store::restore(stored(&self.store.cut(self.now)), MOST_SERIES);
        }
        let batch = BatchBuilder::new(self.store.hasher());
        let batch = step.doings.iter().fold(batch, |batch, doing| match doing {
            Doing::Event(event) => with_event(batch, event),
            Doing::Push(push) => batch.push(built(&self.store, push, self.now)),
        });
        let advance = Advance::Push { from: self.steps, to: self.steps + 1 };
        let applied = self.store.apply(&source(), &batch.build(), &advance, self.now, self.now);
        applied.expect("the next record");
        self.steps += 1;
    }
}

fn source() -> SourceKey {
    SourceKey { kind: SourceKind::Push, key: "journal".into() }
}
