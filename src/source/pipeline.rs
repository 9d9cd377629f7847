//! Read, decode, apply: the loop that every source runs in.
//!
//! Reading runs ahead: while one read is on its way, the ones before it are
//! decoded side by side on the runtime's threads, and applied strictly in order.
//! A read is never abandoned half way (a dropped future leaves its command
//! running on the server). When anything goes wrong, all that was read is
//! applied first, then the source is told to resume from the store's position.
//! Waits for one of several things are `biased`: which comes first when both are
//! there is written down, and a simulation takes the same path every time.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::decoding::{Decoding, Room};
use super::{Cover, Reading, Source, SourceError, Upkeep};
use crate::checkpoint::{Durable, OutOfTurn};
use crate::dead_letters::{DeadLetter, DeadLetters};
use crate::decode::{self, DecodeOptions};
use crate::expose::own_metrics::OwnMetrics;
use crate::fault_point::kill_point;
use crate::lease::Lease;
use crate::model::{Advance, Batch, Position, SourceKey, SourceKind, Timestamp};
use crate::push::Waiting;
use crate::status::Status;
use crate::store::Store;

/// Wait between attempts to reach Redis, doubling up to the longest.
const SHORTEST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// How often lag is looked at.
const OBSERVE_INTERVAL: Duration = Duration::from_secs(1);

/// A source that keeps failing says so this often.
const REPEAT_WARNING: Duration = Duration::from_secs(60);

/// What every source's loop needs.
#[derive(Clone)]
pub struct Context {
    pub store: Store,
    pub status: Status,
    pub decode: Arc<DecodeOptions>,
    pub dead_letters: DeadLetters,
    /// Who waits for a push to be applied.
    pub waiting: Waiting,
    pub own_metrics: OwnMetrics,
    pub decoding: Decoding,
    pub lease: Lease,
    pub checkpoints: OutOfTurn,
    /// When the snapshot was taken that the state comes from; zero without one.
    pub restored_from: Timestamp,
    pub shutdown: CancellationToken,
}

/// A batch being decoded, and what applying it means.
struct InFlight {
    batch: JoinHandle<Batch>,
    advance: Advance,
    tail_reached: bool,
    replay: bool,
    room: Room,
}

/// Reads a source until shutdown; returns when everything read is applied.
pub async fn run(mut source: impl Source, context: Context) {
    let key = source.key().clone();
    let mut retry = SHORTEST_RETRY;
    let mut warned: Option<(String, Instant)> = None;
    let mut ever_connected = false;
    let mut cover = Cover::new(context.checkpoints.clone());
    while !context.shutdown.is_cancelled() {
        tokio::select! {
            biased;
            () = context.shutdown.cancelled() => break,
            () = context.lease.valid() => {}
        }
        let resume = async {
            source.resume(&context.store, &mut cover).await?;
            cover.given().await
        };
        // A connection that is given up half way changes nothing.
        let resumed = tokio::select! {
            biased;
            () = context.shutdown.cancelled() => break,
            resumed = resume => resumed,
        };
        let failure = match resumed {
            Ok(()) => {
                let connected = || {
                    // Only what was read proves that it works: a connection alone does not.
                    if warned.take().is_some() || !ever_connected {
                        tracing::info!(source = %key, "connected, reading");
                    }
                    context.status.source(&key, |report| {
                        report.connected = true;
                        report.error = None;
                        report.reconnects += u64::from(ever_connected && retry > SHORTEST_RETRY);
                    });
                    ever_connected = true;
                    retry = SHORTEST_RETRY;
                };
                match read_until_failure(&mut source, &key, &context, connected).await {
                    Ok(()) => continue,
                    Err(failure) => failure,
                }
            }
            Err(failure) => failure,
        };
        if failure.is_timeout() {
            source.late();
        }
        if failure.is_cut_off() {
            source.cut_off();
        }
        source.disconnect();
        let text = failure.to_string();
        let repeated = warned
            .as_ref()
            .is_some_and(|(last, at)| *last == text && at.elapsed() < REPEAT_WARNING);
        if !repeated {
            match key.kind {
                SourceKind::Push => {
                    tracing::error!(source = %key, error = %text, "waiting for the journal of pushes");
                }
                SourceKind::List | SourceKind::Group | SourceKind::Reader => {
                    tracing::warn!(source = %key, error = %text, "waiting for Redis; will resume where the state ends");
                }
            }
            warned = Some((text.clone(), Instant::now()));
        }
        context.status.source(&key, |report| {
            report.connected = false;
            report.error = Some(text);
        });
        tokio::select! {
            () = tokio::time::sleep(retry) => {}
            () = context.shutdown.cancelled() => {}
        }
        retry = (retry * 2).min(LONGEST_RETRY);
    }
    context.status.source(&key, |report| report.connected = false);
}

