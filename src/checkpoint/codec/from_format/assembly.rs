//! A whole snapshot, and one after the other what changed since.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use migrations::v3;

use super::lengths::{ascending, expect_length};
use super::{CodecError, change, family, idempotency_keys};
use crate::store::{AppliedKey, Family};

/// What was put together so far.
#[derive(Default)]
pub(super) struct Assembly {
    /// In the order first seen; `None` where one was and is no more.
    families: Vec<Option<Family>>,
    places: HashMap<String, usize>,
    /// By index.
    groups: BTreeMap<usize, Arc<str>>,
    keys: Vec<AppliedKey>,
}

pub(super) struct Contents {
    /// Those that have a series.
    pub(super) families: Vec<Family>,
    pub(super) groups: Vec<Arc<str>>,
    pub(super) keys: Vec<AppliedKey>,
}

impl Assembly {
    /// Takes in a snapshot: the whole one, or the next.
    pub(super) fn add(&mut self, part: v3::Snapshot) -> Result<(), CodecError> {
        let content = |what| CodecError::Content { what };
        self.set_groups(part.groups).map_err(content)?;
        self.set_keys(&part.idempotency_keys).map_err(content)?;
        for name in part.families_gone {
            let Some(at) = self.places.remove(&name) else {
                let what = "is no more, and was not there".into();
                return Err(CodecError::Family { name, what });
            };
            self.families[at] = None;
        }
        for v3::FamilyChange { rows_skipped, rows } in part.families_changed {
            let name = rows.name.clone();
            let of = |what| CodecError::Family { name: name.clone(), what };
            let at = self.places.get(&name);
            let known = at.and_then(|at| self.families[*at].as_mut());
            let known = known.ok_or_else(|| of("has changed, and was not there".into()))?;
            let rows = family::family(rows).map_err(of)?;
            change::apply(known, &rows_skipped, rows).map_err(of)?;
        }
        for stored in part.families {
            let name = stored.name.clone();
            let of = |what| CodecError::Family { name: name.clone(), what };
            let family = family::family(stored).map_err(of)?;
            if self.places.insert(name.clone(), self.families.len()).is_some() {
                return Err(of("stands there twice".into()));
            }
            self.families.push(Some(family));
        }
        Ok(())
    }

    fn set_groups(&mut self, columns: v3::Groups) -> Result<(), String> {
        let indexes = ascending(&columns.indexes_skipped).filter(|indexes| fits_32_bits(indexes));
        let indexes = indexes.ok_or("the indexes of groups go beyond 32 bits")?;
        expect_length("groups", columns.labels.len(), Some(indexes.len()))?;
        for (index, labels) in indexes.into_iter().zip(columns.labels) {
            if labels.is_empty() {
                self.groups.remove(&index);
            } else {
                self.groups.insert(index, labels.into());
            }
        }
        Ok(())
    }

    fn set_keys(&mut self, columns: &v3::IdempotencyKeys) -> Result<(), String> {
        let have = self.keys.len();
        let forgotten = usize::try_from(columns.forgotten).ok().filter(|count| *count <= have);
        let forgotten = forgotten.ok_or_else(|| {
            format!("{} idempotency keys are forgotten, and there were {have}", columns.forgotten)
        })?;
        self.keys.drain(..forgotten);
        self.keys.extend(idempotency_keys(columns)?);
        Ok(())
    }

    /// What there is in the end, if no two are the same.
    pub(super) fn finish(self) -> Result<Contents, CodecError> {
        let present = self.families.into_iter().flatten();
        let mut families: Vec<Family> = present.filter(|family| family.live() > 0).collect();
        let mut names = HashSet::new();
        for family in &families {
            for sample in family.sample_names() {
                if let Some(sample) = names.replace(sample) {
                    let what = format!("samples of the name `{sample}` stand there twice");
                    return Err(CodecError::Family { name: family.name.to_string(), what });
                }
            }
        }
        families.iter_mut().filter(|family| !family.removed.is_empty()).for_each(|family| {
            family.sweep();
        });
        let groups = groups_of(&mut families, self.groups)?;
        Ok(Contents { families, groups, keys: self.keys })
    }
}

fn fits_32_bits(indexes: &[usize]) -> bool {
    indexes.last().is_none_or(|last| u32::try_from(*last).is_ok_and(|last| last < u32::MAX))
}

/// The groups that rows refer to, which are numbered anew without gaps.
fn groups_of(
    families: &mut [Family],
    groups: BTreeMap<usize, Arc<str>>,
) -> Result<Vec<Arc<str>>, CodecError> {
    let mut known = HashSet::new();
    if let Some(twice) = groups.values().find(|labels| !known.insert(&***labels)) {
        let what = format!("group `{twice}` stands there twice");
        return Err(CodecError::Content { what });
    }
    let indexes: Vec<usize> = groups.keys().copied().collect();
    let mut in_use = vec![false; indexes.len()];
    for family in families.iter_mut() {
        for group in family.groups.iter_mut().filter(|group| **group > 0) {
            let index = *group as usize - 1;
            let place = place(index, &indexes).ok_or_else(|| CodecError::Family {
                name: family.name.to_string(),
                what: format!("a row of group {index}, which is none"),
            })?;
            in_use[place] = true;
            *group = small(place) + 1;
        }
    }
    if in_use.contains(&false) {
        let mut used = 0;
        let count = |in_use: &bool| {
            used += u32::from(*in_use);
            used
        };
        let numbers: Vec<u32> = in_use.iter().map(count).collect();
        for group in families.iter_mut().flat_map(|family| &mut family.groups) {
            *group = group.checked_sub(1).map_or(0, |place| numbers[place as usize]);
        }
    }
    let groups = groups.into_values().zip(in_use).filter(|(_, in_use)| *in_use);
    Ok(groups.map(|(labels, _)| labels).collect())
}

/// Where an index stands among all.
fn place(index: usize, indexes: &[usize]) -> Option<usize> {
    let is_there = |place: &usize| indexes.get(*place) == Some(&index);
    // As long as there are no gaps.
    Some(index).filter(is_there).or_else(|| indexes.binary_search(&index).ok())
}

fn small(place: usize) -> u32 {
    u32::try_from(place).expect("no more groups than indexes of 32 bits")
}
