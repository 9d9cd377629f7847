//! One connection: what one read brings is kept together, and answered in order.
//!
//! Reading goes on while earlier reads are being kept, so that a client which sends a long pipeline
//! before it reads anything never waits for itself; how much may be on its way is bounded, and when
//! it is, reading stops. Before a connection is closed, all that was read is answered, and what still
//! arrives is read and thrown away for a moment: closing at once would make the kernel send a reset,
//! which destroys answers on their way, and clients that see one send everything again.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::protocol::Parser;
use super::reply::Replies;
use super::session::{Flow, Session, Turn};
use crate::model::{StreamId, Timestamp};
use crate::push::{Answer, PushError};

/// What is read at once, at first and at most.
const FIRST_READ_BYTES: usize = 4 << 10;
const LARGEST_READ_BYTES: usize = 64 << 10;

/// Deliveries of a connection that are being kept.
const MOST_UNDER_WAY: usize = 2;

/// Answers that a client does not take; beyond it nothing more is read.
const MOST_UNSENT_BYTES: usize = 16 << 20;

/// How long a client may not take any answer.
const STALL: Duration = Duration::from_secs(30);

/// How long whoever has not logged in may take.
const LOGIN: Duration = Duration::from_secs(10);

/// How long a connection that ends is read on.
const LINGER: Duration = Duration::from_millis(500);

/// A pause of this length ends what a client may regard as one pipeline.
const QUIET: Duration = Duration::from_millis(50);

/// How long a delivery may wait for the disk before it is refused; clients give up after a second or
/// more, and send it again.
const PATIENCE: Duration = Duration::from_millis(500);

/// Memory is taken from the common budget in pieces of this size.
pub(super) const BUDGET_PIECE_BYTES: usize = 1 << 10;

/// Replies on their way.
struct UnderWay {
    replies: Replies,
    answer: Option<Answer>,
    /// See [`Turn::exact_ids`].
    exact_ids: Vec<(usize, StreamId, StreamId)>,
    _budget: Option<OwnedSemaphorePermit>,
}

pub(super) struct Connection<S> {
    shared: Arc<Shared>,
    session: Session,
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    parser: Parser,
    /// What was read and not answered.
    read: Vec<u8>,
    under_way: VecDeque<UnderWay>,
    unsent: Vec<u8>,
    sent: usize,
    /// Of what is read without a pause, something was taken, or refused.
    taken: bool,
    refused: bool,
    last_read: Instant,
}

/// What a connection waits for.
enum Event {
    Read(io::Result<usize>),
    Kept(Result<(), PushError>),
    Sent(io::Result<usize>),
    Flushed(io::Result<()>),
    TimeIsUp,
    Stop,
}

impl UnderWay {
    /// They wait for those before them alone.
    fn behind_the_others(replies: Replies) -> Self {
        Self { replies, answer: None, exact_ids: Vec::new(), _budget: None }
    }
}

impl<S: AsyncRead + AsyncWrite> Connection<S> {
    pub(super) fn new(shared: Arc<Shared>, session: Session, stream: S) -> Self {
        let (reader, writer) = split(stream);
        Self {
            shared,
            session,
            reader,
            writer,
            parser: Parser::default(),
            read: Vec::new(),
            under_way: VecDeque::new(),
            unsent: Vec::new(),
            sent: 0,
            taken: false,
            refused: false,
            last_read: Instant::now(),
        }
    }

    /// Serves it until it ends.
    pub(super) async fn serve(mut self, stop: CancellationToken) {
        let begun = Instant::now();
        let mut stalls_at = None;
        let mut may_read = true;
        // TLS may hold back what was written.
        let mut unflushed = false;
        loop {
            let reads = may_read
                && self.under_way.len() < MOST_UNDER_WAY
                && self.unsent.len() - self.sent < MOST_UNSENT_BYTES;
            let has_unsent = self.sent < self.unsent.len();
            if !may_read && self.under_way.is_empty() && !has_unsent && !unflushed {
                break;
            }
            stalls_at = has_unsent.then(|| stalls_at.unwrap_or_else(|| Instant::now() + STALL));
            let login_ends = (!self.session.is_logged_in()).then(|| begun + LOGIN);
            let time_is_up = stalls_at.into_iter().chain(login_ends).min();
            if reads && self.read.capacity() == self.read.len() {
                self.make_room();
            }
            let waits = !self.under_way.is_empty();
            let waited = self.under_way.front_mut().and_then(|first| first.answer.as_mut());
            let event = tokio::select! {
                biased;
                event = async { match has_unsent {
                    true => Event::Sent(self.writer.write(&self.unsent[self.sent..]).await),
                    false => Event::Flushed(self.writer.flush().await),
                } }, if has_unsent || unflushed => event,
                kept = async { match waited {
                    Some(answer) => answer.await.map(|_| ()),
                    None => Ok(()),
                } }, if waits => Event::Kept(kept),
                read = self.reader.read_buf(&mut self.read), if reads => Event::Read(read),
                () = async { match time_is_up {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                } } => Event::TimeIsUp,
                () = stop.cancelled(), if may_read => Event::Stop,
            };
            match event {
                Event::Sent(Ok(bytes @ 1..)) => {
                    self.sent += bytes;
                    unflushed = true;
                    stalls_at = None;
                    if self.sent == self.unsent.len() {
                        self.unsent = Vec::new();
                        self.sent = 0;
                    }
                }
                Event::Flushed(Ok(())) => unflushed = false,
                Event::Kept(kept) => self.kept(kept),
                Event::Read(Ok(1..)) => may_read = self.answer().await == Flow::GoOn,
                Event::Read(Ok(0)) => may_read = false,
                Event::Stop => {
                    // What has arrived was sent before the end, and is answered.
                    may_read = false;
                }
                // The client went away, or takes nothing.
                Event::Sent(_) | Event::Flushed(_) | Event::Read(_) | Event::TimeIsUp => return,
            }
        }
        self.linger().await;
    }

