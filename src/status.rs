//! What the gateway knows of itself: one truth for `/api/v1/status`, `/-/ready`
//! and our own metrics. Tasks write it, requests read it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

use crate::lease::Lease;
use crate::model::{SourceKey, SourceKind, Timestamp};

/// Shared by everything that reports; clones share it.
#[derive(Clone)]
pub struct Status {
    inner: Arc<Inner>,
}

struct Inner {
    started_at: Timestamp,
    report: Mutex<Report>,
    /// Set once, when this process becomes the owner.
    lease: OnceLock<Lease>,
}

/// A copy of everything, for one request.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub phase: Phase,
    pub sources: BTreeMap<SourceKey, SourceReport>,
    pub checkpoint: CheckpointReport,
    pub ownership: OwnershipReport,
    /// What waits in sources that the state knows and nobody reads any more.
    pub unread: BTreeMap<SourceKey, String>,
    /// Why there is no journal of pushes, where there should be one.
    pub journal_error: Option<String>,
    /// Why the changed TLS and user files are not in force.
    pub web_config_error: Option<String>,
    /// Commands that Redis does not let us give, and that the sources give.
    pub denied: Vec<String>,
}

/// How far the start has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Another process owns the identity.
    Standby,
    /// Reading the snapshot.
    #[default]
    Restoring,
    /// Reading what Redis holds since the snapshot.
    Replaying,
    /// `/metrics` is complete.
    Serving,
    /// Told to stop; still serving until the final checkpoint is durable.
    Stopping,
}

/// One source, as its tasks see it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SourceReport {
    /// Human-readable position up to which events are applied.
    pub position: String,
    pub connected: bool,
    /// Why it is not connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Replay has reached the tail that the source had at start.
    pub caught_up: bool,
    /// Entries in Redis that are not yet applied.
    pub lag_entries: u64,
    /// Age of the oldest entry not yet applied.
    pub lag_seconds: f64,
    /// Entries applied and not yet acknowledged to Redis.
    pub pending_entries: u64,
    /// Events of this process that an earlier one may have applied without a checkpoint.
    pub replayed: u64,
    pub reconnects: u64,
    /// Polls or blocking reads that came back empty.
    pub empty_reads: u64,
}

/// The checkpointer's last results.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckpointReport {
    /// `<epoch>-<sequence>` of the newest durable snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    /// Seconds since the epoch of the last success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success_timestamp_seconds: Option<f64>,
    pub duration_seconds: f64,
    /// How long ingestion stood still for the cut.
    pub cut_seconds: f64,
    pub size_bytes: u64,
    pub successes: u64,
    /// Of the successes, those that wrote all of the state; the others, what changed.
    pub whole_snapshots: u64,
    pub failures: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When the first attempt since the last success was begun; `None`: none was.
    #[serde(skip)]
    pub behind_since: Option<Instant>,
    /// How long that may last until the gateway calls itself degraded.
    #[serde(skip)]
    pub patience: Option<Duration>,
}

/// Who owns the identity, at the moment of asking.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OwnershipReport {
    pub owner: bool,
    pub epoch: u64,
    /// Until when, unless it is renewed; absent where a lock lasts as long as the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_remaining_seconds: Option<f64>,
    /// Why this process is the owner no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<&'static str>,
}

impl OwnershipReport {
    fn of(lease: &Lease) -> Self {
        let owner = lease.is_valid();
        Self {
            owner,
            epoch: lease.epoch(),
            lease_remaining_seconds: lease.remaining().map(|left| left.as_secs_f64()),
            lost: match (owner, lease.is_over()) {
                (true, _) => None,
                (false, true) => Some("the ownership was given back, or another process has it"),
                (false, false) => Some(
                    "the lease has run out: the storage of the snapshots has not confirmed the \
                     ownership in time",
                ),
            },
        }
    }
}

