//! Where a life ends: at the n-th operation of a kind, before it, after it, or with it on the wire.

use crate::world::World;

/// What the gateway asks of the outside, as far as crashes distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    RedisRead,
    RedisWrite,
    SnapshotPut,
    HeadPut,
    ObjectOther,
}

/// How far the operation had come when the process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
    /// It is carried out this much later, when the process is dead.
    Late {
        milliseconds: u64,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct CrashPoint {
    /// `None`: any.
    operation: Option<Operation>,
    countdown: u64,
    when: When,
}

impl CrashPoint {
    pub(crate) fn draw(world: &World) -> Self {
        let (operation, range) = match world.below(8) {
            0 | 1 => (None, 120),
            2 => (Some(Operation::RedisRead), 60),
            3 | 4 => (Some(Operation::RedisWrite), 8),
            5 => (Some(Operation::SnapshotPut), 6),
            6 => (Some(Operation::HeadPut), 6),
            _ => (Some(Operation::ObjectOther), 8),
        };
        let when = match world.below(5) {
            0 | 1 => When::Before,
            2 | 3 => When::After,
            _ => When::Late { milliseconds: 1 + world.below(4000) },
        };
        Self { operation, countdown: 1 + world.below(range), when }
    }

    /// Counts the operation; tells when it is the one.
    pub(crate) fn meets(&mut self, operation: Operation) -> Option<When> {
        if self.operation.is_some_and(|wanted| wanted != operation) {
            return None;
        }
        self.countdown = self.countdown.saturating_sub(1);
        (self.countdown == 0).then_some(self.when)
    }
}
