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

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{HttpConfig, PushConfig};
use crate::dead_letters::DeadLetters;
use crate::expose::own_metrics::{LateStore, OwnMetrics};
use crate::push::PushFront;
use crate::status::Status;

mod accept;
mod admin;
mod auth;
mod control;
mod cuts;
mod encoding;
mod groups;
mod guard;
mod gzip;
mod hosts;
pub mod lifecycle;
mod listen;
mod metrics;
mod origins;
mod page;
mod page_cache;
mod places;
mod push;
mod reply;
mod router;
mod security;
mod server;
mod settling;
pub(crate) mod tls;
mod turns;
mod web_config;
mod write_timeout;

use auth::checks::PasswordChecks;
use cuts::Cuts;
use guard::Policy;
pub use listen::bind;
pub use origins::Origins;
use page_cache::PageCache;
use push::Pushes;
use router::Path::{At, Below};
use router::Router;
pub use security::{Security, SecurityError};
pub use settling::Settling;
use turns::Turns;

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
    pub origins: Origins,
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
    /// Connections open at the same time; those idle longest are closed to make room for more.
    pub connections: usize,
    /// How long a client may take to secure its connection.
    pub handshake_timeout: Duration,
    /// Passwords compared with a bcrypt hash at the same time; more wait, one for each address.
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
    let policy = policy(&context, context.security.clone(), context.origins.clone());
    server::run(listener, routes(context.clone()), policy, &context, shutdown).await;
}

fn policy(context: &HttpContext, security: Security, origins: Origins) -> Policy {
    let waiting = context.own_metrics.http().password_checks_waiting.clone();
    let checks = PasswordChecks::new(context.limits.password_checks, waiting);
    Policy { security, origins, checks }
}

/// What handlers answer from.
#[derive(Clone)]
struct Shared {
    context: HttpContext,
    cuts: Cuts,
    turns: Turns,
    pages: PageCache,
    pushes: Arc<Pushes>,
}

const READ: &[&str] = &["GET", "HEAD"];
const ORDER: &[&str] = &["PUT", "POST"];
const PUSH: &[&str] = &["POST", "PUT", "DELETE"];

fn routes(context: HttpContext) -> Router<Shared> {
    let PushConfig { enabled, enable_admin_api, .. } = *context.push_config;
    let router = Router::new(Shared::of(context))
        .route(READ, At("/"), |_, _| async { admin::home() })
        .route(READ, At("/metrics"), metrics::scrape)
        .route(READ, At("/-/metrics"), |request, all| metrics::own(request, all.context))
        .route(READ, At("/-/healthy"), |_, _| async { admin::healthy() })
        .route(READ, At("/-/ready"), |_, all| async move { admin::ready(&all.context) })
        .route(ORDER, At("/-/quit"), |_, all| async move { control::quit(&all.context) })
        .route(ORDER, At("/-/reload"), |_, all| control::reload(all.context))
        .route(READ, At("/api/v1/status"), |_, all| async move { admin::status(&all.context) })
        .route(READ, At("/api/v1/dead-letters"), admin::dead_letters);
    if !enabled {
        return router;
    }
    let router = router
        .route(READ, At("/api/v1/metrics"), |_, all| groups::groups(all))
        .route(PUSH, At("/metrics"), |request, all| push::metrics(request, all.pushes))
        .route(PUSH, Below("/metrics/"), |request, all| push::metrics(request, all.pushes))
        .route(&["POST"], At("/api/v1/events"), |request, all| push::events(request, all.pushes));
    match enable_admin_api {
        true => router.route(&["PUT"], At("/api/v1/admin/wipe"), |_, all| push::wipe(all.pushes)),
        false => router,
    }
}

impl Shared {
    fn of(context: HttpContext) -> Self {
        let HttpContext { push, push_config, own_metrics, limits, .. } = context.clone();
        let broken_off = own_metrics.http().pages_broken_off.clone();
        Self {
            context,
            cuts: Cuts::default(),
            turns: Turns::new(limits.concurrent_scrapes, broken_off),
            pages: PageCache::new(own_metrics.page_cache_size()),
            pushes: Arc::new(Pushes::new(push, push_config, own_metrics.pushes().clone())),
        }
    }
}

#[cfg(test)]
mod tests;
