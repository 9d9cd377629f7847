//! Pages of a large state that nothing else happens to.

use crate::http_client::{Received, scrape};
use crate::progress::Progress;
use crate::report::{Figure, Target};
use crate::settings::Settings;
use crate::spread::Spread;

use super::large_state::{Change, LargeState};

pub(super) fn measure(state: &LargeState, settings: &Settings, progress: &Progress) -> Vec<Figure> {
    let cases = [
        (
            "identity, every series changed",
            "identity",
            Some(Change::Everything),
            Target::AtMost(100.0),
        ),
        ("identity, none changed", "identity", None, Target::AtMost(100.0)),
        ("gzip, every series changed", "gzip", Some(Change::Everything), Target::AtMost(300.0)),
        ("gzip, 1 % changed, neighbours", "gzip", Some(Change::Neighbours), Target::AtMost(40.0)),
        ("gzip, 1 % changed, spread", "gzip", Some(Change::Spread), Target::None),
        ("gzip, none changed", "gzip", None, Target::AtMost(40.0)),
    ];
    progress.step("scraping");
    let mut received: Vec<Vec<Received>> = cases.iter().map(|_| Vec::new()).collect();
    for _ in 0..settings.rounds {
        for ((_, encoding, change, _), received) in cases.iter().zip(&mut received) {
            if let Some(change) = change {
                state.change(*change);
            }
            received.push(scrape(state.gateway.port, encoding));
        }
    }
    let figures = cases.iter().zip(&received).map(|((name, _, _, target), received)| {
        let took = Spread::of(received.iter().map(|one| one.took.as_secs_f64() * 1e3));
        let bytes = Spread::of(received.iter().map(|one| one.bytes as f64 / 1e6)).median;
        Figure::new(format!("scrape, {name} ({bytes:.1} MB)"), took, "ms", *target)
    });
    figures.collect()
}
