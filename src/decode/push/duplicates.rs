//! Series that a push names twice.
//!
//! Of two values that both replace the series nobody can say which was meant; and who adds up by
//! prom-aggregation-gateway's rules is told of a series that was pushed twice, as it tells.

use hashbrown::HashTable;

use crate::model::labels;
use crate::model::push::Write;

/// The first series that stands twice: the indexes of its family and of its second appearance.
pub(super) fn find(write: &Write) -> Option<(usize, usize)> {
    let mut seen: HashTable<(usize, usize)> = HashTable::with_capacity(write.series.len());
    for (at, family) in write.families.iter().enumerate() {
        for index in family.series.start as usize..family.series.end as usize {
            let series = &write.series[index];
            let is_same = |&(other_family, other): &(usize, usize)| {
                let other = &write.series[other];
                other_family == at
                    && other.hash == series.hash
                    && labels::same(write.text(other.labels), write.text(series.labels))
            };
            if seen.find(series.hash, is_same).is_some() {
                return Some((at, index));
            }
            seen.insert_unique(series.hash, (at, index), |&(_, other)| write.series[other].hash);
        }
    }
    None
}
