//! The producers' ledger: what Redis acknowledged, and what was attempted.
//!
//! A write that fails may have been executed all the same (the reply was lost), so
//! each series has two totals, and a gateway is right exactly when
//! `acknowledged <= served <= attempted` for every series. Without failed writes
//! the two are equal, and so the served total must be.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::mix::{BOUNDS, Catalogue, Sample};
use crate::model::MetricType;

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Redis replied that it has it.
    Acknowledged,
    /// Redis replied with an error: it does not have it.
    Refused,
    /// No reply: Redis may have it or not.
    Unknown,
}

/// Totals of one series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Events.
    pub count: u64,
    /// Sum of the events' values.
    pub sum: f64,
    /// Histograms: observations up to each bound and not the one before; the last is +Inf's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<u64>,
    /// Gauges: the values that the series may have now; the last acknowledged one, and any
    /// sent after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last: Vec<f64>,
}

/// One series of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesLedger {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    #[serde(rename = "type")]
    pub metric_type: String,
    /// Histograms: the upper bounds without +Inf.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounds: Vec<f64>,
    pub acknowledged: Totals,
    /// Acknowledged or unknown.
    pub attempted: Totals,
}

/// What a run has sent so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub events_acknowledged: u64,
    pub events_attempted: u64,
    /// Events that Redis answered with an error: it certainly does not have them.
    #[serde(default)]
    pub events_refused: u64,
    /// Failed writes and connection attempts.
    #[serde(default)]
    pub errors: u64,
    pub series: Vec<SeriesLedger>,
}

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("ledger {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("ledger {path}: not a ledger: {source}")]
    Json { path: PathBuf, source: serde_json::Error },
}

impl Ledger {
    /// An empty ledger with one line for each series of the catalogue, in its order.
    pub fn new(catalogue: &Catalogue) -> Self {
        let series = catalogue.series.iter().map(|spec| {
            let bounds = match spec.metric_type {
                MetricType::Histogram => BOUNDS.to_vec(),
                _ => Vec::new(),
            };
            let labels = spec.labels.iter().map(|(k, v)| ((*k).to_owned(), v.clone()));
            SeriesLedger {
                name: spec.name.into(),
                labels: labels.collect(),
                metric_type: spec.metric_type.as_str().into(),
                acknowledged: Totals::empty(&bounds),
                attempted: Totals::empty(&bounds),
                bounds,
            }
        });
        Self { series: series.collect(), ..Self::default() }
    }

    /// Notes one write's events; their indices are those of the catalogue.
    pub fn record(&mut self, samples: &[Sample], outcome: Outcome) {
        let count = samples.len() as u64;
        if outcome == Outcome::Refused {
            self.events_refused += count;
            return;
        }
        self.events_attempted += count;
        if outcome == Outcome::Acknowledged {
            self.events_acknowledged += count;
        }
        for sample in samples {
            let series = &mut self.series[sample.series];
            let gauge = series.metric_type == "gauge";
            series.attempted.add(sample.value, &series.bounds);
            if outcome == Outcome::Acknowledged {
                series.acknowledged.add(sample.value, &series.bounds);
                if gauge {
                    series.acknowledged.last = vec![sample.value];
                    series.attempted.last = vec![sample.value];
                }
            } else if gauge {
                series.attempted.last.push(sample.value);
            }
        }
    }

    /// Adds another run's totals. Gauges of the same series cannot be ordered, so their
    /// candidates are united.
    pub fn merge(&mut self, other: &Self) {
        self.events_acknowledged += other.events_acknowledged;
        self.events_attempted += other.events_attempted;
        self.events_refused += other.events_refused;
        self.errors += other.errors;
        let mut known: BTreeMap<_, _> = self
            .series
            .iter()
            .enumerate()
            .map(|(at, s)| ((s.name.clone(), s.labels.clone()), at))
            .collect();
        for theirs in &other.series {
            let key = (theirs.name.clone(), theirs.labels.clone());
            match known.get(&key) {
                Some(at) => {
                    let ours = &mut self.series[*at];
                    ours.acknowledged.merge(&theirs.acknowledged);
                    ours.attempted.merge(&theirs.attempted);
                }
                None => {
                    known.insert(key, self.series.len());
                    self.series.push(theirs.clone());
                }
            }
        }
    }

