//! A stream through a consumer group: `XREADGROUP`, and `XACK` only what is durable.
//!
//! The consumer's name is the gateway's identity. Redis keeps every entry it
//! delivered in the pending entries list until it is acknowledged, and the
//! checkpoint holds exactly which of those are applied. So after any doubt
//! (start, reconnect, time-out, an entry that Redis delivered and nobody saw)
//! the pending list is read again: what the set holds is skipped, the rest is
//! applied. A watermark could not tell them apart.

use std::sync::Arc;
use std::time::Duration;

use redis::Cmd;
use tokio::time::Instant;

mod applied;
mod claim;
mod contact;
mod gate;
mod history;
pub mod ledger;
pub mod members;
mod names;
mod pending;
mod upkeep;

pub use names::GroupNames;
pub use upkeep::GroupUpkeep;

use applied::Applied;
use gate::Gate;

use super::page_size::PageSize;
use super::read_ahead::ReadAhead;
use super::{Backlog, Cover, Reading, Source, SourceError};
use crate::model::{Advance, Body, IdSet, Locator, Position, RawEntry, SourceKey, StreamId};
use crate::redis::reply::{self, Asked, StreamEntry};
use crate::redis::{BLOCK, Connector, Link};
use crate::store::Store;

/// How often the pending list is compared with what is known.
const VERIFY_INTERVAL: Duration = Duration::from_secs(5);

/// Runs of ids applied and not acknowledged, 24 bytes each, above which reading waits for
/// checkpoints.
const MOST_UNACKNOWLEDGED_RUNS: u64 = 1_000_000;

/// What to read next.
#[derive(Clone, Debug)]
enum Phase {
    /// Our own pending entries after this id; `seen` are those met so far.
    Pending {
        after: StreamId,
        seen: IdSet,
    },
    New,
}

/// The reading half.
pub struct GroupSource {
    key: SourceKey,
    names: GroupNames,
    link: Link,
    store: Option<Store>,
    page: PageSize,
    claim_idle: Duration,
    phase: Phase,
    /// Reads of new entries, each by how many were asked for.
    ahead: ReadAhead<u64>,
    /// The last read of new entries brought as many as were asked for: there may be more.
    more: bool,
    winding_down: bool,
    tail: Option<StreamId>,
    /// The tail was reached: from here on reads wait for entries.
    at_tail: bool,
    /// The first pass over the pending list is a replay, after a crash.
    replaying: bool,
    verify_at: Instant,
    registered: bool,
    /// The position comes from reader mode: the group does not stand where the state ends.
    carried_over: bool,
    leftovers_only: bool,
    /// The group was there, or made, since this process started.
    met_group: bool,
    /// The pending list is to be read again.
    pass_wanted: bool,
    gate: Gate,
    /// Entries found to be lost that are not in the store's tally yet.
    unmetered: u64,
    applied: Applied,
    backlog: Backlog,
}

/// What a group's source is told at start.
#[derive(Clone, Debug)]
pub struct GroupOptions {
    pub batch: usize,
    pub claim_idle: Duration,
    pub trim: bool,
    /// The state was not written by an orderly shutdown.
    pub crashed: bool,
    /// The position is that of a reader; see [`super::mode_change`].
    pub carried_over: bool,
    /// Only what is pending for us is read, and no new entries.
    pub leftovers_only: bool,
}

impl GroupSource {
    /// Both halves of a group's source.
    pub fn halves(
        connector: Connector,
        names: GroupNames,
        options: GroupOptions,
    ) -> (Self, GroupUpkeep) {
        let GroupOptions { batch, claim_idle, trim, crashed, carried_over, leftovers_only } =
            options;
        let (applied, backlog) = (Applied::default(), Backlog::default());
        let source = Self {
            key: names.source_key(),
            link: Link::new(connector.clone(), &names.key),
            names: names.clone(),
            store: None,
            page: PageSize::new(batch),
            claim_idle,
            phase: Phase::New,
            ahead: ReadAhead::default(),
            more: false,
            winding_down: false,
            tail: None,
            at_tail: false,
            replaying: crashed,
            verify_at: Instant::now(),
            registered: false,
            carried_over,
            leftovers_only,
            met_group: false,
            pass_wanted: false,
            gate: Gate::new(MOST_UNACKNOWLEDGED_RUNS),
            unmetered: 0,
            applied: applied.clone(),
            backlog: backlog.clone(),
        };
        (source, GroupUpkeep::new(connector, names, trim, applied, backlog))
    }

    fn command(&self, from: &str, block: bool) -> Cmd {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(&self.names.group).arg(&self.names.consumer);
        command.arg("COUNT").arg(self.page.get());
        if block {
            command.arg("BLOCK").arg(BLOCK.as_millis() as u64);
        }
        command.arg("STREAMS").arg(&self.names.key).arg(from);
        command
    }

    async fn ask(&mut self, from: &str, block: bool) -> Result<(), SourceError> {
        let command = self.command(from, block);
        self.link.get()?.send(&command).await.map_err(self.names.failed("XREADGROUP"))?;
        self.ahead.asked(self.page.get());
        Ok(())
    }

