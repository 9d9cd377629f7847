//! Format to store: every length and order that the store relies on is checked.

use std::collections::HashSet;
use std::sync::Arc;

use migrations::v3;

use super::{CodecError, Meta, Snapshot};
use crate::checkpoint::head::Generation;
use crate::model::id_set::Run;
use crate::model::push::IdempotencyKey;
use crate::model::{
    GroupPosition, IdSet, ListPosition, Position, PushPosition, ReaderPosition, Reason, SourceKey,
    SourceKind, StreamId, Tally, Timestamp,
};
use crate::store::{AppliedKey, Cut, SourceState};

mod assembly;
mod change;
mod family;
mod lengths;
mod sparse;
mod summaries;

use assembly::{Assembly, Contents};
use lengths::expect_length;

/// The content of a file, and that of each of its parents, the nearest first.
pub(super) fn snapshot(
    mut read: v3::Snapshot,
    parents: Vec<v3::Snapshot>,
) -> Result<Snapshot, CodecError> {
    let meta = meta(&read);
    let sources = sources(std::mem::take(&mut read.sources))?;
    let generation = |parent: &v3::Snapshot| self::meta(parent).generation;
    let parent_generations = parents.iter().map(generation).collect();
    let mut assembly = Assembly::default();
    for part in parents.into_iter().rev().chain([read]) {
        assembly.add(part)?;
    }
    let Contents { families, groups, keys } = assembly.finish()?;
    // Versions count changes within one process: a restored state has none yet.
    let cut = Cut {
        taken_at: meta.created_at,
        series: meta.series,
        families,
        groups,
        idempotency_keys: keys,
        sources,
        ..Cut::default()
    };
    Ok(Snapshot { meta, parents: parent_generations, cut })
}

pub(super) fn meta(read: &v3::Snapshot) -> Meta {
    Meta {
        identity: read.identity.clone(),
        generation: Generation { epoch: read.epoch, sequence: read.sequence },
        created_at: Timestamp(read.created_at_milliseconds),
        writer_version: read.writer_version.clone(),
        clean_shutdown: read.clean_shutdown,
        series: read.series,
    }
}

fn sources(stored: Vec<v3::Source>) -> Result<Vec<SourceState>, CodecError> {
    let mut keys = HashSet::new();
    let mut sources = Vec::with_capacity(stored.len());
    for stored in stored {
        let name = format!("{}:{}", stored.kind, stored.key);
        let state =
            source(stored).map_err(|what| CodecError::Source { key: name.clone(), what })?;
        if !keys.insert(state.key.clone()) {
            return Err(CodecError::Source { key: name, what: "stands there twice".into() });
        }
        sources.push(state);
    }
    Ok(sources)
}

fn idempotency_keys(columns: &v3::IdempotencyKeys) -> Result<Vec<AppliedKey>, String> {
    let expected = Some(columns.keys.len());
    expect_length("fingerprints of idempotency keys", columns.fingerprints.len(), expected)?;
    let times_found = columns.applied_at_milliseconds.len();
    expect_length("times of idempotency keys", times_found, expected)?;
    let keys = columns.keys.iter().zip(&columns.fingerprints).map(|(halves, &fingerprint)| {
        let mut key = [0; 16];
        let (high, low) = key.split_at_mut(8);
        high.copy_from_slice(&halves[0].to_be_bytes());
        low.copy_from_slice(&halves[1].to_be_bytes());
        IdempotencyKey { key, fingerprint }
    });
    let applied = keys.zip(times(&columns.applied_at_milliseconds));
    Ok(applied.map(|(key, at)| AppliedKey { key, at }).collect())
}

/// From differences, modulo 2^64.
fn times(differences: &[i64]) -> impl Iterator<Item = Timestamp> {
    let mut time = 0_u64;
    differences.iter().map(move |difference| {
        time = time.wrapping_add_signed(*difference);
        Timestamp(time)
    })
}

fn source(stored: v3::Source) -> Result<SourceState, String> {
    let (kind, position) = match stored.position {
        v3::Position::List { segment, remaining } => {
            (SourceKind::List, Position::List(ListPosition { segment, remaining }))
        }
        v3::Position::Group { last, trimmed_unread, unacknowledged } => {
            let unacknowledged = Arc::new(id_set(&unacknowledged)?);
            let last = stream_id(last);
            (
                SourceKind::Group,
                Position::Group(GroupPosition {
                    last,
                    unacknowledged,
                    claimed_lost: trimmed_unread,
                }),
            )
        }
        v3::Position::Reader { last, entries_consumed } => {
            let last = stream_id(last);
            (SourceKind::Reader, Position::Reader(ReaderPosition { last, entries_consumed }))
        }
        v3::Position::Push { next } => (SourceKind::Push, Position::Push(PushPosition { next })),
    };
    if stored.kind != kind.as_str() {
        return Err(format!("its position is that of a {}", kind.as_str()));
    }
    Ok(SourceState {
        key: SourceKey { kind, key: stored.key },
        position,
        tally: tally(stored.tally)?,
    })
}

fn stream_id(id: v3::StreamId) -> StreamId {
    StreamId::new(id.milliseconds, id.sequence)
}

fn id_set(differences: &[u64]) -> Result<IdSet, String> {
    let (runs, rest) = differences.as_chunks::<3>();
    if !rest.is_empty() {
        return Err(format!("{} numbers describe its ids, expected threes", differences.len()));
    }
    let mut before = Run { milliseconds: 0, first: 0, last: 0 };
    let runs = runs.iter().map(|&[milliseconds, first, length]| {
        let same = milliseconds == 0;
        let milliseconds = before.milliseconds.checked_add(milliseconds)?;
        let first = if same { before.last.checked_add(first)? } else { first };
        before = Run { milliseconds, first, last: first.checked_add(length)? };
        Some(before)
    });
    runs.collect::<Option<Vec<Run>>>()
        .and_then(IdSet::from_runs)
        .ok_or_else(|| "its unacknowledged ids do not ascend".to_owned())
}

fn tally(stored: v3::Tally) -> Result<Tally, String> {
    let mut tally = Tally { processed: stored.processed, lost: stored.lost, ..Tally::default() };
    for (name, count) in stored.dropped {
        let reason = Reason::ALL
            .into_iter()
            .find(|reason| reason.as_str() == name)
            .ok_or_else(|| format!("events were dropped for the unknown reason `{name}`"))?;
        tally.dropped[reason as usize] = count;
    }
    Ok(tally)
}
