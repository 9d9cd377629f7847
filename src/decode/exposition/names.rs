//! Which family a sample belongs to, by its name.
//!
//! A declared family claims the names of all its samples at once: a histogram `h` those of
//! `h_bucket`, `h_sum` and `h_count`. So a sample is found by one look-up, and two families that
//! would serve samples of one name are noticed where the second is declared. A sample that nobody
//! has claimed makes an untyped family of its own.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;

/// What a sample says of its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The value of a counter, gauge or untyped series.
    Value,
    Quantile,
    Bucket,
    Sum,
    Count,
    Created,
    /// The family's name without the suffix that its type demands.
    Bare,
}

/// A name that another family's samples have.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) name: String,
    pub(super) family: usize,
}

#[derive(Default)]
pub(super) struct Names<'a> {
    /// As they stand in TYPE and HELP lines.
    families: HashMap<Cow<'a, str>, usize, RandomState>,
    samples: HashMap<Cow<'a, str>, (usize, Role), RandomState>,
    /// The sample that was looked up last: most often the next has its name.
    last: Option<(&'a str, (usize, Role))>,
}

impl<'a> Names<'a> {
    /// The family that metadata names, or `next`, which it is from now on.
    pub(super) fn family(&mut self, name: Cow<'a, str>, next: usize) -> usize {
        *self.families.entry(name).or_insert(next)
    }

    /// Claims the names of a family's samples: suffixes of `base`.
    pub(super) fn claim(
        &mut self,
        family: usize,
        base: Cow<'a, str>,
        suffixes: &[(&str, Role)],
    ) -> Result<(), Claimed> {
        for (suffix, role) in suffixes {
            let name = match suffix.is_empty() {
                true => base.clone(),
                false => format!("{base}{suffix}").into(),
            };
            if let Some((claimant, _)) = self.samples.get(&name) {
                return Err(Claimed { name: name.into_owned(), family: *claimant });
            }
            self.samples.insert(name, (family, *role));
        }
        Ok(())
    }

    pub(super) fn sample(&mut self, name: Cow<'a, str>) -> Option<(usize, Role)> {
        if let Some((last, found)) = self.last
            && last == name
        {
            return Some(found);
        }
        let found = *self.samples.get(&name)?;
        if let Cow::Borrowed(name) = name {
            self.last = Some((name, found));
        }
        Some(found)
    }
}