/// `Ok`: shutdown, or the source asked to be resumed. Either way everything read is applied.
async fn read_until_failure(
    source: &mut impl Source,
    key: &SourceKey,
    context: &Context,
    connected: impl FnOnce(),
) -> Result<(), SourceError> {
    let mut connected = Some(connected);
    let mut in_flight = VecDeque::with_capacity(context.decoding.workers + 1);
    let outcome = loop {
        if context.shutdown.is_cancelled() && !source.wind_down() {
            break Ok(());
        }
        if !context.lease.is_valid() {
            break Err(SourceError::NotOwner);
        }
        let reading = {
            let mut reading = pin!(source.read());
            loop {
                tokio::select! {
                    biased;
                    batch = decoded(&mut in_flight), if !in_flight.is_empty() => {
                        apply(batch, &mut in_flight, key, context)?;
                    }
                    reading = &mut reading => break reading,
                }
            }
        };
        let reading = match reading {
            Ok(reading) => reading,
            Err(failure) => break Err(failure),
        };
        if let Some(connected) = connected.take() {
            connected();
        }
        let Reading { entries, advance, tail_reached, replay, resume } = reading;
        match advance {
            Some(advance) => {
                kill_point("read-done");
                let room = room(&mut in_flight, key, context).await?;
                let options = context.decode.clone();
                let batch = tokio::spawn(async move { decode::decode(entries, &options) });
                in_flight.push_back(InFlight { batch, advance, tail_reached, replay, room });
            }
            None if tail_reached => {
                drain(&mut in_flight, key, context, 0).await?;
                context.status.source(key, |report| {
                    report.caught_up = true;
                    report.empty_reads += 1;
                });
            }
            None => {}
        }
        if resume {
            break Ok(());
        }
        drain(&mut in_flight, key, context, context.decoding.workers).await?;
    };
    drain(&mut in_flight, key, context, 0).await?;
    outcome
}

/// Waits for room to decode another batch; applying those before it makes some.
async fn room(
    in_flight: &mut VecDeque<InFlight>,
    key: &SourceKey,
    context: &Context,
) -> Result<Room, SourceError> {
    let mut room = pin!(context.decoding.room());
    loop {
        tokio::select! {
            biased;
            room = &mut room => return Ok(room),
            batch = decoded(in_flight), if !in_flight.is_empty() => {
                apply(batch, in_flight, key, context)?;
            }
        }
    }
}

/// Applies until at most `leave` batches are left.
async fn drain(
    in_flight: &mut VecDeque<InFlight>,
    key: &SourceKey,
    context: &Context,
    leave: usize,
) -> Result<(), SourceError> {
    while in_flight.len() > leave {
        let batch = decoded(in_flight).await;
        apply(batch, in_flight, key, context)?;
    }
    Ok(())
}

/// The oldest batch, once it is decoded; cancelling the wait loses nothing.
async fn decoded(in_flight: &mut VecDeque<InFlight>) -> Batch {
    match in_flight.front_mut() {
        Some(front) => match (&mut front.batch).await {
            Ok(batch) => batch,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        },
        None => std::future::pending().await,
    }
}