impl Status {
    pub fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                started_at: Timestamp::now(),
                report: Mutex::default(),
                lease: OnceLock::new(),
            }),
        }
    }

    pub fn started_at(&self) -> Timestamp {
        self.inner.started_at
    }

    pub fn uptime(&self) -> Duration {
        Timestamp::now().since(self.inner.started_at)
    }

    pub fn report(&self) -> Report {
        let report = self.inner.report.lock().clone();
        match self.inner.lease.get() {
            Some(lease) => Report { ownership: OwnershipReport::of(lease), ..report },
            None => report,
        }
    }

    /// This process is the owner from here on, as long as the lease says so.
    pub fn set_lease(&self, lease: Lease) {
        // A process becomes the owner once at most.
        self.inner.lease.get_or_init(|| lease);
    }

    pub fn set_phase(&self, phase: Phase) {
        self.inner.report.lock().phase = phase;
    }

    /// Changes one source's report.
    pub fn source(&self, key: &SourceKey, change: impl FnOnce(&mut SourceReport)) {
        change(self.inner.report.lock().sources.entry(key.public()).or_default());
    }

    pub fn checkpoint(&self, change: impl FnOnce(&mut CheckpointReport)) {
        change(&mut self.inner.report.lock().checkpoint);
    }

    /// `None`: nothing waits any more.
    pub fn set_unread(&self, source: &SourceKey, what: Option<String>) {
        let mut report = self.inner.report.lock();
        match what {
            Some(what) => report.unread.insert(source.clone(), what),
            None => report.unread.remove(source),
        };
    }

    /// The journal of pushes cannot be opened or made, or `None` when it could.
    pub fn set_journal_error(&self, error: Option<String>) {
        self.inner.report.lock().journal_error = error;
    }

    /// Not a reason to be degraded: what was read before stays in force, and a gateway that
    /// nobody scrapes because of a typing error would be the greater harm.
    pub fn set_web_config_error(&self, error: Option<String>) {
        self.inner.report.lock().web_config_error = error;
    }

    /// What Redis does not permit of what the sources do.
    pub fn set_denied(&self, denied: Vec<String>) {
        self.inner.report.lock().denied = denied;
    }

    /// `/metrics` is complete.
    pub fn is_ready(&self) -> bool {
        let owner = self.inner.lease.get().is_none_or(Lease::is_valid);
        owner && self.inner.report.lock().phase.is_ready()
    }

    /// What is wrong although `/metrics` may be complete.
    pub fn degraded(&self) -> Vec<String> {
        self.inner.report.lock().degraded()
    }

    /// Whether every source has reached the tail it had at start.
    pub fn caught_up(&self) -> bool {
        self.inner.report.lock().sources.values().all(|source| source.caught_up)
    }

    /// What `/metrics` still waits for; empty exactly when it is complete.
    pub fn missing(&self) -> Vec<String> {
        self.report().missing()
    }
}

impl Phase {
    /// In the order in which a process goes through them.
    pub const ALL: [Self; 5] =
        [Self::Standby, Self::Restoring, Self::Replaying, Self::Serving, Self::Stopping];

    /// Whether `/metrics` is complete in this phase.
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Serving | Self::Stopping)
    }

    /// The phase as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standby => "standby",
            Self::Restoring => "restoring",
            Self::Replaying => "replaying",
            Self::Serving => "serving",
            Self::Stopping => "stopping",
        }
    }
}

impl Report {
    /// What `/metrics` still waits for; empty exactly when it is complete.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = self.missing_in_phase();
        if let Some(lost) = self.ownership.lost {
            missing.insert(0, format!("standby: {lost}"));
        }
        missing
    }

    fn missing_in_phase(&self) -> Vec<String> {
        match self.phase {
            Phase::Standby => vec!["standby: another process owns this identity".into()],
            Phase::Restoring => vec![match (&self.journal_error, &self.checkpoint.last_error) {
                (Some(error), _) => format!("waiting for the journal of pushes: {error}"),
                (None, Some(error)) => format!("waiting for the storage: {}", one_line(error)),
                (None, None) => "restoring the snapshot".into(),
            }],
            Phase::Replaying => self.replaying(),
            Phase::Serving | Phase::Stopping => Vec::new(),
        }
    }

    /// Why `/-/ready` says no: what `/metrics` still waits for, or a gateway that needs somebody to
    /// look soon.
    pub fn not_ready(&self) -> Vec<String> {
        let mut reasons = self.missing();
        reasons.extend(self.looked_for_soon());
        reasons
    }

    /// What keeps from being ready though `/metrics` may be complete.
    fn looked_for_soon(&self) -> impl Iterator<Item = String> {
        let denied = self.denied.iter().map(|what| format!("Redis does not permit {what}"));
        self.checkpoint.overdue().into_iter().chain(denied)
    }

    /// What is wrong while `/metrics` may be complete. Not all of it is a reason not to be ready:
    /// what nobody reads any more does not come back when nobody is sent here.
    pub fn degraded(&self) -> Vec<String> {
        let no_journal = self.journal_error.as_ref().filter(|_| self.phase != Phase::Restoring);
        let no_journal = no_journal.map(|error| {
            format!(
                "pushes are not taken, and everything else goes on: no journal can be made for \
                 them: {error}; tried again every second. Set Push.Journal to a directory on a \
                 local disk, or Push.Enabled=false"
            )
        });
        let unread = self.unread.values().cloned();
        self.looked_for_soon().chain(no_journal).chain(unread).collect()
    }

    /// The sources that have not reached their tail; never empty, because the
    /// phase is what opens `/metrics`, not the last source.
    fn replaying(&self) -> Vec<String> {
        let mut missing: Vec<_> = self
            .sources
            .iter()
            .filter(|(_, source)| !source.caught_up)
            .map(|(key, source)| match &source.error {
                Some(error) if key.kind == SourceKind::Push => format!("{key}: waiting: {error}"),
                Some(error) => format!("{key}: waiting for Redis: {error}"),
                None if source.connected => {
                    format!("{key}: replaying, {} entries to go", source.lag_entries)
                }
                None => format!("{key}: connecting to Redis"),
            })
            .collect();
        if missing.is_empty() {
            missing.push("replaying".into());
        }
        missing
    }
}

/// A checkpoint that fails is made good by the next, and a store that is restarted is back within
/// some seconds: neither is worth waking anybody.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_INTERVALS: u32 = 3;

