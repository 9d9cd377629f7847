//! A stream read alone: `XREAD` from the last id applied.
//!
//! For a stream that one gateway owns. Nothing is written to Redis per entry,
//! which makes this several times cheaper than a consumer group. The group
//! exists only so that the usual tools show a lag: its id is set once per
//! checkpoint. Loss is found by arithmetic: once the stream's end is reached,
//! every entry ever added (`entries-added`) must have been consumed.

use std::time::Duration;

use tokio::time::Instant;

mod history;
pub mod look;
mod upkeep;

pub use upkeep::ReaderUpkeep;

use history::{history, turned_back};
use look::{LOOK, Look};

use super::group::{GroupNames, members};
use super::page_size::PageSize;
use super::{Backlog, Cover, Reading, Source, SourceError};
use crate::model::{
    Advance, Body, Locator, Position, RawEntry, ReaderPosition, SourceKey, SourceKind, StreamId,
};
use crate::redis::reply::{self, Asked, StreamEntry};
use crate::redis::stream_info::{self, GroupInfo};
use crate::redis::{BLOCK, Connector, Error, Link};
use crate::store::Store;

/// How often an idle stream is looked at, to see that it is still the same.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// The reading half.
pub struct ReaderSource {
    key: SourceKey,
    group: String,
    /// What this gateway is called where it consumes a group.
    identity: String,
    link: Link,
    page: PageSize,
    /// The last id read; runs ahead of what is applied.
    cursor: StreamId,
    /// Entries ever added up to the cursor; `None` where Redis does not count.
    consumed: Option<u64>,
    /// The stream had our advisory group when its history was checked last.
    had_group: bool,
    /// The last page came from another history of the stream than those before.
    misfit: bool,
    /// The stream's last id at start; `None` before the first look.
    tail: Option<StreamId>,
    /// The tail was reached: from here on reads wait for entries.
    at_tail: bool,
    crashed: bool,
    leftovers_only: bool,
    /// Something was read since the history was last checked.
    unchecked: bool,
    check_at: Instant,
    /// How many entries were asked for, and when. One page at most is on its way: the last id of
    /// the one before it has to be known.
    asked: Option<(u64, Instant)>,
    backlog: Backlog,
}

/// What a reader's source is told at start.
#[derive(Clone, Copy, Debug)]
pub struct ReaderOptions {
    pub batch: usize,
    pub trim: bool,
    /// The state was not written by an orderly shutdown.
    pub crashed: bool,
    /// Nothing is read: no entry is ours before it is applied.
    pub leftovers_only: bool,
}

impl ReaderSource {
    /// Both halves of a reader's source.
    pub fn halves(
        connector: Connector,
        key: &str,
        group: &str,
        identity: &str,
        options: ReaderOptions,
    ) -> (Self, ReaderUpkeep) {
        let ReaderOptions { batch, trim, crashed, leftovers_only } = options;
        let backlog = Backlog::default();
        let upkeep = ReaderUpkeep::new(connector.clone(), key, group, trim, backlog.clone());
        let source = Self {
            key: SourceKey { kind: SourceKind::Reader, key: key.to_owned() },
            group: group.to_owned(),
            identity: identity.to_owned(),
            link: Link::new(connector, key),
            page: PageSize::new(batch),
            cursor: StreamId::ZERO,
            consumed: None,
            had_group: false,
            misfit: false,
            tail: None,
            at_tail: false,
            crashed,
            leftovers_only,
            unchecked: true,
            check_at: Instant::now(),
            asked: None,
            backlog,
        };
        (source, upkeep)
    }

    /// Starts at the stream's beginning, or where a group of this identity has come to.
    async fn first_contact(&mut self, store: &Store) -> Result<ReaderPosition, SourceError> {
        let group_key = SourceKey { kind: SourceKind::Group, key: self.key.key.clone() };
        let Some(Position::Group(position)) = store.position(&group_key) else {
            let start = ReaderPosition::default();
            store.reposition(&self.key, |stored| {
                *stored = Some(Position::Reader(start));
                0
            });
            return Ok(start);
        };
        let connection = self.link.get()?;
        let groups = stream_info::groups(connection, &self.key.key).await?;
        let last = match groups.iter().find(|group| group.name == self.group) {
            Some(group) => {
                let applied = &position.unacknowledged;
                let (key, name) = (&self.key.key, &self.group);
                if !stream_info::pending_is_applied(connection, key, name, None, applied).await? {
                    return Err(SourceError::ModeChange(format!(
                        "Stream.Mode changed from group to reader while group `{name}` of `{key}` \
                         has pending entries that are not applied; run in group mode until it has \
                         none, then change"
                    )));
                }
                group.last_delivered.max(position.last)
            }
            None => position.last,
        };
        tracing::info!(source = %self.key, position = %last, "Stream.Mode changed from group to reader");
        let start = ReaderPosition { last, entries_consumed: None };
        store.rename_source(&group_key, self.key.clone(), |_| Position::Reader(start));
        Ok(start)
    }

