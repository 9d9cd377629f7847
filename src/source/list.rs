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

use std::time::Duration;

use bytes::Bytes;
use redis::{Cmd, RedisError};

mod align;
mod history;
mod holdings;
mod owner;
mod queue;
mod renamed;
mod segments;
mod unread;
mod upkeep;

use holdings::Holdings;
pub use renamed::carry_over;
pub use unread::unread;
pub use upkeep::ListUpkeep;

use owner::Owner;
use queue::LastTaker;
pub(super) use segments::SegmentNames;

use super::page_size::PageSize;
use super::read_ahead::ReadAhead;
use super::{Cover, Reading, Source, SourceError};
use crate::fault_point::{kill_point, kill_soon};
use crate::lease::Lease;
use crate::model::{Advance, Body, ListPosition, Locator, RawEntry, SourceKey, SourceKind};
use crate::redis::reply::{self, Asked};
use crate::redis::{Connection, Connector, Error, Link};
use crate::store::Store;

/// An empty queue is polled after this long, doubling up to the longest.
const SHORTEST_POLL: Duration = Duration::from_millis(2);
const LONGEST_POLL: Duration = Duration::from_millis(100);

/// What became of an attempt to take the queue.
enum Opened {
    /// It is this segment, and these are the items that follow when `from` items remain.
    Segment {
        items: Vec<Bytes>,
        from: u64,
        to: u64,
    },
    Nothing,
    /// The segment's key is somebody else's; another number is next.
    Foreign,
}

/// The reading half.
pub struct ListSource {
    key: SourceKey,
    names: SegmentNames,
    link: Link,
    owner: Owner,
    page: PageSize,
    /// What is read; runs ahead of what is applied.
    cursor: ListPosition,
    /// Pages of the cursor's segment, each by how many items remain before and after it.
    ahead: ReadAhead<(u64, u64)>,
    /// The queue as it was at start has been renamed into a segment, or was empty.
    queue_taken: bool,
    leftovers_only: bool,
    /// Whether inherited segments may have been applied before, after a crash.
    crashed: bool,
    /// This process claimed the list at least once.
    claimed_before: bool,
    holdings: Holdings,
    /// Items found to be lost that are not in the store's tally yet.
    unmetered: u64,
    poll: Duration,
}

/// What a list's source is told at start.
#[derive(Clone, Copy, Debug)]
pub struct ListOptions {
    pub page_items: usize,
    /// The state was not written by an orderly shutdown.
    pub crashed: bool,
    /// Only segments that were taken before are read; the queue is left to others.
    pub leftovers_only: bool,
}

impl ListSource {
    /// Both halves of a list's source.
    pub fn halves(
        connector: Connector,
        queue: &str,
        identity: &str,
        lease: Lease,
        options: ListOptions,
    ) -> (Self, ListUpkeep) {
        let ListOptions { page_items, crashed, leftovers_only } = options;
        let key = SourceKey { kind: SourceKind::List, key: queue.to_owned() };
        let names = SegmentNames::new(queue, identity);
        let holdings = Holdings::default();
        let source = Self {
            key: key.clone(),
            names: names.clone(),
            link: Link::new(connector.clone(), queue),
            owner: Owner::new(lease.clone()),
            page: PageSize::new(page_items),
            cursor: ListPosition { segment: 1, remaining: None },
            ahead: ReadAhead::default(),
            queue_taken: false,
            leftovers_only,
            crashed,
            claimed_before: false,
            holdings: holdings.clone(),
            unmetered: 0,
            poll: SHORTEST_POLL,
        };
        (source, ListUpkeep::new(key, names, Link::new(connector, queue), lease, holdings))
    }

    /// Takes the next segment, unless the queue is left to others.
    /// Most segments of a busy gateway fit one page, so that page comes along.
    async fn open_segment(&mut self) -> Result<Opened, SourceError> {
        let number = self.cursor.segment;
        let segment = self.names.key(number);
        let inherited = self.holdings.inherited(number);
        if inherited.is_none() && self.leftovers_only {
            self.queue_taken = true;
            return Ok(Opened::Nothing);
        }
        let mut pipe = redis::pipe();
        if inherited.is_none() {
            self.owner.rename(&self.names, number, &mut pipe);
        }
        // Not within the script, which would copy the items once more.
        pipe.cmd("LLEN").arg(&segment);
        let page = self.page.get();
        pipe.cmd("LRANGE").arg(&segment).arg(-(page as i64)).arg(-1);
        let connection = self.link.get()?;
        kill_soon("rename-in-flight");
        let failed = |error| self.names.failed("EVAL of rename.lua", error);
        connection.send_all(&pipe).await.map_err(failed)?;
        let mut is_foreign = false;
        if inherited.is_none() {
            match connection.receive().await.map_err(failed)?.value() {
                Ok(_) => {}
                Err(error) if owner::is_foreign(&error) => is_foreign = true,
                Err(error) => return Err(owner::refused(&self.names, error)),
            }
        }
        let failed = |error: RedisError| match error.code() {
            Some("WRONGTYPE") => wrong_type(segment.clone()),
            _ => self.names.failed("LLEN", error),
        };
        let length = connection.receive().await.map_err(failed)?.value();
        let frame =
            connection.receive().await.map_err(|error| self.names.failed("LRANGE", error))?;
        if is_foreign {
            self.holdings.are_foreign(&[number]);
            self.holdings.tell_foreign(&self.names.queue, [segment]);
            self.cursor = self.after(number);
            return Ok(Opened::Foreign);
        }
        let length: u64 =
            length.and_then(|value| Ok(redis::from_redis_value(value)?)).map_err(failed)?;
        let items = reply::items(Asked { command: "LRANGE", key: &segment }, &frame)?;
        match inherited {
            Some(expected) if length < expected => {
                let found = items.len();
                return Err(SourceError::SegmentShrank { key: segment, found, expected });
            }
            Some(_) => {}
            None => self.queue_taken = true,
        }
        if length == 0 {
            self.page.found_nothing();
            return Ok(Opened::Nothing);
        }
        kill_point("segment-taken");
        self.holdings.taken(number);
        self.cursor.remaining = Some(length);
        self.page.arrived(items.len() as u64, frame.bytes.len() as u64);
        Ok(Opened::Segment { items, from: length, to: length.saturating_sub(page) })
    }

