//! A Redis list, taken segment by segment.
//!
//! `RENAMENX <queue> <segment N>` takes the whole queue in O(1); producers
//! simply make a new list, and nobody else writes to the segment. `LPUSH` puts
//! the newest item at index 0, so pages are read from the high end down. The
//! position `(segment, remaining)` counts from index 0, the end that never
//! changes: trimming the applied items off the high end moves nothing, and
//! trimming twice is harmless. So is a lost reply to the rename: the segment
//! exists then, the rename refuses, and its length tells the rest. Only the
//! connection that holds the owner's token can rename (see `owner`). None of this
//! is refused by a Redis that has reached `maxmemory`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use redis::Value;

mod align;
mod history;
mod owner;
mod segments;
mod upkeep;
mod waiting;

pub use upkeep::ListUpkeep;
pub use waiting::Waiting;

use owner::Owner;
use segments::SegmentNames;

use super::page_size::PageSize;
use super::redis_connection::{Connector, Link};
use super::{Reading, Source, SourceError, redis_reply};
use crate::fault_point::{kill_point, kill_soon};
use crate::lease::Lease;
use crate::model::{Advance, Body, ListPosition, Locator, RawEntry, SourceKey, SourceKind};
use crate::store::Store;

/// An empty queue is polled after this long, doubling up to the longest.
const SHORTEST_POLL: Duration = Duration::from_millis(2);
const LONGEST_POLL: Duration = Duration::from_millis(100);

/// The reading half.
pub struct ListSource {
    key: SourceKey,
    names: SegmentNames,
    link: Link,
    owner: Owner,
    page: PageSize,
    /// What is read; runs ahead of what is applied.
    cursor: ListPosition,
    /// Segments of an earlier process that are not yet applied, and how many items each holds;
    /// `None` before the first look.
    inherited: Option<BTreeMap<u64, u64>>,
    /// The queue as it was at start has been renamed into a segment, or was empty.
    queue_taken: bool,
    /// Whether inherited segments may have been applied before, after a crash.
    crashed: bool,
    /// This process claimed the list at least once.
    claimed_before: bool,
    waiting: Waiting,
    /// Items found to be lost that are not in the store's tally yet.
    unmetered: u64,
    poll: Duration,
}

impl ListSource {
    /// `crashed`: the state was not written by an orderly shutdown.
    pub fn new(
        connector: Connector,
        queue: &str,
        identity: &str,
        lease: Lease,
        page_items: usize,
        crashed: bool,
        waiting: Waiting,
    ) -> Self {
        Self {
            key: SourceKey { kind: SourceKind::List, key: queue.to_owned() },
            names: SegmentNames::new(queue, identity),
            link: Link::new(connector, queue),
            owner: Owner::new(lease),
            page: PageSize::new(page_items),
            cursor: ListPosition { segment: 1, remaining: None },
            inherited: None,
            queue_taken: false,
            crashed,
            claimed_before: false,
            waiting,
            unmetered: 0,
            poll: SHORTEST_POLL,
        }
    }

    /// Takes the next segment; `None` when the queue is empty.
    /// Most segments of a busy gateway fit one page, so that page comes along.
    async fn open_segment(&mut self) -> Result<Option<Vec<Vec<u8>>>, SourceError> {
        let segment = self.names.key(self.cursor.segment);
        let inherited =
            self.inherited.as_ref().and_then(|all| all.get(&self.cursor.segment)).copied();
        let mut pipe = redis::pipe();
        pipe.ignore_errors();
        if inherited.is_none() {
            self.owner.rename(&self.names, self.cursor.segment, &mut pipe);
        }
        // Not within the script, which would copy the items once more.
        pipe.cmd("LLEN").arg(&segment);
        pipe.cmd("LRANGE").arg(&segment).arg(-(self.page.get() as i64)).arg(-1);
        let connection = self.link.get()?;
        kill_soon("rename-in-flight");
        let replies: Vec<Value> = pipe
            .query_async(connection)
            .await
            .map_err(|error| self.names.failed("EVAL of rename.lua", error))?;
        let mut replies = replies.into_iter();
        if inherited.is_none()
            && let Some(Value::ServerError(error)) = replies.next()
        {
            return Err(owner::refused(&self.names, error));
        }
        let length = match replies.next() {
            Some(Value::Int(length)) => length.unsigned_abs(),
            Some(Value::ServerError(error)) if error.code() == "WRONGTYPE" => {
                return Err(wrong_type(segment));
            }
            Some(Value::ServerError(error)) => return Err(self.names.failed("LLEN", error.into())),
            _ => 0,
        };
        let items = match replies.next() {
            Some(Value::ServerError(error)) => {
                return Err(self.names.failed("LRANGE", error.into()));
            }
            reply => redis_reply::items(reply.unwrap_or(Value::Nil), &segment)?,
        };
        match inherited {
            Some(expected) if length < expected => {
                let found = items.len();
                return Err(SourceError::SegmentShrank { key: segment, found, expected });
            }
            Some(_) => self.waiting.opened(length),
            None => self.queue_taken = true,
        }
        if length == 0 {
            return Ok(None);
        }
        kill_point("segment-taken");
        self.cursor.remaining = Some(length);
        Ok(Some(items))
    }

