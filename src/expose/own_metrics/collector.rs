//! Families read at the moment of the scrape.
//!
//! The families with the labels `worker` and `queueKey` carry the names and
//! labels that dashboards of the gateway's predecessor know. They are told
//! apart by key alone, so what two kinds of source did with one key is summed.

use std::collections::BTreeMap;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::LateStore;
use super::family::{Family, Number};
use crate::dead_letters::DeadLetters;
use crate::model::{Reason, SourceKey, Tally, Timestamp};
use crate::status::{CheckpointReport, Phase, Report, SourceReport, Status};
use crate::telemetry;

/// Sources have no numbered workers; the label stays for the sake of old queries.
const WORKER: &str = "0";

pub(super) struct StateCollector {
    status: Status,
    store: LateStore,
    dead_letters: DeadLetters,
}

impl StateCollector {
    pub(super) fn new(status: Status, store: LateStore, dead_letters: DeadLetters) -> Self {
        Self { status, store, dead_letters }
    }
}

impl Collector for StateCollector {
    /// None are declared beforehand: help and type stand where a family is built.
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let report = self.status.report();
        let mut families = Vec::new();
        families.extend(state(&report));
        families.extend(checkpoint(&report.checkpoint));
        families.extend(sources(&report.sources));
        families.extend(queue_reports(&report.sources));
        families.extend(dead_letters(&self.dead_letters));
        if let Some(store) = self.store.get() {
            let size = store.size();
            families.extend([
                Family::gauge("series", "Time series served.").value(size.series),
                Family::gauge(
                    "series_limit",
                    "Time series that may be served; events that would make more are refused.",
                )
                .value(store.max_series()),
                Family::gauge("families", "Metric families served.").value(size.families),
            ]);
            let keys = store.key_counts();
            families.extend([
                Family::gauge(
                    "idempotency_keys",
                    "Keys and ids remembered, of pushes, payloads and entries.",
                )
                .value(keys.remembered),
                Family::counter(
                    "idempotency_keys_forgotten_early_total",
                    "Ids forgotten before Push.IdempotencyWindow, because a million are remembered: \
                     what comes again under them counts again.",
                )
                .value(keys.forgotten_early),
                Family::counter(
                    "repeated_payloads_total",
                    "Payloads and entries that came again under their id, and did nothing.",
                )
                .value(keys.repeated),
            ]);
            families.extend(tallies(&store.tallies()));
        }
        families.into_iter().map(Family::build).collect()
    }
}

fn state(report: &Report) -> Vec<Family> {
    let phase = Family::gauge("phase", "What the gateway does now: 1 for the phase it is in.");
    let phase = Phase::ALL.iter().fold(phase, |family, phase| {
        family.sample(&[("phase", phase.as_str())], *phase == report.phase)
    });
    let mut families = vec![
        phase,
        Family::gauge("ready", "Whether `/metrics` is complete and ours to serve: 1 if so.")
            .value(report.missing().is_empty()),
        Family::gauge(
            "degraded",
            "Whether something is wrong although `/metrics` is complete, such as checkpoints that \
             keep failing (1); `/api/v1/status` says what.",
        )
        .value(!report.degraded().is_empty()),
        Family::gauge("owner", "Whether this process owns its identity (1) or stands by (0).")
            .value(report.ownership.owner),
        Family::gauge("epoch", "Grows with every change of the identity's owner.")
            .value(report.ownership.epoch),
        Family::gauge(
            "web_config_reload_failed",
            "Whether the changed TLS and user files cannot be used, and those read before are \
             still in force (1); `/api/v1/status` says why.",
        )
        .value(report.web_config_error.is_some()),
        Family::counter(
            "log_lines_dropped_total",
            "Lines of the log that could not be written: nobody reads standard output, or the disk \
             is full.",
        )
        .value(telemetry::dropped_lines()),
    ];
    if let Some(remaining) = report.ownership.lease_remaining_seconds {
        let help = "For how long this process is the owner, unless it renews its lease.";
        families.push(Family::gauge("lease_remaining_seconds", help).value(remaining));
    }
    families
}

fn checkpoint(report: &CheckpointReport) -> Vec<Family> {
    let gauge = |name: &str, help: &str| Family::gauge(&format!("checkpoint_{name}"), help);
    let mut families = vec![
        Family::counter("checkpoints_total", "Checkpoints made durable.").value(report.successes),
        Family::counter(
            "checkpoint_whole_snapshots_total",
            "Checkpoints that wrote all of the state; the others wrote what changed.",
        )
        .value(report.whole_snapshots),
        Family::counter("checkpoint_failures_total", "Checkpoints that could not be made durable.")
            .value(report.failures),
    ];
    if report.successes > 0 {
        families.extend([
            gauge("duration_seconds", "How long the last checkpoint took.")
                .value(report.duration_seconds),
            gauge("cut_seconds", "How long ingestion stood still for the last checkpoint.")
                .value(report.cut_seconds),
        ]);
    }
    if let Some(at) = report.last_success_timestamp_seconds {
        families.extend([
            gauge("last_success_timestamp_seconds", "When the newest snapshot became durable.")
                .value(at),
            gauge("age_seconds", "How long ago the newest snapshot became durable.")
                .value((Timestamp::now().as_seconds() - at).max(0.0)),
            gauge("size_bytes", "Size of the newest snapshot's own file.").value(report.size_bytes),
        ]);
    }
    if let Some((epoch, sequence)) = report.generation.as_deref().and_then(parse_generation) {
        families.extend([
            gauge("generation_epoch", "Epoch of the newest snapshot.").value(epoch),
            gauge("generation_sequence", "Number of the newest snapshot within its epoch.")
                .value(sequence),
        ]);
    }
    families
}

