//! What Redis acknowledged to producers, what a scraper has seen, and whether they agree.
//!
//! Every event has a counter series of its own, so that a total names the event
//! that is lost or counted twice. Where order is kept, a gauge shows it.

use std::collections::{BTreeMap, BTreeSet};

use prom_stream_gateway::model::{MetricType, SourceKey, Tally};
use prom_stream_gateway::store::{Cut, Values};

use crate::plan::Plan;

/// Every n-th entry on average is no event at all.
pub(crate) const BAD_ONE_OF: u64 = 12;

pub(crate) struct Ledger {
    sources: BTreeMap<SourceKey, Sent>,
    next_event: u64,
    /// What is trimmed before a state knows where the stream began is nobody's loss.
    pub(crate) may_trim: bool,
    /// The highest value of each counter that a scrape has seen.
    seen: BTreeMap<String, f64>,
}

/// What one source was sent.
#[derive(Debug, Default)]
struct Sent {
    events: BTreeSet<u64>,
    bad: u64,
    keeps_order: bool,
    /// Producers may have trimmed entries before they were read.
    trimmed: bool,
}

impl Ledger {
    /// What is sent to the plan's sources.
    pub(crate) fn new(plan: &Plan) -> Self {
        let sources = plan.sources().into_iter().map(|(key, keeps_order)| {
            let sent = Sent { keeps_order, trimmed: plan.trims(&key), ..Sent::default() };
            (key, sent)
        });
        let sources = sources.collect();
        Self { sources, next_event: 1, may_trim: false, seen: BTreeMap::new() }
    }

    /// The payload of the next event, which Redis is about to acknowledge.
    pub(crate) fn event(&mut self, source: &SourceKey, bad: bool) -> String {
        let sent = self.sources.get_mut(source).expect("a source of this ledger");
        if bad {
            sent.bad += 1;
            return "no event".into();
        }
        let event = self.next_event;
        self.next_event += 1;
        sent.events.insert(event);
        let counter = format!(
            r#"{{"type":"counter","name":"events_total","value":1,"labels":{{"event":"{event}"}}}}"#
        );
        if !sent.keeps_order {
            return counter;
        }
        format!(
            r#"[{counter},{{"type":"gauge","name":"latest","value":{event},"labels":{{"source":"{}"}}}}]"#,
            source.kind.as_str()
        )
    }

    pub(crate) fn events(&self) -> u64 {
        self.next_event - 1
    }

    /// What a gateway that has read everything serves; of events that may have been trimmed, those
    /// that it serves.
    fn expected(&self, served: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
        let mut expected = BTreeMap::new();
        for (key, sent) in &self.sources {
            let is_read = |event: &&u64| !sent.trimmed || served.contains_key(&counter(**event));
            let mut read = sent.events.iter().filter(is_read);
            expected.extend(read.clone().map(|event| (counter(*event), 1.0)));
            if let Some(last) = read.next_back().filter(|_| sent.keeps_order) {
                let series = format!("latest{{source=\"{}\"}}", key.kind.as_str());
                expected.insert(series, *last as f64);
            }
        }
        expected
    }

    /// Names what differs; `None` when state and ledger are equal.
    pub(crate) fn difference(&self, state: &Cut, tallies: &[(SourceKey, Tally)]) -> Option<String> {
        let served = served(state);
        let expected = self.expected(&served);
        if expected != served {
            let all: BTreeSet<_> = expected.keys().chain(served.keys()).collect();
            let differing =
                all.into_iter().filter(|series| expected.get(*series) != served.get(*series));
            let lines = differing.map(|series| {
                let show = |map: &BTreeMap<String, f64>| {
                    map.get(series).map_or("nothing".into(), f64::to_string)
                };
                format!("{series}: acknowledged {}, served {}", show(&expected), show(&served))
            });
            return Some(lines.collect::<Vec<_>>().join("; "));
        }
        for (key, sent) in &self.sources {
            let tally = tallies.iter().find(|(other, _)| other == key).map(|(_, tally)| tally);
            let tally = tally.cloned().unwrap_or_default();
            let dropped: u64 = tally.dropped.iter().sum();
            let per_entry = if sent.keeps_order { 2 } else { 1 };
            let good = sent.events.len() as u64;
            // Each entry is one or the other, whichever it was.
            let as_sent = match sent.trimmed {
                true => tally.processed / per_entry + dropped + tally.lost == good + sent.bad,
                false => (tally.processed, dropped, tally.lost) == (good * per_entry, sent.bad, 0),
            };
            if !as_sent {
                return Some(format!(
                    "{key}: processed {}, dropped {dropped}, lost {}; sent {good} times {per_entry}, \
                     and {}",
                    tally.processed, tally.lost, sent.bad
                ));
            }
        }
        None
    }

    /// Compares a scrape with all before it; names a counter that went backwards.
    pub(crate) fn scraped(&mut self, state: &Cut) -> Option<String> {
        let served = served(state);
        let lower = self
            .seen
            .iter()
            .find(|(series, seen)| served.get(*series).is_none_or(|served| served < *seen));
        if let Some((series, seen)) = lower {
            let now = served.get(series).map_or("nothing".into(), f64::to_string);
            return Some(format!("{series} went backwards from {seen} to {now}"));
        }
        // What was trimmed is not there to be read again after a crash.
        let trimmed = self.sources.values().filter(|sent| sent.trimmed);
        let trimmed: BTreeSet<String> =
            trimmed.flat_map(|sent| sent.events.iter().map(|event| counter(*event))).collect();
        let lasts = |series: &String| series.starts_with("events") && !trimmed.contains(series);
        self.seen = served.into_iter().filter(|(series, _)| lasts(series)).collect();
        None
    }
}

fn counter(event: u64) -> String {
    format!("events_total{{event=\"{event}\"}}")
}

fn served(state: &Cut) -> BTreeMap<String, f64> {
    let mut served = BTreeMap::new();
    for family in &state.families {
        assert!(matches!(family.metric_type, MetricType::Counter | MetricType::Gauge));
        let Values::Scalars(values) = &family.values else { continue };
        for (labels, value) in family.labels.iter().zip(values) {
            served.insert(format!("{}{{{labels}}}", family.name), *value);
        }
    }
    served
}
