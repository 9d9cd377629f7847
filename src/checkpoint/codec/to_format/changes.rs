//! What changed in families that an earlier snapshot has.

use std::collections::HashSet;

use migrations::v3;

use super::{family, sparse};
use crate::checkpoint::codec::CodecError;
use crate::checkpoint::codec::since::Since;
use crate::store::{Cut, Family};

/// `None`: nothing did, or the earlier snapshot does not have the family.
pub(super) fn of(family: &Family, since: &Since) -> Option<Result<v3::FamilyChange, CodecError>> {
    let incarnation = family.changes.incarnation();
    let known = since.families.get(&incarnation)?;
    let rows: Vec<usize> =
        since.changed.get(&incarnation).map_or_else(Vec::new, |rows| rows.iter().collect());
    let texts = [(&family.help, &known.help), (&family.unit, &known.unit)];
    let [help, unit] = texts.map(|(now, then)| (now != then).then(|| now.to_string()));
    if rows.is_empty() && help.is_none() && unit.is_none() {
        return None;
    }
    let mut skipped = sparse::Skipped::default();
    rows.iter().for_each(|row| skipped.push(*row));
    let with_labels = rows.partition_point(|row| *row < known.rows);
    let columns = family::family(&family.select(&rows), with_labels);
    Some(columns.map(|columns| v3::FamilyChange {
        rows_skipped: skipped.column,
        rows: v3::Family {
            help: help.unwrap_or_default(),
            unit: unit.unwrap_or_default(),
            ..columns
        },
    }))
}

/// The names of those that were there, and are no more or others now.
pub(super) fn gone(cut: &Cut, since: &Since) -> Vec<String> {
    let present: HashSet<u64> =
        cut.families.iter().map(|family| family.changes.incarnation()).collect();
    let known = since.families.iter();
    let gone = known.filter(|(incarnation, _)| !present.contains(incarnation));
    let mut names: Vec<String> = gone.map(|(_, known)| known.name.to_string()).collect();
    names.sort_unstable();
    names
}
