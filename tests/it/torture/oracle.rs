//! What must be served after everything that happened, and every way in which it is not.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use prom_stream_gateway::commands::load::ledger::Ledger;

use crate::harness::check::{add, differences};
use crate::harness::page::key;
use crate::harness::pushers::{PusherLedger, SERIES_OF_A_PUSH};
use crate::harness::{Gateway, Page};

/// Everything that Redis acknowledged, and what has become of it as far as we did it.
pub(super) struct Expected {
    /// What the producers sent.
    pub(super) ledger: Ledger,
    /// What was pushed over HTTP and answered.
    pub(super) pushed: Vec<PusherLedger>,
    /// Counters that the faults themselves sent: events of one each.
    counters: BTreeMap<&'static str, u64>,
    /// Bad events, by reason.
    refused: BTreeMap<&'static str, u64>,
    lost: RangeInclusive<u64>,
    /// What gateways served that shared the sources for a while and were retired; one in the sum.
    elsewhere: Option<Page>,
    /// Some events were applied late: which value a gauge has last is anybody's guess.
    out_of_order: bool,
}

impl Default for Expected {
    fn default() -> Self {
        Self {
            ledger: Ledger::default(),
            pushed: Vec::new(),
            counters: BTreeMap::new(),
            refused: BTreeMap::new(),
            lost: 0..=0,
            elsewhere: None,
            out_of_order: false,
        }
    }
}

impl Expected {
    /// Events of 1 for that counter.
    pub(super) fn counted(&mut self, counter: &'static str, events: u64) {
        *self.counters.entry(counter).or_default() += events;
    }

    pub(super) fn refused(&mut self, reason: &'static str, events: u64) {
        *self.refused.entry(reason).or_default() += events;
    }

    /// Events that were acknowledged and destroyed: so many must be metered, and no more.
    pub(super) fn lost(&mut self, events: RangeInclusive<u64>) {
        self.lost = self.lost.start() + events.start()..=self.lost.end() + events.end();
    }

    /// The last page of a gateway that had a part of the events.
    pub(super) fn elsewhere(&mut self, page: Page) {
        self.out_of_order = true;
        add(self.elsewhere.get_or_insert_default(), &page);
    }

    pub(super) fn out_of_order(&mut self) {
        self.out_of_order = true;
    }

    pub(super) fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }

    /// Pushes that were answered.
    pub(super) fn pushes(&self) -> u64 {
        self.pushed.iter().map(|pusher| pusher.pushes).sum()
    }

    /// Events that are to be served, and series that were pushed.
    pub(super) fn processed(&self) -> RangeInclusive<u64> {
        let own: u64 = self.counters.values().sum();
        let Ledger { events_acknowledged, events_attempted, .. } = self.ledger;
        let own = own + self.pushes() * SERIES_OF_A_PUSH;
        events_acknowledged + own..=events_attempted + own
    }

    /// Every way in which the gateway is wrong; empty when it is exact.
    pub(super) fn complaints(&self, gateway: &Gateway) -> Vec<String> {
        let mut page = match gateway.get("/metrics") {
            Ok(answer) if answer.status == 200 => match Page::parse(&answer.body) {
                Ok(page) => page,
                Err(error) => return vec![format!("a page that cannot be parsed: {error}")],
            },
            other => return vec![format!("no page: {other:?}")],
        };
        if let Some(elsewhere) = &self.elsewhere {
            add(&mut page, elsewhere);
        }
        let mut ledger = self.ledger.clone();
        if self.out_of_order {
            ledger.series.retain(|series| series.metric_type != "gauge");
        }
        let mut complaints = differences(&ledger, &page);
        complaints.extend(self.pushed.iter().flat_map(|pusher| pusher.differences(&page)));
        for (counter, events) in &self.counters {
            let served = page.samples.get(&key(counter, &[])).copied().unwrap_or(0.0);
            if served != *events as f64 {
                complaints.push(format!("{counter}: served {served}, sent {events}"));
            }
        }
        let lost = gateway.total("lost");
        if !self.lost.contains(&lost) {
            complaints.push(format!("{lost} lost, expected {:?}", self.lost));
        }
        // Of what others had, the series tell.
        if self.elsewhere.is_some() {
            return complaints;
        }
        let processed = gateway.total("processed");
        if !self.processed().contains(&processed) {
            complaints.push(format!("{processed} processed, expected {:?}", self.processed()));
        }
        let refused = refused(gateway);
        let expected: BTreeMap<_, _> =
            self.refused.iter().map(|(reason, events)| ((*reason).to_owned(), *events)).collect();
        if refused != expected {
            complaints.push(format!("{refused:?} refused, expected {expected:?}"));
        }
        complaints
    }
}

/// The bad events that the gateway counted, by reason.
fn refused(gateway: &Gateway) -> BTreeMap<String, u64> {
    let mut refused = BTreeMap::new();
    let status = gateway.status();
    let sources = status["sources"].as_array().into_iter().flatten();
    for (reason, events) in sources.filter_map(|source| source["dropped"].as_object()).flatten() {
        *refused.entry(reason.clone()).or_default() += events.as_u64().unwrap_or(0);
    }
    refused.retain(|_, events| *events > 0);
    refused
}
