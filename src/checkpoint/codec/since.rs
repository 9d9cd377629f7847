//! What a snapshot holds, and what changed after it: enough to write another one that says only
//! that.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::checkpoint::head::Generation;
use crate::store::{Cut, RowSet};

/// What the next snapshot of a chain is written against.
#[derive(Debug)]
pub struct Since {
    pub(super) parent: Generation,
    /// Of the parent's file.
    pub(super) sha256: String,
    /// Those that the parent has, by incarnation.
    pub(super) families: HashMap<u64, Known>,
    /// By incarnation, the rows that changed after the parent.
    pub(super) changed: HashMap<u64, RowSet>,
    pub(super) groups: Vec<Arc<str>>,
    /// The numbers of the idempotency keys, as [`Cut::keys_forgotten`] counts.
    pub(super) keys: Range<u64>,
}

/// A family as the parent has it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: Arc<str>,
    pub(super) help: Arc<str>,
    pub(super) unit: Arc<str>,
    pub(super) rows: usize,
}

impl Since {
    /// Since a snapshot of this cut.
    pub fn new(parent: Generation, sha256: String, cut: &Cut) -> Self {
        let known = cut.families.iter().filter(|family| family.live() > 0).map(|family| {
            let known = Known {
                name: Arc::clone(&family.name),
                help: Arc::clone(&family.help),
                unit: Arc::clone(&family.unit),
                rows: family.labels.len(),
            };
            (family.changes.incarnation(), known)
        });
        let keys = cut.keys_forgotten..cut.keys_forgotten + cut.idempotency_keys.len() as u64;
        Self {
            parent,
            sha256,
            families: known.collect(),
            changed: HashMap::new(),
            groups: cut.groups.clone(),
            keys,
        }
    }

    pub fn parent(&self) -> Generation {
        self.parent
    }

    /// Takes in what the next cut after those that it knows says has changed.
    pub fn note(&mut self, cut: &Cut) {
        let mut before = std::mem::take(&mut self.changed);
        for family in &cut.families {
            let incarnation = family.changes.incarnation();
            if !self.families.contains_key(&incarnation) {
                continue;
            }
            let mut rows = before.remove(&incarnation).unwrap_or_default();
            rows.extend(family.changes.rows());
            if !rows.is_empty() {
                self.changed.insert(incarnation, rows);
            }
        }
    }

    /// Whether a family has lost a text that the parent has: in what changed, an empty text says that
    /// it is as it was.
    pub fn has_lost_a_text(&self, cut: &Cut) -> bool {
        let is_lost = |then: &str, now: &str| now.is_empty() && !then.is_empty();
        cut.families.iter().any(|family| {
            let known = self.families.get(&family.changes.incarnation());
            known.is_some_and(|known| {
                is_lost(&known.help, &family.help) || is_lost(&known.unit, &family.unit)
            })
        })
    }

    /// Whether most of the cut would have to be written.
    pub fn is_mostly_changed(&self, cut: &Cut) -> bool {
        let (mut all, mut changed) = (0, 0);
        for family in &cut.families {
            let incarnation = family.changes.incarnation();
            all += family.labels.len();
            changed += if self.families.contains_key(&incarnation) {
                self.changed.get(&incarnation).map_or(0, RowSet::len)
            } else {
                family.labels.len()
            };
        }
        changed > all / 2
    }
}
