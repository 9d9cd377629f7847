//! A listener of its own for health checks and for what the gateway says of itself.
//!
//! | path | answer |
//! |---|---|
//! | `/healthy` | 200 as soon as the process listens |
//! | `/ready` | 200 when the main listener's `/metrics` is complete, else 503 |
//! | `/metrics` | the gateway's own metrics alone |
//!
//! It is off by default. With it the port that producers and browsers reach need not be the one
//! that orchestrators ask.

use std::convert::Infallible;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};
use warp::{Filter, path};

use super::{HttpContext, Security, accept, encoding, metrics, reject, server};
use crate::expose::own_metrics::{REVISION, VERSION};

/// Serves until `shutdown`.
pub async fn serve(listener: TcpListener, context: HttpContext, shutdown: CancellationToken) {
    let limits = context.limits;
    // For a port that only orchestrators reach: neither TLS nor passwords.
    server::run(listener, routes(context), Security::default(), limits, shutdown).await;
}

fn routes(
    context: HttpContext,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    let with_context = warp::any().map(move || context.clone());
    let read = reject::only("GET, HEAD");
    let healthy = path!("healthy").and(read).map(|| health(true));
    let ready = path!("ready").and(read).and(with_context.clone()).map(ready);
    let own_metrics = path!("metrics")
        .and(read)
        .and(accept::accept())
        .and(encoding::accept_encoding())
        .and(with_context)
        .then(metrics::own);
    healthy.or(ready).unify().or(own_metrics).unify().recover(reject::reply).unify()
}

#[derive(Serialize)]
struct HealthView {
    name: &'static str,
    alive: bool,
    version: &'static str,
    #[serde(rename = "commitSHA")]
    commit_sha: &'static str,
}

fn ready(context: HttpContext) -> Response {
    health(context.status.report().not_ready().is_empty())
}

fn health(alive: bool) -> Response {
    let view =
        HealthView { name: env!("CARGO_PKG_NAME"), alive, version: VERSION, commit_sha: REVISION };
    let status = if alive { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    warp::reply::with_status(warp::reply::json(&view), status).into_response()
}
