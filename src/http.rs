//! The HTTP side: every route, on one screen.
//!
//! | path | answer |
//! |---|---|
//! | `/` | `ok` |
//! | `/metrics` | all metrics, in the format asked for; 503 until restored and replayed |
//! | `/-/metrics` | the gateway's own metrics alone, also on a standby and while replaying |
//! | `/-/healthy` | 200 as soon as the process listens |
//! | `/-/ready` | 200 when `/metrics` is complete, else 503 and what is missing |
//! | `PUT`, `POST` `/-/quit`, `/-/reload` | stops; reads certificates and passwords again; off by default |
//! | `/api/v1/status` | what the gateway knows of itself, as JSON |
//! | `/api/v1/dead-letters` | the newest refused events, as JSON, newest first |
//! | `/api/v1/metrics` | the series of groups, by group, as JSON |
//! | `POST`, `PUT`, `DELETE` `/metrics[/<label>/<value>…]` | takes a push |
//! | `POST` `/api/v1/events` | takes events |
//! | `PUT` `/api/v1/admin/wipe` | removes every series; off by default |
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
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, body, path};

use crate::config::{HttpConfig, PushConfig};
use crate::dead_letters::DeadLetters;
use crate::expose::own_metrics::{LateStore, OwnMetrics};
use crate::push::PushFront;
use crate::status::Status;

mod accept;
mod admin;
mod auth;
mod control;
mod cors;
mod encoding;
mod groups;
mod guard;
mod gzip;
pub mod lifecycle;
mod metrics;
mod page;
mod page_cache;
mod push;
mod reject;
mod security;
mod server;
mod settling;
pub(crate) mod tls;
mod web_config;
mod write_timeout;

pub use cors::Cors;
use page_cache::PageCache;
use push::Pushes;
pub use security::{Security, SecurityError};
pub use settling::Settling;

/// What requests are answered from.
#[derive(Clone)]
pub struct HttpContext {
    pub store: LateStore,
    pub settling: Settling,
    pub status: Status,
    pub dead_letters: DeadLetters,
    pub own_metrics: OwnMetrics,
    pub push: PushFront,
    pub push_config: Arc<PushConfig>,
    pub cors: Cors,
    pub security: Security,
    pub limits: HttpLimits,
    pub page: PageOptions,
    /// Cancelled to stop the whole gateway.
    pub shutdown: CancellationToken,
}

/// What pages of metrics hold.
#[derive(Clone, Copy, Debug)]
pub struct PageOptions {
    /// Whether OpenMetrics gets `_created` samples.
    pub created_samples: bool,
}

/// What clients may take.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Pages rendered at the same time; more scrapes wait.
    pub concurrent_scrapes: usize,
    /// Connections open at the same time; more wait to be accepted.
    pub connections: usize,
    /// How long a client may take to secure its connection.
    pub handshake_timeout: Duration,
    /// Passwords compared with a bcrypt hash at the same time; more wait.
    pub password_checks: usize,
    /// How long a connection may take for, or idle before, a request's headers.
    pub header_timeout: Duration,
    /// How long a scrape may wait for its client to read on.
    pub stall_timeout: Duration,
    /// How long requests in flight may take to finish after the shutdown began.
    pub drain_timeout: Duration,
}

/// Unlike a scraper between two requests, a client has nothing to wait for here.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