    /// From group mode: takes our consumer out of the group, which only shows the lag from here on.
    /// What it has pending is applied, and must be in a snapshot before that.
    async fn leave_group(&mut self, store: &Store, cover: &mut Cover) -> Result<(), SourceError> {
        let names = GroupNames {
            key: self.key.key.clone(),
            group: self.group.clone(),
            consumer: self.identity.clone(),
        };
        let connection = self.link.get()?;
        let groups = stream_info::groups(connection, &names.key).await?;
        if !groups.iter().any(|group| group.name == names.group && group.consumers > 0) {
            return Ok(());
        }
        let consumers = stream_info::consumers(connection, &names.key, &names.group).await?;
        if consumers.iter().any(|consumer| consumer.name == names.consumer) {
            cover.demand(store);
            cover.given().await?;
            members::resign(self.link.get()?, &names).await?;
        }
        Ok(())
    }

    /// Asks for what follows the last entry read.
    async fn ask(&mut self, block: bool) -> Result<(), SourceError> {
        let asked = Asked { command: "XREAD", key: &self.key.key };
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(self.page.get());
        if block {
            command.arg("BLOCK").arg(BLOCK.as_millis() as u64);
        }
        command.arg("STREAMS").arg(&self.key.key).arg(self.cursor.to_string());
        // One round trip; a page that blocks is followed by a look at the stream as it is then.
        let mut pipe = redis::pipe();
        pipe.add_command(command);
        pipe.cmd("EVAL").arg(LOOK).arg(1).arg(&self.key.key).arg(&self.group);
        self.link.get()?.send_all(&pipe).await.map_err(|error| asked.failed(error))?;
        self.asked = Some((self.page.get(), Instant::now()));
        Ok(())
    }

    /// What was asked for, and whether there may be more; `None` when it comes from another stream
    /// than the pages before.
    async fn page(&mut self) -> Result<Option<(Vec<StreamEntry>, bool)>, SourceError> {
        let asked = Asked { command: "XREAD", key: &self.key.key };
        let connection = self.link.get()?;
        let round_trip = connection.round_trip();
        let frame = connection.receive().await.map_err(|error| asked.failed(error))?;
        let entries = reply::stream_entries(asked, &frame)?;
        let read = entries.len() as u64;
        let asked = self.asked.take().filter(|(asked, _)| read >= *asked);
        if let Some((_, asked_at)) = asked {
            self.page.took(read, asked_at.elapsed(), round_trip);
        }
        match read {
            0 => self.page.found_nothing(),
            _ => self.page.arrived(read, frame.bytes.len() as u64),
        }
        let look = connection.receive().await.and_then(|frame| frame.value());
        let look = Look::parse(look.map_err(Error::of("EVAL of look.lua (XINFO)", &self.key.key))?);
        if read > 0 && !self.fits(look, read) {
            self.misfit = true;
            return Ok(None);
        }
        self.consumed = self.consumed.map(|consumed| consumed + read);
        Ok(Some((entries, asked.is_some())))
    }

    /// Whether the stream is still the one that was read, seen right after a page of it.
    fn fits(&self, look: Look, read: u64) -> bool {
        let fewer = match (look.added, self.consumed) {
            (Some(added), Some(consumed)) => added < consumed + read,
            _ => false,
        };
        !fewer && (look.has_group || !self.had_group)
    }

