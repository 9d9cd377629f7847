//! Store to format: rows become columns, runs become differences.
//!
//! Rows and groups keep their numbers, so that a later snapshot can say what changed: rows that
//! were removed and not swept yet are written too, without their labels.

use std::sync::Arc;

use migrations::v3;

use super::since::Since;
use super::{CodecError, Meta};
use crate::model::{IdSet, Position, Reason, StreamId, Tally, Timestamp};
use crate::store::{AppliedKey, Cut, SourceState};

mod changes;
mod family;
mod sparse;

/// All of the cut, or what changed since a snapshot.
pub(super) fn snapshot(
    meta: &Meta,
    cut: &Cut,
    since: Option<&Since>,
) -> Result<v3::Snapshot, CodecError> {
    let present = || cut.families.iter().filter(|family| family.live() > 0);
    let is_whole =
        |incarnation| since.is_none_or(|since| !since.families.contains_key(&incarnation));
    let whole = present().filter(|family| is_whole(family.changes.incarnation()));
    let families = whole.map(|whole| family::family(whole, 0)).collect::<Result<_, _>>()?;
    let changed = since.map(|since| present().filter_map(|family| changes::of(family, since)));
    let changed = changed.into_iter().flatten().collect::<Result<_, _>>()?;
    let known_keys = since.map_or(0..0, |since| since.keys.clone());
    Ok(v3::Snapshot {
        identity: meta.identity.clone(),
        epoch: meta.generation.epoch,
        sequence: meta.generation.sequence,
        parent: since.map(|since| v3::Parent {
            sequence: since.parent.sequence,
            sha256: since.sha256.clone(),
        }),
        created_at_milliseconds: meta.created_at.0,
        writer_version: meta.writer_version.clone(),
        clean_shutdown: meta.clean_shutdown,
        series: meta.series,
        sources: cut.sources.iter().map(source).collect(),
        groups: groups(&cut.groups, since.map_or(&[], |since| &since.groups)),
        idempotency_keys: idempotency_keys(cut, &known_keys),
        families,
        families_gone: since.map_or_else(Vec::new, |since| changes::gone(cut, since)),
        families_changed: changed,
    })
}

/// Those that are others than before, by index.
fn groups(now: &[Arc<str>], before: &[Arc<str>]) -> v3::Groups {
    let mut columns = v3::Groups::default();
    let mut indexes = sparse::Skipped::default();
    for index in 0..now.len().max(before.len()) {
        let [now, before] = [now, before].map(|groups| groups.get(index));
        let same = match (now, before) {
            // Comparing the texts of all would take a while.
            (Some(now), Some(before)) => Arc::ptr_eq(now, before) || now == before,
            (one, other) => one.or(other).is_none_or(|labels| labels.is_empty()),
        };
        if !same {
            indexes.push(index);
            columns.labels.push(now.map_or_else(String::new, |labels| labels.to_string()));
        }
    }
    columns.indexes_skipped = indexes.column;
    columns
}

/// Keys are numbered in the order applied; `known`: those that are known already.
fn idempotency_keys(cut: &Cut, known: &std::ops::Range<u64>) -> v3::IdempotencyKeys {
    let first = cut.keys_forgotten;
    let forgotten = first.clamp(known.start, known.end) - known.start;
    let already = known.end.saturating_sub(first);
    let keys = &cut.idempotency_keys;
    let keys: &[AppliedKey] = &keys[keys.len().min(already as usize)..];
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    v3::IdempotencyKeys {
        forgotten,
        keys: keys.iter().map(|key| [&key.key.key[..8], &key.key.key[8..]].map(number)).collect(),
        fingerprints: keys.iter().map(|key| key.key.fingerprint).collect(),
        applied_at_milliseconds: times(keys.iter().map(|key| key.at)),
    }
}

/// Differences, modulo 2^64: times that follow each other closely become small numbers.
fn times(times: impl Iterator<Item = Timestamp>) -> Vec<i64> {
    let mut before = 0_u64;
    times
        .map(|Timestamp(time)| {
            let difference = time.wrapping_sub(before).cast_signed();
            before = time;
            difference
        })
        .collect()
}

fn source(source: &SourceState) -> v3::Source {
    v3::Source {
        kind: source.key.kind.as_str().to_owned(),
        key: source.key.key.clone(),
        position: position(&source.position),
        tally: tally(&source.tally),
    }
}

fn position(position: &Position) -> v3::Position {
    match position {
        Position::List(list) => {
            v3::Position::List { segment: list.segment, remaining: list.remaining }
        }
        Position::Group(group) => v3::Position::Group {
            last: stream_id(group.last),
            trimmed_unread: group.claimed_lost,
            unacknowledged: differences(&group.unacknowledged),
        },
        Position::Reader(reader) => v3::Position::Reader {
            last: stream_id(reader.last),
            entries_consumed: reader.entries_consumed,
        },
        Position::Push(push) => v3::Position::Push { next: push.next },
    }
}

fn stream_id(id: StreamId) -> v3::StreamId {
    v3::StreamId { milliseconds: id.milliseconds, sequence: id.sequence }
}

/// Three small numbers for each run instead of three large ones.
fn differences(ids: &IdSet) -> Vec<u64> {
    let mut differences = Vec::with_capacity(ids.runs().len() * 3);
    let (mut milliseconds, mut last) = (0, 0);
    for run in ids.runs() {
        let same = run.milliseconds == milliseconds;
        differences.push(run.milliseconds - milliseconds);
        differences.push(if same { run.first - last } else { run.first });
        differences.push(run.last - run.first);
        (milliseconds, last) = (run.milliseconds, run.last);
    }
    differences
}

fn tally(tally: &Tally) -> v3::Tally {
    let dropped = Reason::ALL
        .into_iter()
        .map(|reason| (reason.as_str().to_owned(), tally.dropped[reason as usize]))
        .filter(|(_, count)| *count > 0)
        .collect();
    v3::Tally { processed: tally.processed, lost: tally.lost, dropped }
}
