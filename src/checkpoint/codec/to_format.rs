//! Store to format: rows become columns, runs become differences.
//!
//! Rows that were removed and not swept yet are not written, nor are groups that no row refers to:
//! those that are left are numbered anew.

use std::borrow::Cow;

use migrations::v2;

use super::{CodecError, Meta};
use crate::model::{IdSet, Position, Reason, StreamId, Tally, Timestamp};
use crate::store::{AppliedKey, Cut, Family, SourceState};

mod family;
mod sparse;

pub(super) fn snapshot(meta: &Meta, cut: &Cut) -> Result<v2::Snapshot, CodecError> {
    let present = cut.families.iter().filter(|family| family.live() > 0);
    let families: Vec<Cow<'_, Family>> = present.map(without_removed).collect();
    let (groups, group_numbers) = groups(cut, &families);
    let families = families.iter().map(|family| family::family(family, &group_numbers));
    Ok(v2::Snapshot {
        identity: meta.identity.clone(),
        epoch: meta.generation.epoch,
        sequence: meta.generation.sequence,
        created_at_milliseconds: meta.created_at.0,
        writer_version: meta.writer_version.clone(),
        clean_shutdown: meta.clean_shutdown,
        series: meta.series,
        sources: cut.sources.iter().map(source).collect(),
        groups,
        idempotency_keys: idempotency_keys(&cut.idempotency_keys),
        families: families.collect::<Result<_, _>>()?,
    })
}

fn without_removed(family: &Family) -> Cow<'_, Family> {
    if family.removed.is_empty() {
        return Cow::Borrowed(family);
    }
    let mut family = family.clone();
    family.sweep();
    Cow::Owned(family)
}

/// The groups that rows refer to, and by its index in the cut the number of each.
fn groups(cut: &Cut, families: &[Cow<'_, Family>]) -> (Vec<String>, Vec<u32>) {
    let mut in_use = vec![false; cut.groups.len()];
    for family in families {
        for row in 0..family.groups.len() {
            if let Some(group) = family.group(row) {
                in_use[group] = true;
            }
        }
    }
    let mut labels = Vec::new();
    let mut next = 0_u32;
    let numbers = cut.groups.iter().zip(in_use).map(|(group, in_use)| {
        let number = next;
        if in_use {
            labels.push(group.to_string());
            next += 1;
        }
        number
    });
    let numbers = numbers.collect();
    (labels, numbers)
}

fn idempotency_keys(keys: &[AppliedKey]) -> v2::IdempotencyKeys {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    v2::IdempotencyKeys {
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

fn source(source: &SourceState) -> v2::Source {
    v2::Source {
        kind: source.key.kind.as_str().to_owned(),
        key: source.key.key.clone(),
        position: position(&source.position),
        tally: tally(&source.tally),
    }
}

fn position(position: &Position) -> v2::Position {
    match position {
        Position::List(list) => {
            v2::Position::List { segment: list.segment, remaining: list.remaining }
        }
        Position::Group(group) => v2::Position::Group {
            last: stream_id(group.last),
            trimmed_unread: group.trimmed_unread,
            unacknowledged: differences(&group.unacknowledged),
        },
        Position::Reader(reader) => v2::Position::Reader {
            last: stream_id(reader.last),
            entries_consumed: reader.entries_consumed,
        },
        Position::Push(push) => v2::Position::Push { next: push.next },
    }
}

fn stream_id(id: StreamId) -> v2::StreamId {
    v2::StreamId { milliseconds: id.milliseconds, sequence: id.sequence }
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

fn tally(tally: &Tally) -> v2::Tally {
    let dropped = Reason::ALL
        .into_iter()
        .map(|reason| (reason.as_str().to_owned(), tally.dropped[reason as usize]))
        .filter(|(_, count)| *count > 0)
        .collect();
    v2::Tally { processed: tally.processed, lost: tally.lost, dropped }
}