impl CheckpointReport {
    /// Checkpoints are tried this often from now on.
    pub fn expect_every(&mut self, interval: Duration) {
        self.patience = Some(LEAST_PATIENCE.max(interval.saturating_mul(PATIENCE_INTERVALS)));
    }

    /// Also a write that has no answer at all counts, from the moment it was begun.
    fn overdue(&self) -> Option<String> {
        let behind = self.behind_since?.elapsed();
        if behind <= self.patience? {
            return None;
        }
        let error = self.last_error.as_deref().unwrap_or("the one in flight has no answer");
        Some(format!(
            "no checkpoint has succeeded for {} s: {}; events are still applied, and Redis \
             keeps what no snapshot covers",
            behind.as_secs(),
            one_line(error),
        ))
    }
}

/// Bucket services answer with documents.
fn one_line(error: &str) -> String {
    error.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

impl Default for Status {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_but_serving_and_stopping_misses_something() {
        let status = Status::new();
        for phase in [Phase::Standby, Phase::Restoring, Phase::Replaying] {
            status.set_phase(phase);
            assert!(!status.missing().is_empty(), "{phase:?}");
            assert!(!status.is_ready(), "{phase:?}");
        }
        for phase in [Phase::Serving, Phase::Stopping] {
            status.set_phase(phase);
            assert!(status.missing().is_empty(), "{phase:?}");
            assert!(status.is_ready(), "{phase:?}");
        }
    }

    #[test]
    fn a_restore_names_the_error_that_it_waits_out() {
        let status = Status::new();
        status.set_phase(Phase::Restoring);
        status.checkpoint(|report| report.last_error = Some("cannot read x:\n 503".into()));
        assert_eq!(status.missing(), ["waiting for the storage: cannot read x: 503"]);
        status.set_journal_error(Some("no journal".into()));
        assert_eq!(status.missing(), ["waiting for the journal of pushes: no journal"]);
        assert_eq!(status.degraded(), [""; 0], "said once");
    }

    #[test]
    fn a_journal_that_cannot_be_made_keeps_nothing_but_pushes_from_going_on() {
        let status = Status::new();
        status.set_phase(Phase::Serving);
        status.set_journal_error(Some("read-only".into()));
        assert_eq!(status.missing(), [""; 0]);
        let why = status.degraded().join("\n");
        assert!(why.contains("no journal can be made for them: read-only;"), "{why}");
        status.set_journal_error(None);
        assert_eq!(status.degraded(), [""; 0]);
    }

    #[test]
    fn a_replay_names_the_sources_it_waits_for() {
        let status = Status::new();
        status.set_phase(Phase::Replaying);
        let key = |key: &str| SourceKey { kind: SourceKind::List, key: key.into() };
        status.source(&key("a"), |source| source.caught_up = true);
        status.source(&key("b"), |source| {
            source.connected = true;
            source.lag_entries = 7;
        });
        status.source(&key("c"), |source| source.error = Some("connection refused".into()));
        assert_eq!(
            status.missing(),
            ["list:b: replaying, 7 entries to go", "list:c: waiting for Redis: connection refused",]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_degraded_once_checkpoints_have_failed_for_longer_than_patience() {
        let second = Duration::from_secs(1);
        for (interval, patience) in [(second, 10 * second), (5 * second, 15 * second)] {
            let status = Status::new();
            status.set_phase(Phase::Serving);
            status.checkpoint(|report| report.behind_since = Some(Instant::now()));
            tokio::time::advance(1000 * second).await;
            assert_eq!(status.degraded(), [""; 0], "nobody has said how often to expect one");
            status.checkpoint(|report| {
                report.expect_every(interval);
                report.behind_since = Some(Instant::now());
            });
            tokio::time::advance(patience).await;
            assert_eq!(status.degraded(), [""; 0], "{interval:?}");
            tokio::time::advance(second).await;
            let why = status.degraded().join("\n");
            assert!(why.contains("no answer"), "{why}");
            status.checkpoint(|report| report.last_error = Some("no\n  space".into()));
            let why = status.degraded().join("\n");
            let told = format!("for {} s: no space; ", (patience + second).as_secs());
            assert!(why.contains(&told), "{why}");
            assert!(status.missing().is_empty(), "the page is complete all the same");
            status.checkpoint(|report| report.behind_since = None);
            assert_eq!(status.degraded(), [""; 0]);
        }
    }

    #[test]
    fn what_nobody_reads_any_more_degrades_and_keeps_nobody_away() {
        let status = Status::new();
        status.set_phase(Phase::Serving);
        let source = SourceKey { kind: SourceKind::List, key: "jobs".into() };
        status.set_unread(&source, Some("list:jobs is not read any more".into()));
        assert_eq!(status.degraded(), ["list:jobs is not read any more"]);
        assert_eq!(status.report().not_ready(), [""; 0]);
        status.set_unread(&source, None);
        assert_eq!(status.degraded(), [""; 0]);
    }

    #[test]
    fn a_phase_reads_the_same_in_json_and_text() {
        for phase in Phase::ALL {
            assert_eq!(serde_json::to_value(phase).expect("a phase serializes"), phase.as_str());
        }
    }
}