    /// Writes the ledger whole: a reader sees the old document or the new one.
    pub fn write(&self, path: &Path) -> Result<(), LedgerError> {
        let io = |source| LedgerError::Io { path: path.to_owned(), source };
        let json = serde_json::to_vec(self)
            .map_err(|source| LedgerError::Json { path: path.to_owned(), source })?;
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        std::fs::write(&temporary, json).map_err(io)?;
        std::fs::rename(&temporary, path).map_err(io)
    }

    pub fn read(path: &Path) -> Result<Self, LedgerError> {
        let json = std::fs::read(path)
            .map_err(|source| LedgerError::Io { path: path.to_owned(), source })?;
        serde_json::from_slice(&json)
            .map_err(|source| LedgerError::Json { path: path.to_owned(), source })
    }
}

impl Totals {
    fn empty(bounds: &[f64]) -> Self {
        let buckets = if bounds.is_empty() { 0 } else { bounds.len() + 1 };
        Self { buckets: vec![0; buckets], ..Self::default() }
    }

    fn add(&mut self, value: f64, bounds: &[f64]) {
        self.count += 1;
        self.sum += value;
        if !bounds.is_empty() {
            self.buckets[bounds.partition_point(|bound| *bound < value)] += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.buckets.resize(self.buckets.len().max(other.buckets.len()), 0);
        for (ours, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *ours += theirs;
        }
        self.last.extend(&other.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTER: usize = 0;
    const HISTOGRAM: usize = 1;
    const GAUGE: usize = 3;

    fn ledger() -> Ledger {
        Ledger::new(&Catalogue::new(1, &["list".into()]))
    }

    fn sample(series: usize, value: f64) -> Sample {
        Sample { series, value }
    }

    #[test]
    fn unknown_events_are_attempted_only() {
        let mut ledger = ledger();
        ledger.record(&[sample(COUNTER, 1.5), sample(HISTOGRAM, 0.5)], Outcome::Acknowledged);
        ledger.record(&[sample(COUNTER, 0.25), sample(HISTOGRAM, 11.0)], Outcome::Unknown);
        ledger.record(&[sample(COUNTER, 8.0)], Outcome::Refused);
        assert_eq!((ledger.events_acknowledged, ledger.events_attempted), (2, 4));
        assert_eq!(ledger.events_refused, 1);
        let counter = &ledger.series[COUNTER];
        assert_eq!((counter.acknowledged.sum, counter.attempted.sum), (1.5, 1.75));
        let histogram = &ledger.series[HISTOGRAM];
        assert_eq!(histogram.acknowledged.buckets, [0, 1, 0, 0, 0, 0, 0], "a bound is inclusive");
        assert_eq!(histogram.attempted.buckets, [0, 1, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_gauge_may_be_what_was_acknowledged_last_or_attempted_since() {
        let mut ledger = ledger();
        ledger.record(&[sample(GAUGE, 1.0)], Outcome::Acknowledged);
        ledger.record(&[sample(GAUGE, 2.0)], Outcome::Unknown);
        assert_eq!(ledger.series[GAUGE].acknowledged.last, [1.0]);
        assert_eq!(ledger.series[GAUGE].attempted.last, [1.0, 2.0]);
        ledger.record(&[sample(GAUGE, 3.0)], Outcome::Acknowledged);
        assert_eq!(ledger.series[GAUGE].attempted.last, [3.0]);
    }

    #[test]
    fn merging_adds_known_series_and_takes_over_new_ones() {
        let mut ours = ledger();
        ours.record(&[sample(COUNTER, 1.0), sample(HISTOGRAM, 0.0)], Outcome::Acknowledged);
        let mut theirs = Ledger::new(&Catalogue::new(1, &["stream".into()]));
        theirs.record(&[sample(HISTOGRAM, 0.25), sample(GAUGE, 4.0)], Outcome::Acknowledged);
        ours.merge(&theirs);
        assert_eq!(ours.events_acknowledged, 4);
        assert_eq!(ours.series[HISTOGRAM].acknowledged.buckets[0], 2);
        assert_eq!(ours.series.len(), 5, "the other target's gauge is a series of its own");
        assert_eq!(ours.series[4].acknowledged.last, [4.0]);
    }

    #[test]
    fn a_ledger_survives_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.json");
        let mut ledger = ledger();
        ledger.record(&[sample(HISTOGRAM, 0.25), sample(GAUGE, 4.0)], Outcome::Unknown);
        ledger.write(&path).unwrap();
        assert_eq!(Ledger::read(&path).unwrap(), ledger);
        std::fs::write(&path, "{").unwrap();
        let error = Ledger::read(&path).unwrap_err().to_string();
        assert!(error.contains("ledger.json"), "{error}");
    }
}