    /// The next page, with how many items remain before and after it.
    async fn next_page(&mut self, remaining: u64) -> Result<(Vec<Bytes>, u64, u64), SourceError> {
        let key = self.names.key(self.cursor.segment);
        let connection = self.link.get()?;
        let failed = |error| self.names.failed("LRANGE", error);
        loop {
            let from = self.ahead.last().map_or(remaining, |(_, to)| *to);
            if from == 0 || !self.ahead.has_room(connection.round_trip(), self.page.limit_bytes()) {
                break;
            }
            let to = from.saturating_sub(self.page.get());
            let command = Cmd::lrange(&key, to as isize, from as isize - 1);
            connection.send(&command).await.map_err(failed)?;
            self.ahead.asked((from, to));
        }
        let frame = connection.receive().await.map_err(failed)?;
        let items = reply::items(Asked { command: "LRANGE", key: &key }, &frame)?;
        let size_bytes = frame.bytes.len();
        self.page.arrived(items.len() as u64, size_bytes as u64);
        let page = self.ahead.arrived(size_bytes);
        let (from, to) = page.expect("a page was asked for: items remain");
        Ok((items, from, to))
    }

    /// The segment to read after this one.
    fn after(&self, segment: u64) -> ListPosition {
        ListPosition { segment: self.holdings.after(segment), remaining: None }
    }

    async fn read_page(&mut self) -> Result<Reading, SourceError> {
        if let Some(remaining) = self.cursor.remaining {
            let (items, from, to) = self.next_page(remaining).await?;
            return self.reading(items, from, to);
        }
        loop {
            match self.open_segment().await? {
                Opened::Segment { items, from, to } => {
                    self.poll = SHORTEST_POLL;
                    return self.reading(items, from, to);
                }
                Opened::Nothing => {
                    tokio::time::sleep(self.poll).await;
                    self.poll = (self.poll * 2).min(LONGEST_POLL);
                    return Ok(Reading { tail_reached: self.queue_taken, ..Reading::default() });
                }
                Opened::Foreign => {}
            }
        }
    }

    /// The step over `items`, before which `from` items remained, and after which `to` do.
    fn reading(&mut self, items: Vec<Bytes>, from: u64, to: u64) -> Result<Reading, SourceError> {
        let segment = self.cursor.segment;
        let (found, expected) = (items.len(), from - to);
        if found as u64 != expected {
            let key = self.names.key(segment);
            return Err(SourceError::SegmentShrank { key, found, expected });
        }
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

impl Source for ListSource {
    fn key(&self) -> &SourceKey {
        &self.key
    }

    async fn resume(&mut self, store: &Store, cover: &mut Cover) -> Result<(), SourceError> {
        self.align(store, cover).await
    }

    async fn read(&mut self) -> Result<Reading, SourceError> {
        self.link.set_patience(self.page.patience());
        self.read_page().await
    }

    fn late(&mut self) {
        self.page.timed_out();
        self.link.set_patience(self.page.patience());
    }

    fn cut_off(&mut self) {
        // Opening a segment asks for its first page.
        self.page.cut_off(self.ahead.len().max(1));
    }

    fn disconnect(&mut self) {
        self.link.close();
        self.ahead.forget();
    }
}

/// How many segments of an identity still exist: each may hold what no snapshot covers.
pub async fn unreleased(
    connection: &mut Connection,
    queue: &str,
    identity: &str,
) -> Result<usize, Error> {
    let existing = SegmentNames::new(queue, identity).existing(connection).await?;
    Ok(existing.segments.len())
}

/// Removes what Redis has in the name of an identity that will not come back, once all of its
/// segments are released.
pub async fn resign(connection: &mut Connection, queue: &str, identity: &str) -> Result<(), Error> {
    let names = SegmentNames::new(queue, identity);
    let mut get = redis::cmd("GET");
    let last: Option<String> = get
        .arg(names.last_taker())
        .query_async(connection)
        .await
        .map_err(|error| names.failed("GET", error))?;
    let mut remove = redis::cmd("DEL");
    remove.arg(names.owner());
    if matches!(LastTaker::parse(last.as_deref(), identity), LastTaker::Us(_)) {
        remove.arg(names.last_taker());
    }
    remove.query_async(connection).await.map_err(|error| names.failed("DEL", error))
}

fn wrong_type(key: String) -> Error {
    Error::WrongType { key, found: "key of another type".into(), expected: "list" }
}
