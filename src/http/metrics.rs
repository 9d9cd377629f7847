//! `/metrics`.
//!
//! An incomplete page would look like a counter reset to Prometheus, so there
//! is none: until the state is restored and replayed the answer is 503. What
//! the gateway says of itself has a page of its own, `/-/metrics`, which is
//! there from the first moment, and on a standby.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use warp::http::header::{CONTENT_TYPE, RETRY_AFTER};
use warp::http::{HeaderValue, StatusCode};
use warp::reply::Response;

use super::encoding::Encoding;
use super::{HttpContext, page, reject};
use crate::expose::{self, Form};
use crate::model::Timestamp;
use crate::store::Cut;

const CONTENT_TYPE_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn scrape(
    encoding: Encoding,
    context: HttpContext,
    scrapes: Arc<Semaphore>,
) -> Response {
    let HttpContext { store, status, own_metrics, .. } = context;
    let missing = status.missing();
    if !missing.is_empty() {
        return not_yet(&missing.join("\n"));
    }
    let Some(store) = store.get().cloned() else {
        return not_yet("restoring the snapshot");
    };
    // Held by the renderer, not by this future: a page that nobody waits for any more still counts until it stopped.
    let turn = scrapes.acquire_owned().await.expect("the semaphore is never closed");
    let still = status.clone();
    let page = page::spawn(encoding, move |writer| {
        let _turn = turn;
        let started_at = Instant::now();
        let now = Timestamp::now();
        let own = own_metrics.families();
        let mut pushed = Ok(());
        let rendered = expose::render(&store.scrape(now), &own, now, Form::TEXT, |chunk| {
            pushed = match status.is_ready() {
                true => writer.push(chunk),
                // Paused in the middle, perhaps, and another process has served newer values.
                false => Err(io::Error::other("the lease ran out while rendering")),
            };
            if pushed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if rendered.is_continue() {
            own_metrics.observe_scrape(started_at.elapsed());
        }
        pushed
    });
    match page.into_response(encoding).await {
        Ok(mut response) => {
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_TEXT));
            response
        }
        // It was handed over, or the lease ran out, before the first byte was sent.
        Err(_) if !still.is_ready() => not_yet(&still.missing().join("\n")),
        Err(error) => {
            tracing::error!(%error, "cannot render the metrics");
            reject::text(StatusCode::INTERNAL_SERVER_ERROR, "cannot render the metrics\n")
        }
    }
}

/// The gateway's own metrics alone.
pub(super) fn own(context: HttpContext) -> Response {
    let own = context.own_metrics.families();
    let mut body = Vec::new();
    let _whole = expose::render(&Cut::default(), &own, Timestamp::now(), Form::TEXT, |chunk| {
        body.extend(chunk);
        ControlFlow::Continue(())
    });
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_TEXT));
    response
}

fn not_yet(reason: &str) -> Response {
    let mut response = reject::text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n"));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