    /// Compares the stream with the position: is it still the one we read, and is it whole?
    async fn check_history(
        &mut self,
        store: &Store,
        position: ReaderPosition,
        cover: &mut Cover,
    ) -> Result<ReaderPosition, SourceError> {
        self.backlog.begin_settling();
        let connection = self.link.get()?;
        let info = stream_info::stream(connection, &self.key.key).await?;
        // The advisory group is part of the stream: where it is, the stream is the old one. One
        // that has consumers is somebody else's, and says nothing.
        let groups = stream_info::groups(connection, &self.key.key).await?;
        let is_ours = |group: &GroupInfo| group.name == self.group && group.consumers == 0;
        let has_group = groups.iter().any(is_ours);
        // Where nothing is counted, the group is all that tells a stream from one made anew.
        let had_group = std::mem::replace(&mut self.had_group, has_group);
        let uncounted = info.is_some_and(|info| info.entries_added.is_none());
        let vanished = uncounted && had_group && !has_group;
        // In the middle of a stream no count would tell: it is known again at the end.
        let misfit = std::mem::take(&mut self.misfit);
        let consumed = position.entries_consumed.filter(|_| !misfit);
        let counted = ReaderPosition { entries_consumed: consumed, ..position };
        let (checked, missing) = history(counted, info, has_group);
        let added = info.map_or(Some(0), |info| info.entries_added);
        self.backlog.set_consumed(position.entries_consumed, 0);
        let gone = self.backlog.settle(added, checked.last < position.last);
        let lost = missing + (gone.end - gone.start);
        let other = misfit || vanished || turned_back(position, checked, info);
        if checked != position || lost > 0 {
            store.reposition(&self.key, |stored| {
                *stored = Some(Position::Reader(checked));
                lost
            });
        }
        if other || lost > 0 {
            cover.demand(store);
        }
        match (other, has_group) {
            (true, false) => tracing::error!(
                source = %self.key, position = %position.last, lost,
                "the stream is not the one that was read before (wiped, or Redis restarted \
                 without persistence); the state is kept and reading goes on. Set appendonly yes"
            ),
            (true, true) => tracing::error!(
                source = %self.key, position = %position.last, lost,
                "Redis came back in an older state (an old dump, or a replica that lagged); the \
                 state is kept, and reading goes on after what the stream holds. Set appendonly yes"
            ),
            (false, _) if missing > 0 => tracing::error!(
                source = %self.key, lost,
                "the stream was trimmed or deleted ahead of the gateway; the state is kept. \
                 Let only the gateway trim this stream"
            ),
            (false, _) if lost > 0 => tracing::error!(
                source = %self.key, lost,
                "Redis came back in an older state (a replica that lagged): entries that waited in \
                 it are lost; the state is kept. Set appendonly yes"
            ),
            (false, _) => {}
        }
        self.tail.get_or_insert(info.map_or(StreamId::ZERO, |info| info.last_generated));
        Ok(checked)
    }
}

impl Source for ReaderSource {
    fn key(&self) -> &SourceKey {
        &self.key
    }

    async fn resume(&mut self, store: &Store, cover: &mut Cover) -> Result<(), SourceError> {
        // Reading alone would not tell: a replica answers as well.
        self.link.verify().await?;
        self.link.open().await?;
        let position = match store.position(&self.key) {
            Some(Position::Reader(position)) => position,
            _ => self.first_contact(store).await?,
        };
        if self.tail.is_none() {
            self.leave_group(store, cover).await?;
        }
        let checked = self.check_history(store, position, cover).await?;
        (self.cursor, self.consumed) = (checked.last, checked.entries_consumed);
        self.unchecked = false;
        self.check_at = Instant::now() + CHECK_INTERVAL;
        Ok(())
    }

    async fn read(&mut self) -> Result<Reading, SourceError> {
        if self.leftovers_only {
            tokio::time::sleep(BLOCK).await;
            return Ok(Reading { tail_reached: true, ..Reading::default() });
        }
        self.link.set_patience(self.page.patience());
        if self.asked.is_none() {
            self.ask(self.at_tail).await?;
        }
        let Some((read, more)) = self.page().await? else {
            return Ok(Reading { resume: true, ..Reading::default() });
        };
        let Some((last, _)) = read.last() else {
            // The end: whatever was lost on the way shows now, once everything is applied.
            let resume = self.unchecked || Instant::now() >= self.check_at;
            self.at_tail = true;
            return Ok(Reading { tail_reached: true, resume, ..Reading::default() });
        };
        let (after, last) = (self.cursor, *last);
        let tail = self.tail.unwrap_or(StreamId::ZERO);
        let replay = self.crashed && !self.at_tail;
        self.at_tail |= last >= tail;
        self.cursor = last;
        self.unchecked = true;
        // A busy stream has no end to look at its history from.
        let resume = Instant::now() >= self.check_at;
        if more && !resume {
            self.ask(false).await?;
        }
        self.backlog.read(read.len() as u64);
        let entries: Vec<RawEntry> = read
            .into_iter()
            .map(|(id, body)| RawEntry {
                locator: Locator::Entry(id),
                body: body.unwrap_or(Body::Fields(Vec::new())),
            })
            .collect();
        let advance = Advance::Reader { after, last, entries: entries.len() as u64 };
        let tail_reached = self.at_tail;
        Ok(Reading { entries, advance: Some(advance), tail_reached, replay, resume })
    }

    fn late(&mut self) {
        self.page.timed_out();
        self.link.set_patience(self.page.patience());
    }

    fn cut_off(&mut self) {
        self.page.cut_off(usize::from(self.asked.is_some()));
    }

    fn disconnect(&mut self) {
        self.link.close();
        self.asked = None;
    }
}
