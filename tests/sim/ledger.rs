//! What Redis acknowledged to producers, what a scraper has seen, and whether they agree.
//!
//! Every event has a counter series of its own, so that a total names the event
//! that is lost or counted twice. Where order is kept, a gauge shows it.

use std::collections::{BTreeMap, BTreeSet};

use prom_stream_gateway::model::{MetricType, SourceKey, Tally};
use prom_stream_gateway::store::{Cut, Values};

/// Every n-th entry on average is no event at all.
pub(crate) const BAD_ONE_OF: u64 = 12;

pub(crate) struct Ledger {
    sources: BTreeMap<SourceKey, Sent>,
    next_event: u64,
    /// The highest value of each counter that a scrape has seen.
    seen: BTreeMap<String, f64>,
}

/// What one source was sent.
#[derive(Debug, Default)]
struct Sent {
    events: BTreeSet<u64>,
    bad: u64,
    last: Option<u64>,
    keeps_order: bool,
}

impl Ledger {
    /// The sources, each with whether the gateway applies its entries in their order.
    pub(crate) fn new(sources: &[(SourceKey, bool)]) -> Self {
        let sent = |keeps_order: &bool| Sent { keeps_order: *keeps_order, ..Sent::default() };
        let sources = sources.iter().map(|(key, order)| (key.clone(), sent(order))).collect();
        Self { sources, next_event: 1, seen: BTreeMap::new() }
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
        sent.last = Some(event);
        format!(
            r#"[{counter},{{"type":"gauge","name":"latest","value":{event},"labels":{{"source":"{}"}}}}]"#,
            source.kind.as_str()
        )
    }

    pub(crate) fn events(&self) -> u64 {
        self.next_event - 1
    }

    /// What a gateway that has read everything serves.
    fn expected(&self) -> BTreeMap<String, f64> {
        let mut expected = BTreeMap::new();
        for (key, sent) in &self.sources {
            let counters = sent.events.iter().map(|event| (counter(*event), 1.0));
            expected.extend(counters);
            if let Some(last) = sent.last {
                let series = format!("latest{{source=\"{}\"}}", key.kind.as_str());
                expected.insert(series, last as f64);
            }
        }
        expected
    }

    /// Names what differs; `None` when state and ledger are equal.
    pub(crate) fn difference(&self, state: &Cut, tallies: &[(SourceKey, Tally)]) -> Option<String> {
        let (expected, served) = (self.expected(), served(state));
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
            let processed = sent.events.len() as u64 * per_entry;
            if (tally.processed, dropped, tally.lost) != (processed, sent.bad, 0) {
                return Some(format!(
                    "{key}: processed {}, dropped {dropped}, lost {}; expected {processed}, {}, 0",
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
        self.seen = served.into_iter().filter(|(series, _)| series.starts_with("events")).collect();
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
