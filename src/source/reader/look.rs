//! A look at the stream right behind each page: is it still the one that was read?
//!
//! A stream that was wiped and filled anew answers a reader that waits in it as
//! if nothing had happened. What was applied before is in Redis no more then, so
//! the state has to be in a snapshot before anything of the new one is applied.

use redis::Value;

pub const LOOK: &str = include_str!("look.lua");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Entries ever added; `None` before Redis 7.0.
    pub(super) added: Option<u64>,
    /// It has our advisory group.
    pub(super) has_group: bool,
}

impl Look {
    pub(super) fn parse(reply: Value) -> Self {
        let (added, has_group): (i64, bool) = redis::from_redis_value(reply).unwrap_or((-1, false));
        Self { added: u64::try_from(added).ok(), has_group }
    }
}