    /// Small as long as nothing happens: there may be thousands of connections.
    fn make_room(&mut self) {
        let size = self.read.capacity();
        let announced = self.parser.at_least(&self.read);
        let more = match size {
            0 => FIRST_READ_BYTES,
            _ => size.min(LARGEST_READ_BYTES).max(announced.saturating_sub(self.read.len())),
        };
        self.read.reserve_exact(more);
    }

    /// Answers every command that is whole.
    async fn answer(&mut self) -> Flow {
        let now = Instant::now();
        if now.duration_since(std::mem::replace(&mut self.last_read, now)) > QUIET {
            (self.taken, self.refused) = (false, false);
        }
        let refusal = self.refusal();
        let mut turn = Turn::new(&self.shared, &self.session, Timestamp::now(), refusal);
        let (at, flow) = self.session.run_all(&mut self.parser, &self.read, &mut turn);
        if at == self.read.len() && self.read.capacity() > 2 * LARGEST_READ_BYTES {
            self.read = Vec::new();
        } else {
            self.read.drain(..at);
        }
        self.shared.metrics.bytes.inc_by(at as u64);
        self.hand_over(turn).await;
        flow
    }

    /// Why pushes of this read are not taken.
    fn refusal(&mut self) -> Option<String> {
        let why = self.shared.front.why_closed();
        if why.is_none() && !self.refused {
            return None;
        }
        let why = why.unwrap_or_else(|| "an earlier push of this pipeline was not taken".into());
        self.refused = true;
        Some(not_taken(self.taken, &why))
    }

    async fn hand_over(&mut self, turn: Turn) {
        let Turn { replies, delivery, exact_ids, .. } = turn;
        if delivery.is_empty() {
            return self.under_way.push_back(UnderWay::behind_the_others(replies));
        }
        let (record, entries) = delivery.finish();
        let pieces = record.len().div_ceil(BUDGET_PIECE_BYTES).min(self.shared.budget_pieces);
        let begun = Instant::now();
        let budget = Arc::clone(&self.shared.budget).acquire_many_owned(pieces as u32);
        let handed_over = match timeout(PATIENCE, budget).await {
            Ok(Ok(permit)) => {
                let backlog = self.shared.keys.backlog.count(entries);
                let patience = PATIENCE.saturating_sub(begun.elapsed());
                let answer = self.shared.front.deliver(record, backlog, patience).await;
                answer.map(|answer| (answer, permit))
            }
            _ => Err(PushError::Unavailable { why: "too much is waiting to be kept".into() }),
        };
        match handed_over {
            Ok((answer, permit)) => {
                self.taken = true;
                self.under_way.push_back(UnderWay {
                    replies,
                    answer: Some(answer),
                    exact_ids,
                    _budget: Some(permit),
                });
            }
            Err(error) => {
                self.refused = true;
                self.shared.metrics.count_refused("not_taken");
                self.shared.take_back(&exact_ids);
                let error = not_taken(self.taken, &error.to_string());
                let replies = Replies::written(replies.broken(&error));
                self.under_way.push_back(UnderWay::behind_the_others(replies));
            }
        }
    }

    /// What was read first has its answer.
    fn kept(&mut self, kept: Result<(), PushError>) {
        let Some(UnderWay { replies, exact_ids, .. }) = self.under_way.pop_front() else { return };
        let bytes = match kept {
            Ok(()) => replies.bytes,
            Err(error) => {
                self.refused = true;
                self.shared.metrics.count_refused("not_kept");
                replies.broken(&match error {
                    // Nobody sends it again by itself, and everybody hears of it.
                    PushError::Unavailable { why } => {
                        self.shared.take_back(&exact_ids);
                        format!("MISCONF Errors writing to the AOF file: {why}")
                    }
                    PushError::Unconfirmed { why } => format!("UNCERTAIN {why}"),
                    PushError::Refused(refusal) => format!("ERR {refusal}"),
                })
            }
        };
        if self.unsent.is_empty() {
            self.unsent = bytes;
        } else {
            self.unsent.extend_from_slice(&bytes);
        }
    }

    async fn linger(mut self) {
        let mut nothing = [0; 4096];
        let end = async {
            self.writer.shutdown().await?;
            while self.reader.read(&mut nothing).await? > 0 {}
            io::Result::Ok(())
        };
        // Whoever is gone by then is gone.
        drop(timeout(LINGER, end).await);
    }
}

/// In a pipeline of which something was taken, a word that makes clients send all of it again must
/// not stand.
fn not_taken(something_was: bool, why: &str) -> String {
    match something_was {
        true => format!("MISCONF Errors writing to the AOF file: {why}"),
        false => format!("LOADING {why}"),
    }
}
