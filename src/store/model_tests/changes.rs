//! What cuts say of changes: a row of which nothing was said is the row it was.

use std::collections::HashMap;

use super::*;
use crate::store::{BLOCK_ROWS, Changes};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_row_that_differs_between_two_cuts_is_in_the_later_ones_changes(steps in inputs::steps()) {
        let mut run = Run::new();
        let mut before = Cut::default();
        for (at, step) in steps.iter().enumerate() {
            run.step(step);
            // A page looks in between, and takes nothing away.
            let scraped = (at % 2 == 0).then(|| run.store.scrape(run.now));
            if at % 3 == 1 {
                continue;
            }
            let after = run.store.cut(run.now);
            if let Some(scraped) = scraped {
                assert_told(&scraped, &after, |_, _, _| false)?;
            }
            assert_told(&before, &after, |changes, row, _| changes.rows().contains(row))?;
            before = after;
        }
    }

    #[test]
    fn blocks_of_the_same_stamp_are_the_same(steps in inputs::steps()) {
        let mut run = Run::new();
        let mut before = Cut::default();
        for (at, step) in steps.iter().enumerate() {
            run.step(step);
            if at % 3 == 2 {
                run.store.cut(run.now);
            }
            let after = run.store.scrape(run.now);
            assert_told(&before, &after, |after, row, before| {
                let block = row / BLOCK_ROWS;
                after.stamp(block) != before.stamp(block)
            })?;
            before = after;
        }
    }
}

/// Every row that differs, in a family of the same incarnation, is told of: the later cut's changes,
/// the row, the earlier cut's changes.
fn assert_told(
    before: &Cut,
    after: &Cut,
    is_told: impl Fn(&Changes, usize, &Changes) -> bool,
) -> Result<(), TestCaseError> {
    let known: HashMap<u64, &Family> =
        before.families.iter().map(|family| (family.changes.incarnation(), family)).collect();
    for family in &after.families {
        let Some(earlier) = known.get(&family.changes.incarnation()) else { continue };
        prop_assert!(earlier.labels.len() <= family.labels.len(), "rows are only appended");
        for row in 0..family.labels.len() {
            let [then, now] =
                [(*earlier, before), (family, after)].map(|(family, cut)| row_of(family, row, cut));
            prop_assert!(
                then == now || is_told(&family.changes, row, &earlier.changes),
                "{} {row}: {then} became {now}",
                family.name
            );
        }
    }
    Ok(())
}

/// What is stored of a row, but for what a removed one leaves behind.
fn row_of(family: &Family, row: usize, cut: &Cut) -> String {
    if row >= family.labels.len() || family.removed.contains(row) {
        return format!("removed: {}", row < family.labels.len());
    }
    let value = match &family.values {
        Values::Scalars(values) => format!("{}", values[row]),
        Values::Histograms { bounds, counts, sums } => {
            let width = bounds.len() + 1;
            format!("{:?} {}", &counts[row * width..(row + 1) * width], sums[row])
        }
        Values::Summaries { counts, sums, windows, .. } => {
            format!("{} {} {:?}", counts[row], sums[row], windows.get(row))
        }
    };
    format!(
        "{} {value} {:?} {:?} {:?} {:?} {:?} {:?}",
        family.labels.get(row),
        family.created.get(row),
        family.windows.get(row),
        family.exemplars.get(row),
        family.quantiles.get(row),
        family.natives.get(row),
        family.group(row).map(|group| &cut.groups[group]),
    )
}
