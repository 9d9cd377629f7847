//! What the producers send: a fixed catalogue of series, and a seeded generator of events.
//!
//! Values are multiples of 0.25, so that sums are exact in a double however the
//! additions are ordered: a total that differs from the ledger is then an event
//! lost or counted twice, never rounding. A gauge's value depends on the order of
//! writes, so each target has gauge series of its own (label `target`); all other
//! series are shared by the targets.

use std::fmt::Write as _;
use std::str::FromStr;

use crate::model::MetricType;

/// Upper bounds of every generated histogram, without +Inf.
pub const BOUNDS: [f64; 6] = [0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Generated observations lie in `0..=MAX_VALUE`; some lie above the last bound.
const MAX_VALUE: f64 = 12.0;

/// How often each type is sent, relative to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    pub counter: u32,
    pub gauge: u32,
    pub histogram: u32,
    pub summary: u32,
}

impl Default for Mix {
    fn default() -> Self {
        Self { counter: 5, gauge: 1, histogram: 3, summary: 1 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    #[error("mix {0:?}: expected TYPE=WEIGHT, such as counter=5")]
    NotAPair(String),
    #[error("mix type {0:?}: expected counter, gauge, histogram or summary")]
    UnknownType(String),
    #[error("weight {weight:?} of mix type {metric_type}: expected a whole number up to 1000")]
    BadWeight { metric_type: String, weight: String },
    #[error("every weight of the mix is 0: expected at least one above")]
    Empty,
}

impl FromStr for Mix {
    type Err = MixError;

    /// `counter=5,histogram=1`; a type that is not named is not sent.
    fn from_str(text: &str) -> Result<Self, MixError> {
        let mut mix = Self { counter: 0, gauge: 0, histogram: 0, summary: 0 };
        for part in text.split(',') {
            let (name, weight) =
                part.split_once('=').ok_or_else(|| MixError::NotAPair(part.into()))?;
            let slot = match name.trim() {
                "counter" => &mut mix.counter,
                "gauge" => &mut mix.gauge,
                "histogram" => &mut mix.histogram,
                "summary" => &mut mix.summary,
                other => return Err(MixError::UnknownType(other.into())),
            };
            let parsed = weight.trim().parse().ok().filter(|weight| *weight <= 1000);
            *slot = parsed.ok_or_else(|| MixError::BadWeight {
                metric_type: name.trim().into(),
                weight: weight.into(),
            })?;
        }
        if mix.total() == 0 {
            return Err(MixError::Empty);
        }
        Ok(mix)
    }
}

impl Mix {
    fn total(&self) -> u32 {
        self.counter + self.gauge + self.histogram + self.summary
    }

    /// The type that the number `at`, below the sum of weights, falls on.
    fn pick(&self, mut at: u32) -> MetricType {
        for (weight, metric_type) in [
            (self.counter, MetricType::Counter),
            (self.gauge, MetricType::Gauge),
            (self.histogram, MetricType::Histogram),
        ] {
            if at < weight {
                return metric_type;
            }
            at -= weight;
        }
        MetricType::Summary
    }
}

/// One series that may be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSpec {
    pub metric_type: MetricType,
    pub name: &'static str,
    /// In the order in which they are sent; sorted by name.
    pub labels: Vec<(&'static str, String)>,
}

/// Every series of a run; events refer to them by index.
#[derive(Clone, Debug)]
pub struct Catalogue {
    pub series: Vec<SeriesSpec>,
    cardinality: usize,
}

impl Catalogue {
    /// `cardinality` label sets for each family (and for each target's gauges).
    pub fn new(cardinality: usize, targets: &[String]) -> Self {
        let shared = [
            (MetricType::Counter, "load_requests_total"),
            (MetricType::Histogram, "load_duration_seconds"),
            (MetricType::Summary, "load_size_bytes"),
        ];
        let mut series = Vec::with_capacity(cardinality * (shared.len() + targets.len()));
        for (metric_type, name) in shared {
            series.extend((0..cardinality).map(|at| SeriesSpec {
                metric_type,
                name,
                labels: vec![("series", at.to_string())],
            }));
        }
        for target in targets {
            series.extend((0..cardinality).map(|at| SeriesSpec {
                metric_type: MetricType::Gauge,
                name: "load_level",
                labels: vec![("series", at.to_string()), ("target", target.clone())],
            }));
        }
        Self { series, cardinality }
    }

    fn index(&self, metric_type: MetricType, target: usize, at: usize) -> usize {
        let block = match metric_type {
            MetricType::Counter | MetricType::Untyped => 0,
            MetricType::Histogram => 1,
            MetricType::Summary => 2,
            MetricType::Gauge => 3 + target,
        };
        block * self.cardinality + at
    }
}

/// What one event does to which series of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub series: usize,
    pub value: f64,
}

/// Splitmix64: small, seeded, and good enough to choose test events.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; the bias is of no matter here.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound.max(1)
    }
}