impl From<&HttpConfig> for HttpLimits {
    fn from(config: &HttpConfig) -> Self {
        Self {
            concurrent_scrapes: config.concurrent_scrapes,
            connections: config.max_connections,
            handshake_timeout: HANDSHAKE_TIMEOUT.min(config.header_timeout),
            password_checks: 2,
            header_timeout: config.header_timeout,
            stall_timeout: config.stall_timeout,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// Serves until `shutdown`, then lets requests in flight finish.
pub async fn serve(listener: TcpListener, context: HttpContext, shutdown: CancellationToken) {
    let (security, limits) = (context.security.clone(), context.limits);
    server::run(listener, routes(context), security, limits, shutdown).await;
}

fn routes(
    context: HttpContext,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    let producers = for_producers(&context);
    // Of the refusals of two tables the later one's is answered: on `/metrics` it names all methods.
    producers
        .or(for_operators(&context))
        .unify()
        .or(for_readers(context))
        .unify()
        .recover(reject::reply)
        .unify()
}

/// What Prometheus and whoever reads metrics asks.
fn for_readers(context: HttpContext) -> BoxedFilter<(Response,)> {
    let scrapes = Arc::new(Semaphore::new(context.limits.concurrent_scrapes));
    let with_scrapes = warp::any().map(move || Arc::clone(&scrapes));
    let pages = PageCache::new(context.own_metrics.page_cache_size());
    let with_pages = warp::any().map(move || pages.clone());
    let (cors, pushes) = (context.cors.clone(), context.push_config.enabled);
    let with_context = warp::any().map(move || context.clone());
    let read = reject::only("GET, HEAD");
    let allowed = if pushes { "GET, HEAD, POST, PUT, DELETE" } else { "GET, HEAD" };

    let metrics = path!("metrics")
        .and(reject::among("GET, HEAD", allowed))
        .and(accept::accept())
        .and(encoding::accept_encoding())
        .and(with_context.clone())
        .and(with_scrapes.clone())
        .and(with_pages)
        .then(metrics::scrape);
    let groups = path!("api" / "v1" / "metrics")
        .and(reject::enabled(pushes))
        .and(read)
        .and(with_context.clone())
        .and(with_scrapes)
        .then(groups::groups);
    let own_metrics = path!("-" / "metrics")
        .and(read)
        .and(accept::accept())
        .and(encoding::accept_encoding())
        .and(with_context)
        .then(metrics::own);

    path!("metrics")
        .and(cors.preflight())
        .or(cors.share(metrics))
        .unify()
        .or(groups)
        .unify()
        .or(own_metrics)
        .unify()
        .boxed()
}

/// What operators and orchestrators ask and order.
fn for_operators(context: &HttpContext) -> BoxedFilter<(Response,)> {
    let context = context.clone();
    let with_context = warp::any().map(move || context.clone());
    let read = reject::only("GET, HEAD");
    let order = reject::only("PUT, POST");
    let api = path("api").and(path("v1"));

    let home = path::end().and(read).map(admin::home);
    let healthy = path!("-" / "healthy").and(read).map(admin::healthy);
    let ready = path!("-" / "ready").and(read).and(with_context.clone()).map(admin::ready);
    let quit = path!("-" / "quit").and(order).and(with_context.clone()).map(control::quit);
    let reload = path!("-" / "reload").and(order).and(with_context.clone()).then(control::reload);
    let status = api.and(path!("status")).and(read).and(with_context.clone()).map(admin::status);
    let dead_letters = api
        .and(path!("dead-letters"))
        .and(read)
        .and(warp::query())
        .and(with_context)
        .map(admin::dead_letters);

    let probes = home.or(healthy).unify().or(ready).unify().or(quit).unify().or(reload).unify();
    probes.or(status).unify().or(dead_letters).unify().boxed()
}

/// What takes pushes.
fn for_producers(context: &HttpContext) -> BoxedFilter<(Response,)> {
    let HttpContext { push, push_config, own_metrics, cors, .. } = context.clone();
    let here = reject::enabled(push_config.enabled);
    let wipes = reject::enabled(push_config.enabled && push_config.enable_admin_api);
    let pushes = Arc::new(Pushes::new(push, push_config, own_metrics.pushes().clone()));
    let with_pushes = warp::any().map(move || Arc::clone(&pushes));
    let api = path("api").and(path("v1")).and(here);

    let push = here
        .and(path("metrics"))
        .and(path::tail())
        .and(reject::only("POST, PUT, DELETE"))
        .and(warp::method())
        .and(push::head())
        .and(body::stream())
        .and(with_pushes.clone())
        .then(push::metrics);
    let events = api
        .and(path!("events"))
        .and(reject::only("POST"))
        .and(push::head())
        .and(body::stream())
        .and(with_pushes.clone())
        .then(push::events);
    let wipe = wipes
        .and(path!("api" / "v1" / "admin" / "wipe"))
        .and(reject::only("PUT"))
        .and(with_pushes)
        .then(push::wipe);

    let pushed = here.and(path("metrics")).or(api.and(path!("events"))).unify();
    let preflight = pushed.and(cors.preflight());
    preflight.or(cors.share(push.or(events).unify())).unify().or(wipe).unify().boxed()
}

#[cfg(test)]
mod tests;