/// `<epoch>-<sequence>`; both may be padded with zeros.
fn parse_generation(generation: &str) -> Option<(u64, u64)> {
    let (epoch, sequence) = generation.split_once('-')?;
    Some((epoch.parse().ok()?, sequence.parse().ok()?))
}

type Sources = BTreeMap<SourceKey, SourceReport>;

fn sources(sources: &Sources) -> [Family; 6] {
    fn each<N: Number>(
        sources: &Sources,
        family: Family,
        read: impl Fn(&SourceReport) -> N,
    ) -> Family {
        sources
            .iter()
            .fold(family, |family, (key, report)| family.sample(&source_labels(key), read(report)))
    }
    let gauge = |name: &str, help: &str| Family::gauge(&format!("source_{name}"), help);
    let counter = |name: &str, help: &str| Family::counter(&format!("source_{name}"), help);
    [
        each(
            sources,
            gauge("connected", "Whether the source's connection to Redis stands: 1 if so."),
            |source| source.connected,
        ),
        each(sources, gauge("lag_events", "Entries in Redis not yet applied."), |source| {
            source.lag_entries
        }),
        each(sources, gauge("lag_seconds", "Age of the oldest entry not yet applied."), |source| {
            source.lag_seconds
        }),
        each(
            sources,
            gauge("pending_entries", "Entries applied and not yet acknowledged to Redis."),
            |source| source.pending_entries,
        ),
        each(
            sources,
            counter(
                "replayed_events_total",
                "Events read again because an earlier process applied them without a checkpoint.",
            ),
            |source| source.replayed,
        ),
        each(sources, counter("reconnects_total", "Connections to Redis rebuilt."), |source| {
            source.reconnects
        }),
    ]
}

fn source_labels(key: &SourceKey) -> [(&str, &str); 2] {
    [("key", &key.key), ("source", key.kind.as_str())]
}

fn queue_reports(sources: &Sources) -> [Family; 2] {
    let mut by_key: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (source, report) in sources {
        let (empty, pending) = by_key.entry(&source.key).or_default();
        *empty += report.empty_reads;
        *pending += report.lag_entries;
    }
    let mut empty = Family::counter("redis_queue_empty_pops_total", "Reads that found nothing.");
    let mut pending = Family::gauge("redis_queue_pending_size", "Events not yet applied.");
    for (key, (empty_pops, pending_size)) in by_key {
        empty = empty.sample(&[("queueKey", key), ("worker", WORKER)], empty_pops);
        pending = pending.sample(&[("queueKey", key)], pending_size);
    }
    [empty, pending]
}

fn tallies(tallies: &[(SourceKey, Tally)]) -> [Family; 3] {
    let mut lost = Family::counter(
        "source_lost_events_total",
        "Events that Redis acknowledged to a producer and no longer had when they were to be read.",
    );
    let mut by_key: BTreeMap<&str, Tally> = BTreeMap::new();
    for (source, tally) in tallies {
        lost = lost.sample(&source_labels(source), tally.lost);
        by_key.entry(&source.key).or_default().add(tally);
    }
    let mut processed = Family::counter("processed_metrics_total", "Events applied to the state.");
    let mut dropped = Family::counter("dropped_metrics_total", "Events refused, by reason.");
    for (key, tally) in by_key {
        processed = processed.sample(&[("queueKey", key), ("worker", WORKER)], tally.processed);
        for reason in Reason::ALL {
            let labels = [("queueKey", key), ("reason", reason.as_str()), ("worker", WORKER)];
            dropped = dropped.sample(&labels, tally.dropped[reason as usize]);
        }
    }
    [lost, processed, dropped]
}

fn dead_letters(letters: &DeadLetters) -> [Family; 4] {
    let counts = letters.counts();
    let counter = |name: &str, help: &str| Family::counter(&format!("dead_letters_{name}"), help);
    [
        Family::gauge("dead_letters_pending", "Dead letters waiting to be written to Redis.")
            .value(counts.pending),
        counter("written_total", "Dead letters written to Redis.").value(counts.written),
        counter("discarded_total", "Dead letters given up because too many waited.")
            .value(counts.discarded),
        counter("write_failures_total", "Attempts to write dead letters that failed.")
            .value(counts.failed_writes),
    ]
}