    async fn next_page(&mut self, remaining: u64) -> Result<Vec<Vec<u8>>, SourceError> {
        let segment = self.names.key(self.cursor.segment);
        let value: Value = redis::cmd("LRANGE")
            .arg(&segment)
            .arg(remaining.saturating_sub(self.page.get()))
            .arg(remaining - 1)
            .query_async(self.link.get()?)
            .await
            .map_err(|error| self.names.failed("LRANGE", error))?;
        redis_reply::items(value, &segment)
    }

    /// The segment to read after this one. What is inherited stays in the set: a read that fails
    /// is taken up again from the store's position, and must find it there.
    fn after(&self, segment: u64) -> ListPosition {
        let inherited = self.inherited.as_ref();
        let next = inherited.and_then(|all| all.range(segment + 1..).next());
        ListPosition { segment: next.map_or(segment + 1, |(number, _)| *number), remaining: None }
    }

    async fn read_page(&mut self) -> Result<Reading, SourceError> {
        if let Some(remaining) = self.cursor.remaining {
            let items = self.next_page(remaining).await?;
            return self.reading(items, remaining);
        }
        match self.open_segment().await? {
            Some(items) => {
                self.poll = SHORTEST_POLL;
                let length = self.cursor.remaining.unwrap_or(0);
                self.reading(items, length)
            }
            None => {
                tokio::time::sleep(self.poll).await;
                self.poll = (self.poll * 2).min(LONGEST_POLL);
                Ok(Reading { tail_reached: self.queue_taken, ..Reading::default() })
            }
        }
    }

    /// The step over `items`, which stand at the high end of what remains.
    fn reading(&mut self, items: Vec<Vec<u8>>, from: u64) -> Result<Reading, SourceError> {
        let expected = from.min(self.page.get());
        if items.len() as u64 != expected {
            let key = self.names.key(self.cursor.segment);
            return Err(SourceError::SegmentShrank { key, found: items.len(), expected });
        }
        let size_bytes = items.iter().map(|item| item.len() as u64).sum();
        self.page.arrived(expected, size_bytes);
        let segment = self.cursor.segment;
        let to = from - expected;
        let entries = items
            .into_iter()
            .rev()
            .zip((to..from).rev())
            .map(|(item, index)| RawEntry {
                locator: Locator::Item { segment, index },
                body: Body::Payload(item),
            })
            .collect();
        let replay = self.crashed && !self.queue_taken;
        self.cursor.remaining = Some(to);
        if to == 0 {
            self.cursor = self.after(segment);
        }
        Ok(Reading {
            entries,
            advance: Some(Advance::List { segment, from, to }),
            // The segment that was the queue at start is read to its end.
            tail_reached: self.queue_taken && to == 0,
            replay,
            resume: false,
        })
    }
}

#[async_trait]
impl Source for ListSource {
    fn key(&self) -> &SourceKey {
        &self.key
    }

    async fn resume(&mut self, store: &Store) -> Result<(), SourceError> {
        self.align(store).await
    }

    async fn read(&mut self) -> Result<Reading, SourceError> {
        self.link.set_patience(self.page.patience());
        self.read_page().await
    }

    fn late(&mut self) {
        self.page.timed_out();
        self.link.set_patience(self.page.patience());
    }

    fn disconnect(&mut self) {
        self.link.close();
    }
}

fn wrong_type(key: String) -> SourceError {
    SourceError::WrongType { key, found: "key of another type".into(), expected: "list" }
}