/// Draws the events of one target.
#[derive(Clone, Debug)]
pub struct Generator {
    mix: Mix,
    target: usize,
    random: Random,
}

impl Generator {
    pub fn new(mix: Mix, target: usize, seed: u64) -> Self {
        // A salt for each target, or all would send the same events.
        let salt = (target as u64 + 1).wrapping_mul(0xa24b_aed4_963e_e407);
        Self { mix, target, random: Random::new(seed ^ salt) }
    }

    /// Appends one event as JSON to `out`.
    pub fn event(&mut self, catalogue: &Catalogue, out: &mut String) -> Sample {
        let metric_type = self.mix.pick(self.random.below(self.mix.total().into()) as u32);
        let at = self.random.below(catalogue.cardinality as u64) as usize;
        let sample = Sample {
            series: catalogue.index(metric_type, self.target, at),
            value: self.random.below((MAX_VALUE * 4.0) as u64 + 1) as f64 * 0.25,
        };
        push_event(out, &catalogue.series[sample.series], sample.value);
        sample
    }
}

fn push_event(out: &mut String, series: &SeriesSpec, value: f64) {
    let SeriesSpec { metric_type, name, labels } = series;
    let extra = match metric_type {
        MetricType::Counter | MetricType::Gauge | MetricType::Untyped => "",
        MetricType::Histogram => r#","buckets":[0.25,0.5,1,2.5,5,10]"#,
        MetricType::Summary => r#","quantiles":[0.5,0.9,0.99],"epsilons":[0.05,0.01,0.001]"#,
    };
    let written = write!(
        out,
        r#"{{"type":"{metric_type}","name":"{name}","value":{value},"help":"Generated load.""#
    );
    written.expect("writing to a string cannot fail");
    out.push_str(extra);
    out.push_str(r#","labels":{"#);
    for (at, (label, text)) in labels.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(out, r#"{comma}"{label}":"{text}""#).expect("writing to a string cannot fail");
    }
    out.push_str("}}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_parsed_and_wrong_ones_are_named() {
        let mix: Mix = "counter=2,summary=1".parse().unwrap();
        assert_eq!(mix, Mix { counter: 2, gauge: 0, histogram: 0, summary: 1 });
        let picked: Vec<_> = (0..3).map(|at| mix.pick(at)).collect();
        assert_eq!(picked, [MetricType::Counter, MetricType::Counter, MetricType::Summary]);
        for wrong in ["counter", "meter=1", "counter=x", "counter=-1", "counter=0"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn events_are_json_and_say_what_the_sample_says() {
        let catalogue = Catalogue::new(3, &["list".into(), "stream".into()]);
        let mut generator = Generator::new(Mix::default(), 1, 7);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let mut text = String::new();
            let sample = generator.event(&catalogue, &mut text);
            let event: serde_json::Value = serde_json::from_str(&text).unwrap();
            let series = &catalogue.series[sample.series];
            assert_eq!(event["type"], series.metric_type.as_str());
            assert_eq!(event["name"], series.name);
            assert_eq!(event["value"].as_f64(), Some(sample.value));
            for (label, value) in &series.labels {
                assert_eq!(event["labels"][label], value.as_str());
            }
            if series.metric_type == MetricType::Histogram {
                assert_eq!(event["buckets"], serde_json::json!(BOUNDS.map(shortest)));
            }
            if series.metric_type == MetricType::Gauge {
                assert_eq!(event["labels"]["target"], "stream");
            }
            seen.insert(sample.series);
        }
        assert_eq!(seen.len(), 3 * 4, "every series of this target was drawn");
    }

    /// As JSON reads the number: whole ones as integers.
    fn shortest(bound: f64) -> serde_json::Value {
        serde_json::from_str(&bound.to_string()).unwrap()
    }

    #[test]
    fn the_same_seed_sends_the_same_and_targets_differ() {
        let catalogue = Catalogue::new(10, &["list".into(), "stream".into()]);
        let draw = |target, seed| {
            let mut generator = Generator::new(Mix::default(), target, seed);
            let mut text = String::new();
            for _ in 0..20 {
                generator.event(&catalogue, &mut text);
            }
            text
        };
        assert_eq!(draw(0, 1), draw(0, 1));
        assert_ne!(draw(0, 1), draw(0, 2));
        assert_ne!(draw(0, 1), draw(1, 1));
    }
}
