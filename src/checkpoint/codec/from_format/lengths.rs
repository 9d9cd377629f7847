//! Columns that belong together are of the same length, or of that which another one adds up to.

/// `expected` is `None` when it does not fit into memory's address space.
pub(super) fn expect_length(
    what: &str,
    have: usize,
    expected: Option<usize>,
) -> Result<(), String> {
    match expected {
        Some(expected) if have == expected => Ok(()),
        Some(expected) => Err(format!("{have} {what}, expected {expected}")),
        None => Err(format!("{have} {what}, expected more than fit into memory")),
    }
}

pub(super) fn total(counts: &[u32]) -> Option<usize> {
    counts.iter().try_fold(0_usize, |total, count| total.checked_add(*count as usize))
}

/// The next `count` values of a column whose length was checked against all counts.
pub(super) fn take<'a, T>(column: &mut &'a [T], count: u32) -> &'a [T] {
    let (taken, rest) = column.split_at(count as usize);
    *column = rest;
    taken
}

/// The numbers that a column of how many were skipped before each describes.
pub(super) fn ascending(skipped: &[u32]) -> Option<Vec<usize>> {
    let mut next = 0_usize;
    let numbers = skipped.iter().map(|skipped| {
        let number = next.checked_add(*skipped as usize)?;
        next = number.checked_add(1)?;
        Some(number)
    });
    numbers.collect()
}