    /// What was asked for first.
    async fn page(&mut self) -> Result<Vec<StreamEntry>, SourceError> {
        let connection = self.link.get()?;
        let frame = connection.receive().await.map_err(self.names.failed("XREADGROUP"))?;
        let asked = Asked { command: "XREADGROUP", key: &self.names.key };
        let entries = reply::stream_entries(asked, &frame)?;
        let size_bytes = frame.bytes.len();
        let (read, asked) = (entries.len() as u64, self.ahead.arrived(size_bytes));
        self.more = asked.is_some_and(|asked| read >= asked);
        match read {
            0 => self.page.found_nothing(),
            _ => self.page.arrived(read, size_bytes as u64),
        }
        Ok(entries)
    }

    /// New entries. While there are more than fit a page, several are on their way; none of them
    /// waits for entries, so that all have arrived soon when they are to.
    async fn new_entries(&mut self) -> Result<Vec<StreamEntry>, SourceError> {
        // What a group delivers again is looked at page by page.
        let in_order = self.applied.forgotten_to().is_some();
        if self.more && !in_order && !self.is_ending() {
            let limit_bytes = self.page.limit_bytes();
            while self.ahead.has_room(self.link.get()?.round_trip(), limit_bytes) {
                self.ask(">", false).await?;
            }
        }
        if self.ahead.is_empty() {
            self.ask(">", self.at_tail && !in_order).await?;
        }
        self.page().await
    }

    /// Nothing more is to be asked for, until everything that was has arrived.
    fn is_ending(&self) -> bool {
        self.winding_down || self.pass_wanted || Instant::now() >= self.verify_at
    }
}

/// Drops ids that are acknowledged from the set of those that are not.
fn forget(store: &Store, key: &SourceKey, acknowledged: &IdSet) {
    store.reposition(key, |stored| {
        if let Some(Position::Group(position)) = stored {
            Arc::make_mut(&mut position.unacknowledged).subtract(acknowledged);
        }
        0
    });
}

impl Source for GroupSource {
    fn key(&self) -> &SourceKey {
        &self.key
    }

    async fn resume(&mut self, store: &Store, cover: &mut Cover) -> Result<(), SourceError> {
        self.store = Some(store.clone());
        if let Some(Position::Group(position)) = store.position(&self.key) {
            let unacknowledged = &position.unacknowledged;
            let (entries, runs) = (unacknowledged.len(), unacknowledged.runs().len() as u64);
            if !self.gate.lets_through(runs) {
                return Err(SourceError::Unacknowledged { entries, runs });
            }
        }
        // Called with a live connection only to verify; after any doubt there is none.
        let fresh = !self.link.is_open();
        if fresh {
            self.link.open().await?;
            self.contact(store, cover).await?;
        }
        if fresh || !self.registered {
            self.register().await?;
        }
        if self.pending_unknown(store).await? || fresh || self.pass_wanted {
            self.pass_wanted = false;
            self.applied.begin_pass(match store.position(&self.key) {
                Some(Position::Group(position)) => position.unacknowledged,
                _ => Arc::default(),
            });
            self.phase = Phase::Pending { after: StreamId::ZERO, seen: IdSet::new() };
        }
        self.verify_at = Instant::now() + VERIFY_INTERVAL;
        Ok(())
    }

    async fn read(&mut self) -> Result<Reading, SourceError> {
        self.link.set_patience(self.page.patience());
        if let Phase::Pending { after, seen } = &mut self.phase {
            let (after, seen) = (*after, std::mem::take(seen));
            self.ask(&after.to_string(), false).await?;
            let page = self.page().await?;
            return self.pending_page(page, seen).await;
        }
        if self.is_ending() && self.ahead.is_empty() {
            return Ok(Reading { resume: true, ..Reading::default() });
        }
        if self.leftovers_only {
            tokio::time::sleep(BLOCK).await;
            return Ok(Reading { tail_reached: true, ..Reading::default() });
        }
        let mut read = self.new_entries().await?;
        self.backlog.read(read.len() as u64);
        if self.applied.forgotten_to().is_some() {
            read = self.delivered_again(read).await?;
            if read.is_empty() {
                return Ok(Reading::default());
            }
        }
        let Some((last, _)) = read.last() else {
            self.at_tail = true;
            return Ok(Reading { tail_reached: true, ..Reading::default() });
        };
        self.at_tail |= self.tail.is_none_or(|tail| *last >= tail);
        let mut ids = IdSet::new();
        let mut entries = Vec::with_capacity(read.len());
        for (id, body) in read {
            ids.insert(id);
            let body = body.unwrap_or(Body::Fields(Vec::new()));
            entries.push(RawEntry { locator: Locator::Entry(id), body });
        }
        Ok(Reading {
            entries,
            advance: Some(Advance::Group { ids }),
            tail_reached: self.at_tail,
            ..Reading::default()
        })
    }

    /// Entries whose delivery nobody hears of would be pending, and not applied.
    fn wind_down(&mut self) -> bool {
        self.winding_down = true;
        !self.ahead.is_empty()
    }

    fn late(&mut self) {
        self.page.timed_out();
        self.link.set_patience(self.page.patience());
    }

    fn cut_off(&mut self) {
        self.page.cut_off(self.ahead.len());
    }

    fn disconnect(&mut self) {
        self.link.close();
        self.ahead.forget();
    }
}
