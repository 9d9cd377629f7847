//! Which families stand on a page, under which names, in which order.
//!
//! Families stand in the order of their names, each once; one without series
//! does not stand there at all. Should a producer use the name of one of the
//! gateway's own families, the producer's is served: both on one page would make
//! Prometheus reject all of it.

use std::borrow::Cow;
use std::collections::HashSet;

use super::escaping::{Escaping, NameOf, unique};
use super::label_names::LabelNames;
use crate::model::MetricType;
use crate::store::Family;

/// A family and the name it is served under.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) family: &'a Family,
    pub(super) name: Cow<'a, str>,
}

impl Entry<'_> {
    /// Every name that a sample of it may be served under.
    pub(super) fn sample_names(&self) -> impl Iterator<Item = Box<str>> {
        sample_names(self.family, &self.name)
    }

    /// The name without the `_total` of a counter: what OpenMetrics calls the family.
    pub(super) fn stem(&self) -> &str {
        match self.family.metric_type {
            MetricType::Counter => self.name.strip_suffix("_total").unwrap_or(&self.name),
            _ => &self.name,
        }
    }

    /// The unit, where the name tells it too: else readers refuse the page.
    pub(super) fn unit(&self) -> Option<&str> {
        let unit: &str = &self.family.unit;
        let ends_with_it =
            self.stem().strip_suffix(unit).is_some_and(|before| before.ends_with('_'));
        (!unit.is_empty() && ends_with_it && NameOf::Label.is_classic(unit)).then_some(unit)
    }

    pub(super) fn label_names(&self, escaping: Escaping) -> LabelNames {
        let labels = &self.family.labels;
        if !labels.has_quoted_names() {
            return LabelNames::default();
        }
        LabelNames::of((0..labels.len()).map(|row| labels.get(row)), escaping)
    }
}

/// The page's families, the producers' and our `own`.
pub(super) fn entries<'a>(
    families: &'a [Family],
    own: &'a [Family],
    escaping: Escaping,
) -> Vec<Entry<'a>> {
    let served = families.iter().chain(own).filter(|family| family.rows().next().is_some());
    let mut entries: Vec<Entry<'a>> =
        served.map(|family| Entry { family, name: Cow::Borrowed(&*family.name) }).collect();
    // Stable: of two of one name the producer's comes first, and stays.
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    entries.dedup_by(|later, kept| later.name == kept.name);
    rename(&mut entries, escaping);
    entries
}

/// Spells the names that the reader cannot take, so that no sample name is another family's.
fn rename(entries: &mut [Entry<'_>], escaping: Escaping) {
    let stays = |entry: &Entry<'_>| NameOf::Metric.is_taken_as_it_is(&entry.name, escaping);
    if entries.iter().all(stays) {
        return;
    }
    let staying = entries.iter().filter(|entry| stays(entry));
    let mut taken: HashSet<Box<str>> = staying.flat_map(Entry::sample_names).collect();
    for entry in entries.iter_mut().filter(|entry| !stays(entry)) {
        let is_taken =
            |name: &str| sample_names(entry.family, name).any(|sample| taken.contains(&sample));
        let name = unique(NameOf::Metric, &entry.family.name, escaping, is_taken);
        taken.extend(sample_names(entry.family, &name));
        entry.name = Cow::Owned(name);
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
}

/// The family's sample names if it had another name.
fn sample_names<'n>(family: &'n Family, name: &'n str) -> impl Iterator<Item = Box<str>> + 'n {
    let name_bytes = family.name.len();
    family.sample_names().map(move |sample| format!("{name}{}", &sample[name_bytes..]).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{TextColumn, Values};

    fn family(name: &str, metric_type: MetricType) -> Family {
        let labels = TextColumn::from_iter([""]);
        Family { labels, values: Values::Scalars(vec![1.0]), ..Family::empty(name, metric_type) }
    }

    fn names(families: &[Family], own: &[Family], escaping: Escaping) -> Vec<(String, String)> {
        entries(families, own, escaping)
            .iter()
            .map(|entry| (entry.family.name.to_string(), entry.name.to_string()))
            .collect()
    }

    #[test]
    fn names_are_in_order_and_our_own_give_way() {
        let mut help = family("b", MetricType::Gauge);
        help.help = "the producer's".into();
        let families = [family("d", MetricType::Gauge), help];
        let mut own = ["e", "d", "c", "b", "a"].map(|name| family(name, MetricType::Gauge));
        own[0].labels = TextColumn::default();
        let entries = entries(&families, &own, Escaping::Underscores);
        let names: Vec<_> = entries.iter().map(|entry| &*entry.name).collect();
        assert_eq!(names, ["a", "b", "c", "d"], "`e` has no series");
        assert_eq!(&*entries[1].family.help, "the producer's");
    }

    #[test]
    fn escaped_names_are_nobody_elses() {
        let families = [
            family("a.b", MetricType::Gauge),
            family("a/b", MetricType::Gauge),
            family("z.z", MetricType::Histogram),
            family("y_sum", MetricType::Gauge),
            family("y", MetricType::Untyped),
            family("é", MetricType::Gauge),
        ];
        let own = [family("z_z_sum", MetricType::Gauge)];
        let served = names(&families, &own, Escaping::Underscores);
        let expected = [
            ("a/b", "U__a_2f_b"),
            ("z.z", "U__z_2e_z"),
            ("é", "_"),
            ("a.b", "a_b"),
            ("y", "y"),
            ("y_sum", "y_sum"),
            ("z_z_sum", "z_z_sum"),
        ];
        assert_eq!(served, expected.map(|(name, served)| (name.into(), served.into())));
        let as_they_are = names(&families, &own, Escaping::AllowUtf8);
        assert!(as_they_are.iter().all(|(name, served)| name == served));
    }
}
