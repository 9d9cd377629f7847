//! Pushes over HTTP: taken in, handed to whoever applies them, and answered.
//!
//! A push goes through four hands here. [`path`] reads the labels that stand in its path, [`head`]
//! what its headers and query say, [`body`] its bytes, within limits of size, memory and time, and
//! [`decompress`] unpacks them. What comes out is a [`PushRequest`]; the [`PushFront`] applies it
//! and [`answer`] says so in the words of the dialect.

use std::sync::Arc;

use bytes::Buf;
use futures_util::stream::Stream;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::reply::Response;
use super::router::Request;
use crate::config::PushConfig;
use crate::dead_letters::warn_limiter::WarnLimiter;
use crate::decode::push::{BodyFormat, Dialect, Method, PushRequest};
use crate::decode::text_start;
use crate::expose::own_metrics::PushMetrics;
use crate::model::{PushApplied, Timestamp};
use crate::push::{PushFront, random_ticket};

mod answer;
mod body;
mod buffer;
mod decompress;
mod failure;
mod head;
mod path;

use body::IncomingBody;
use buffer::{Budget, Held};
use failure::Failure;
use head::Head;
use head::Meaning;

/// What all pushes share.
pub(super) struct Pushes {
    front: PushFront,
    config: Arc<PushConfig>,
    budget: Budget,
    metrics: PushMetrics,
    warnings: Mutex<WarnLimiter>,
}

/// `POST|PUT|DELETE /metrics[/<label>/<value>…]`.
pub(super) async fn metrics(request: Request, pushes: Arc<Pushes>) -> Response {
    let (request, body) = request.into_parts();
    let method = match request.method {
        http::Method::PUT => Method::Put,
        http::Method::DELETE => Method::Delete,
        _ => Method::Post,
    };
    let head = Head::of(&request);
    let labels = request.uri.path().strip_prefix("/metrics").unwrap_or_default();
    let labels = labels.strip_prefix('/').unwrap_or_default();
    let (dialect, outcome) = pushes.handle(method, None, labels, &head, body).await;
    match outcome {
        Ok(_) => answer::taken(dialect, method),
        Err(failure) => answer::text(&failure),
    }
}

/// `POST /api/v1/events`.
pub(super) async fn events(request: Request, pushes: Arc<Pushes>) -> Response {
    let (request, body) = request.into_parts();
    let head = Head::of(&request);
    let (_, outcome) = pushes.handle(Method::Post, Some(BodyFormat::Events), "", &head, body).await;
    answer::json(&outcome)
}

/// `PUT /api/v1/admin/wipe`.
pub(super) async fn wipe(pushes: Arc<Pushes>) -> Response {
    let (head, body) = (Head::default(), futures_util::stream::empty::<Result<&[u8], _>>());
    let (dialect, outcome) = pushes.handle(Method::Wipe, None, "", &head, body).await;
    match outcome {
        Ok(_) => answer::taken(dialect, Method::Wipe),
        Err(failure) => answer::text(&failure),
    }
}

impl Pushes {
    pub(super) fn new(front: PushFront, config: Arc<PushConfig>, metrics: PushMetrics) -> Self {
        let budget = Budget::new(config.max_buffered_bytes, metrics.buffered_bytes());
        Self { front, config, budget, metrics, warnings: Mutex::default() }
    }

    /// Applies a push; also says whose rules it follows, as far as that can be told.
    async fn handle<S, B>(
        &self,
        method: Method,
        format: Option<BodyFormat>,
        labels: &str,
        head: &Head,
        body: S,
    ) -> (Dialect, Result<PushApplied, Failure>)
    where
        S: Stream<Item = Result<B, warp::Error>>,
        B: Buf,
    {
        let dialect = head.dialect(self.config.dialect);
        let measured = self.metrics.begin();
        let events = format == Some(BodyFormat::Events);
        let outcome = match &dialect {
            Ok(dialect) => self.apply(method, *dialect, format, labels, head, body).await,
            Err(failure) => Err(failure.clone()),
        };
        let dialect = dialect.unwrap_or(self.config.dialect);
        let code = match &outcome {
            Ok(_) if events => http::StatusCode::OK,
            Ok(_) => answer::success(dialect, method),
            Err(failure) => failure.status,
        };
        let kind = if events { "events" } else { answer::method_name(method) };
        measured.end(answer::dialect_name(dialect), kind, code.as_u16());
        self.log(dialect, kind, labels, &outcome);
        (dialect, outcome)
    }

