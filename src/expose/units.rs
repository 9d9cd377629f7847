//! A page of text in units that can be rendered, and kept, each for itself.
//!
//! A large family is a unit for each block of its rows; small families that stand side by side are
//! one unit together, as a unit of a few lines is worth nothing. What a unit was rendered from has a
//! fingerprint: as long as that is the same, so is its text. Values that change with time alone
//! (windows) have none. A page is nothing but its units one after the other, for whoever keeps them
//! as for whoever does not.

use std::cell::OnceCell;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Range;
use std::rc::Rc;

use super::samples::{Part, Samples};
use crate::store::BLOCK_ROWS;

/// What stands under one head.
pub(super) struct Section<'a> {
    /// `# TYPE` and so on.
    head: Vec<u8>,
    samples: Samples<'a>,
    /// What is written of each row.
    parts: Vec<Part>,
    /// Hash of what all rows have in common.
    cache_key: OnceCell<u64>,
}

/// A piece of a page.
#[derive(Default)]
pub struct Unit<'a> {
    runs: Vec<RowRun<'a>>,
    /// What stands after all families.
    end: &'static [u8],
}

/// Rows of one block, with the head before the first ones.
struct RowRun<'a> {
    section: Rc<Section<'a>>,
    rows: Range<usize>,
}

/// A page's units, and what stands at its end.
pub(super) fn units<'a>(
    sections: impl Iterator<Item = Section<'a>>,
    end: &'static [u8],
) -> impl Iterator<Item = Unit<'a>> {
    let mut runs = sections.flat_map(runs).peekable();
    let mut ended = end.is_empty();
    std::iter::from_fn(move || {
        let Some(first) = runs.next() else {
            let last = Unit { runs: Vec::new(), end };
            return (!std::mem::replace(&mut ended, true)).then_some(last);
        };
        let mut room = BLOCK_ROWS - first.rows.len();
        let is_small = first.is_whole();
        let mut unit = Unit { runs: vec![first], end: &[] };
        while is_small
            && let Some(next) = runs.next_if(|next| next.is_whole() && next.rows.len() <= room)
        {
            room -= next.rows.len();
            unit.runs.push(next);
        }
        Some(unit)
    })
}

fn runs(section: Section<'_>) -> impl Iterator<Item = RowRun<'_>> {
    let rows = section.samples.rows();
    let section = Rc::new(section);
    (0..rows).step_by(BLOCK_ROWS).map(move |first| RowRun {
        section: Rc::clone(&section),
        rows: first..rows.min(first + BLOCK_ROWS),
    })
}

impl Unit<'_> {
    /// Appends its text.
    pub fn render(&self, out: &mut Vec<u8>) {
        for RowRun { section, rows } in &self.runs {
            if rows.start == 0 {
                out.extend_from_slice(&section.head);
            }
            section.samples.write(out, &section.parts, rows.clone());
        }
        out.extend_from_slice(self.end);
    }

    /// What its text depends on, besides the form of the page; `None` where time alone changes it.
    /// Ever the same only for the same text, for all that 64 bits can tell.
    pub fn fingerprint(&self, state: &impl BuildHasher) -> Option<u64> {
        let mut hasher = state.build_hasher();
        hasher.write(self.end);
        for RowRun { section, rows } in &self.runs {
            let family = section.samples.family();
            if family.changes_with_time(rows.clone()) {
                return None;
            }
            let changes = &family.changes;
            let block = rows.start / BLOCK_ROWS;
            (section.cache_key(state), changes.incarnation(), block, changes.stamp(block))
                .hash(&mut hasher);
        }
        Some(hasher.finish())
    }
}

impl<'a> Section<'a> {
    pub(super) fn new(head: Vec<u8>, samples: Samples<'a>, parts: Vec<Part>) -> Self {
        Self { head, samples, parts, cache_key: OnceCell::new() }
    }

    /// Help, unit and type stand in the head.
    fn cache_key(&self, state: &impl BuildHasher) -> u64 {
        *self.cache_key.get_or_init(|| {
            let Self { head, samples, parts, .. } = self;
            state.hash_one((head, samples.cache_key(), parts))
        })
    }
}

impl RowRun<'_> {
    /// Whether it is all of its section.
    fn is_whole(&self) -> bool {
        self.rows == (0..self.section.samples.rows())
    }
}