/// Applies the oldest batch with the step it makes.
fn apply(
    batch: Batch,
    in_flight: &mut VecDeque<InFlight>,
    key: &SourceKey,
    context: &Context,
) -> Result<(), SourceError> {
    let Some(InFlight { advance, tail_reached, replay, room: _room, .. }) = in_flight.pop_front()
    else {
        return Ok(());
    };
    if !context.lease.is_valid() {
        return Err(SourceError::NotOwner);
    }
    if replay {
        kill_point("replay-middle");
    }
    let now = Timestamp::now();
    // A start time that moved forward over a crash would look like a counter that began anew. What
    // is replayed may have been on a page, and then began no earlier than the snapshot was taken.
    let begins = if replay { context.restored_from } else { now };
    let applying = Instant::now();
    let applied = context.store.apply(key, &batch, &advance, now, begins)?;
    context.own_metrics.observe_apply(applying.elapsed());
    for (one, outcome) in batch.pushes.iter().zip(&applied.pushes) {
        context.waiting.complete(one.push.ticket, outcome.clone().map_err(Into::into));
    }
    for bad in applied.bad_of(&batch) {
        let entry = &batch.entries[bad.entry as usize];
        context.dead_letters.push(DeadLetter {
            reason: bad.reason,
            detail: bad.detail.clone(),
            source: key.to_string(),
            position: entry.locator.to_string(),
            payload: decode::dead_letter_payload(entry, bad.raw),
            at: now,
        });
    }
    if tail_reached || replay {
        context.status.source(key, |report| {
            report.caught_up |= tail_reached;
            if replay {
                report.replayed += applied.processed;
            }
        });
    }
    Ok(())
}

/// Acknowledges after each checkpoint and observes the lag, until shutdown.
pub async fn keep_up(
    mut upkeep: impl Upkeep,
    store: Store,
    status: Status,
    lease: Lease,
    mut durable: watch::Receiver<Option<Durable>>,
    shutdown: CancellationToken,
) {
    let key = upkeep.key().clone();
    let mut tick = tokio::time::interval(OBSERVE_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // What the snapshots cover at start the process before may not have lived to acknowledge, and
    // as long as nothing happens there is no other checkpoint to say it.
    durable.mark_changed();
    loop {
        // Only waiting is raced; a command that was sent is always heard out.
        let acknowledge = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            changed = durable.changed(), if lease.is_valid() => match changed {
                Ok(()) => true,
                // No more checkpoints: another gateway took over.
                Err(_) => {
                    shutdown.cancelled().await;
                    break;
                }
            },
            _ = tick.tick() => false,
        };
        let receipt = if acknowledge { durable.borrow_and_update().clone() } else { None };
        let result = match &receipt {
            Some(receipt) => upkeep.acknowledge(&store, receipt).await,
            None => Ok(()),
        };
        let result = match result {
            Ok(()) => upkeep.observe(&store).await,
            Err(failure) => Err(failure),
        };
        match result {
            Ok(lag) => {
                let age = match lag.oldest_milliseconds {
                    Some(oldest) => Timestamp::now().since(Timestamp(oldest)),
                    None => Duration::ZERO,
                };
                let position = store.position(&key).map(describe).unwrap_or_default();
                status.source(&key, |report| {
                    report.position = position;
                    report.lag_entries = lag.entries;
                    report.lag_seconds = age.as_secs_f64();
                    report.pending_entries = lag.pending;
                });
            }
            Err(failure) => {
                tracing::debug!(source = %key, error = %failure, "upkeep failed; will try again");
                upkeep.disconnect();
                if receipt.is_some() {
                    durable.mark_changed();
                }
                // The next attempt waits for the next tick, not for the mark.
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => break,
                    _ = tick.tick() => {}
                }
            }
        }
    }
    let receipt = durable.borrow_and_update().clone();
    if let Some(receipt) = receipt
        && lease.is_valid()
        && let Err(failure) = upkeep.acknowledge(&store, &receipt).await
    {
        tracing::info!(source = %key, error = %failure, "the last acknowledgement is left to the next start");
    }
}

fn describe(position: Position) -> String {
    match position {
        Position::List(list) => match list.remaining {
            Some(remaining) => format!("segment {}, {remaining} items to go", list.segment),
            None => format!("segment {}", list.segment),
        },
        Position::Group(group) => group.last.to_string(),
        Position::Reader(reader) => reader.last.to_string(),
        Position::Push(push) => format!("record {}", push.next),
    }
}

#[cfg(test)]
mod tests;
