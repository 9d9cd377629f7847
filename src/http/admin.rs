//! What operators and orchestrators ask: alive, ready, status, dead letters.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use serde::Serialize;
use url::form_urlencoded;

use super::reply::{self, Response};
use super::router::Request;
use super::{HttpContext, Shared};
use crate::config::PushConfig;
use crate::dead_letters::RecentLetter;
use crate::expose::own_metrics::{REVISION, VERSION};
use crate::model::{Reason, SourceKey, Timestamp};
use crate::status::{CheckpointReport, OwnershipReport, Phase, SourceReport};

pub(super) fn home() -> Response {
    reply::text(StatusCode::OK, "ok")
}

pub(super) fn healthy() -> Response {
    reply::text(StatusCode::OK, "healthy\n")
}

pub(super) fn ready(context: &HttpContext) -> Response {
    let reasons = context.status.report().not_ready();
    if reasons.is_empty() {
        reply::text(StatusCode::OK, "ready\n")
    } else {
        reply::text(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", reasons.join("\n")))
    }
}

/// Two shapes in one: our own, and beside it `status` and `data` as clients of the Pushgateway's
/// API look for them.
#[derive(Serialize)]
struct StatusView {
    status: &'static str,
    data: PushgatewayView,
    version: &'static str,
    revision: &'static str,
    uptime_seconds: f64,
    phase: Phase,
    /// What `/metrics` still waits for.
    missing: Vec<String>,
    /// What is wrong although it may be complete.
    degraded: Vec<String>,
    /// Absent until the snapshot is restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    families: Option<u64>,
    sources: Vec<SourceView>,
    checkpoint: CheckpointView,
    ownership: OwnershipReport,
    /// Why the changed TLS and user files are not in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    web_config_error: Option<String>,
    dead_letters: DeadLettersView,
}

#[derive(Serialize)]
struct PushgatewayView {
    build_information: BTreeMap<&'static str, &'static str>,
    flags: BTreeMap<&'static str, String>,
    start_time: String,
}

#[derive(Serialize)]
struct SourceView {
    kind: &'static str,
    key: String,
    #[serde(flatten)]
    report: SourceReport,
    processed: u64,
    lost: u64,
    /// Only reasons that occurred.
    dropped: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct CheckpointView {
    #[serde(flatten)]
    report: CheckpointReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<f64>,
}

#[derive(Serialize)]
struct DeadLettersView {
    pending: u64,
    written: u64,
    discarded: u64,
    failed_writes: u64,
}

pub(super) fn status(context: &HttpContext) -> Response {
    let report = context.status.report();
    let size = context.store.get().map(|store| store.size());
    let age = |at: f64| (Timestamp::now().as_seconds() - at).max(0.0);
    let letters = context.dead_letters.counts();
    let view = StatusView {
        status: "success",
        data: pushgateway(context),
        version: VERSION,
        revision: REVISION,
        uptime_seconds: context.status.uptime().as_secs_f64(),
        phase: report.phase,
        missing: report.missing(),
        degraded: report.degraded(),
        series: size.map(|size| size.series),
        families: size.map(|size| size.families),
        sources: sources(context, report.sources),
        checkpoint: CheckpointView {
            age_seconds: report.checkpoint.last_success_timestamp_seconds.map(age),
            report: report.checkpoint,
        },
        ownership: report.ownership,
        web_config_error: report.web_config_error,
        dead_letters: DeadLettersView {
            pending: letters.pending,
            written: letters.written,
            discarded: letters.discarded,
            failed_writes: letters.failed_writes,
        },
    };
    reply::json(StatusCode::OK, &view)
}

fn pushgateway(context: &HttpContext) -> PushgatewayView {
    let PushConfig { enable_admin_api, enable_lifecycle, .. } = &*context.push_config;
    PushgatewayView {
        build_information: [("version", VERSION), ("revision", REVISION)].into(),
        flags: [
            ("web.enable-admin-api", enable_admin_api.to_string()),
            ("web.enable-lifecycle", enable_lifecycle.to_string()),
            ("web.telemetry-path", "/metrics".into()),
        ]
        .into(),
        start_time: context.status.started_at().rfc3339(),
    }
}

/// Every source that runs, and every one that the state remembers.
fn sources(
    context: &HttpContext,
    mut reports: BTreeMap<SourceKey, SourceReport>,
) -> Vec<SourceView> {
    let tallies = context.store.get().map(|store| store.tallies()).unwrap_or_default();
    let mut tallies: BTreeMap<_, _> = tallies.into_iter().collect();
    let keys: BTreeSet<_> = reports.keys().chain(tallies.keys()).cloned().collect();
    keys.into_iter()
        .map(|source| {
            let tally = tallies.remove(&source).unwrap_or_default();
            let dropped = Reason::ALL
                .into_iter()
                .map(|reason| (reason.as_str(), tally.dropped[reason as usize]));
            SourceView {
                kind: source.kind.as_str(),
                report: reports.remove(&source).unwrap_or_default(),
                processed: tally.processed,
                lost: tally.lost,
                dropped: dropped.filter(|(_, count)| *count > 0).collect(),
                key: source.key,
            }
        })
        .collect()
}

#[derive(Serialize)]
struct LetterView<'a> {
    reason: &'static str,
    detail: &'a str,
    source: &'a str,
    position: &'a str,
    timestamp_seconds: f64,
    /// The payload's own length; what is shown may be cut.
    payload_bytes: usize,
    payload: Cow<'a, str>,
    /// The exact bytes, when they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

/// `?limit=N`; all that are in memory without it.
pub(super) async fn dead_letters(request: Request, shared: Shared) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let limit = match parameters.find(|(name, _)| name == "limit").map(|(_, value)| value.parse()) {
        None => usize::MAX,
        Some(Ok(limit)) => limit,
        Some(Err(_)) => {
            return reply::text(StatusCode::BAD_REQUEST, "invalid query: limit must be a number\n");
        }
    };
    let newest = shared.context.dead_letters.newest(limit);
    let views: Vec<_> = newest.iter().map(letter_view).collect();
    reply::json(StatusCode::OK, &views)
}

fn letter_view(RecentLetter { letter, payload_bytes }: &RecentLetter) -> LetterView<'_> {
    let payload = String::from_utf8_lossy(&letter.payload);
    let exact = matches!(payload, Cow::Borrowed(_));
    LetterView {
        reason: letter.reason.as_str(),
        detail: &letter.detail,
        source: &letter.source,
        position: &letter.position,
        timestamp_seconds: letter.at.as_seconds(),
        payload_bytes: *payload_bytes,
        payload,
        payload_base64: (!exact).then(|| BASE64_STANDARD.encode(&letter.payload)),
    }
}