    async fn apply<S, B>(
        &self,
        method: Method,
        dialect: Dialect,
        format: Option<BodyFormat>,
        labels: &str,
        head: &Head,
        body: S,
    ) -> Result<PushApplied, Failure>
    where
        S: Stream<Item = Result<B, warp::Error>>,
        B: Buf,
    {
        let mut body =
            IncomingBody::new(Box::pin(body), Instant::now() + self.config.request_timeout);
        let received = async {
            let labels = path::labels(labels)?;
            let meaning = Meaning::of(head, format)?;
            let (body, held) = self.take_in(head, &meaning, &mut body).await?;
            Ok((labels, meaning, body, held))
        };
        let (labels, meaning, body, held) = match received.await {
            Ok(received) => received,
            Err(failure) => {
                if !head.waits_to_send() {
                    body.discard(self.config.max_body_bytes).await;
                }
                return Err(failure);
            }
        };
        self.metrics.received(body.len());
        let request = PushRequest {
            ticket: random_ticket(),
            received_at_milliseconds: Timestamp::now().0,
            dialect,
            method,
            labels,
            format: meaning.format,
            idempotency_key: meaning.idempotency_key,
            body,
        };
        // It goes on when the client goes away, and so does what it holds of the budget.
        let front = self.front.clone();
        let submitted = tokio::spawn(async move {
            let outcome = front.submit(request).await;
            drop(held);
            outcome
        });
        match submitted.await {
            Ok(outcome) => Ok(outcome?),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    /// The whole body, decompressed, and the memory that it takes of all pushes' budget.
    async fn take_in<S, B>(
        &self,
        head: &Head,
        meaning: &Meaning,
        body: &mut IncomingBody<S>,
    ) -> Result<(Vec<u8>, Held), Failure>
    where
        S: Stream<Item = Result<B, warp::Error>> + Unpin,
        B: Buf,
    {
        let limit = self.config.max_body_bytes;
        if head.declares_more_than(limit) {
            return Err(Failure::too_large(limit));
        }
        let received = body.read(self.budget.buffer(limit)).await?;
        let encoding = meaning.encoding;
        let body = if encoding == decompress::Encoding::Identity || received.is_empty() {
            received
        } else {
            let into = self.budget.buffer(limit);
            let unpacking = move || decompress::decompress(encoding, &received, into);
            tokio::task::spawn_blocking(unpacking).await.map_err(Failure::internal)??
        };
        let (mut body, held) = body.into_parts();
        if meaning.format != BodyFormat::Protobuf {
            body.drain(..text_start(&body));
        }
        Ok((body, held))
    }

    /// Every push at debug; of those that were refused one a minute for each reason, at warn.
    fn log(
        &self,
        dialect: Dialect,
        kind: &str,
        labels: &str,
        outcome: &Result<PushApplied, Failure>,
    ) {
        let dialect = answer::dialect_name(dialect);
        match outcome {
            Ok(PushApplied { series, repeated }) => {
                tracing::debug!(dialect, kind, labels, series, repeated, "a push was applied");
            }
            Err(Failure { status, reason, detail }) => {
                let status = status.as_u16();
                tracing::debug!(dialect, kind, labels, status, detail, "a push was not applied");
                let Some(reason) = *reason else { return };
                if let Some(suppressed) = self.warnings.lock().admit(reason, Instant::now()) {
                    tracing::warn!(
                        %reason, detail, dialect, kind, labels, suppressed, "refused a push"
                    );
                }
            }
        }
    }
}
