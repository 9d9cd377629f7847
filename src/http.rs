//! The HTTP side: every route, on one screen.
//!
//! | path | answer |
//! |---|---|
//! | `/` | `ok` |
//! | `/metrics` | all metrics in the text format; 503 until restored and replayed |
//! | `/-/metrics` | the gateway's own metrics alone, also on a standby and while replaying |
//! | `/-/healthy` | 200 as soon as the process listens |
//! | `/-/ready` | 200 when `/metrics` is complete, else 503 and what is missing |
//! | `/api/v1/status` | what the gateway knows of itself, as JSON |
//! | `/api/v1/dead-letters` | the newest refused events, as JSON, newest first |
//!
//! HEAD works wherever GET does; other methods get 405, other paths 404.
//! The server listens from the first moment, before there is a store: that is
//! why [`HttpContext`] holds a [`LateStore`].

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use warp::reply::Response;
use warp::{Filter, path};

use crate::dead_letters::DeadLetters;
use crate::expose::own_metrics::{LateStore, OwnMetrics};
use crate::push::PushFront;
use crate::status::Status;

mod admin;
mod encoding;
mod metrics;
mod page;
mod reject;
mod server;
mod write_timeout;

/// What requests are answered from.
#[derive(Clone)]
pub struct HttpContext {
    pub store: LateStore,
    pub status: Status,
    pub dead_letters: DeadLetters,
    pub own_metrics: OwnMetrics,
    pub push: PushFront,
    pub limits: HttpLimits,
}

/// What clients may take.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Pages rendered at the same time; more scrapes wait.
    pub concurrent_scrapes: usize,
    /// Connections open at the same time; more wait to be accepted.
    pub connections: usize,
    /// How long a connection may take for, or idle before, a request's headers.
    pub header_timeout: Duration,
    /// How long a scrape may wait for its client to read on.
    pub stall_timeout: Duration,
    /// How long requests in flight may take to finish after the shutdown began.
    pub drain_timeout: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            concurrent_scrapes: 4,
            connections: 512,
            // Longer than the usual scrape interval of a minute, so that Prometheus keeps its connection.
            header_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// Serves until `shutdown`, then lets requests in flight finish.
pub async fn serve(listener: TcpListener, context: HttpContext, shutdown: CancellationToken) {
    let limits = context.limits;
    server::run(listener, routes(context), limits, shutdown).await;
}

fn routes(
    context: HttpContext,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    let scrapes = Arc::new(Semaphore::new(context.limits.concurrent_scrapes));
    let with_scrapes = warp::any().map(move || Arc::clone(&scrapes));
    let with_context = warp::any().map(move || context.clone());
    let read = reject::only("GET, HEAD");

    let home = path::end().and(read).map(admin::home);
    let metrics = path!("metrics")
        .and(read)
        .and(encoding::accept_encoding())
        .and(with_context.clone())
        .and(with_scrapes)
        .then(metrics::scrape);
    let own_metrics = path!("-" / "metrics").and(read).and(with_context.clone()).map(metrics::own);
    let healthy = path!("-" / "healthy").and(read).map(admin::healthy);
    let ready = path!("-" / "ready").and(read).and(with_context.clone()).map(admin::ready);
    let status =
        path!("api" / "v1" / "status").and(read).and(with_context.clone()).map(admin::status);
    let dead_letters = path!("api" / "v1" / "dead-letters")
        .and(read)
        .and(warp::query())
        .and(with_context)
        .map(admin::dead_letters);

    home.or(metrics)
        .unify()
        .or(own_metrics)
        .unify()
        .or(healthy)
        .unify()
        .or(ready)
        .unify()
        .or(status)
        .unify()
        .or(dead_letters)
        .unify()
        .recover(reject::reply)
        .unify()
}

#[cfg(test)]
mod tests;
