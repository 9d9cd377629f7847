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

use http::StatusCode;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::reply::{self, Response};
use super::router::Path::At;
use super::router::Router;
use super::{HttpContext, Origins, READ, Security, metrics, policy, server};
use crate::expose::own_metrics::{REVISION, VERSION};

/// Serves until `shutdown`.
pub async fn serve(listener: TcpListener, context: HttpContext, shutdown: CancellationToken) {
    // For a port that only orchestrators reach: neither TLS nor passwords, nor anything for pages.
    let policy = policy(&context, Security::default(), Origins::default());
    server::run(listener, routes(context.clone()), policy, &context, shutdown).await;
}

fn routes(context: HttpContext) -> Router<HttpContext> {
    Router::new(context)
        .route(READ, At("/healthy"), |_, _| async { health(true) })
        .route(READ, At("/ready"), |_, context| async move { ready(&context) })
        .route(READ, At("/metrics"), metrics::own)
}

#[derive(Serialize)]
struct HealthView {
    name: &'static str,
    alive: bool,
    version: &'static str,
    #[serde(rename = "commitSHA")]
    commit_sha: &'static str,
}

fn ready(context: &HttpContext) -> Response {
    health(context.status.report().not_ready().is_empty())
}

fn health(alive: bool) -> Response {
    let view =
        HealthView { name: env!("CARGO_PKG_NAME"), alive, version: VERSION, commit_sha: REVISION };
    let status = if alive { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply::json(status, &view)
}
