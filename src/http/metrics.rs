//! `/metrics`.
//!
//! An incomplete page would look like a counter reset to Prometheus, so there
//! is none: until the state is restored and replayed the answer is 503. What
//! the gateway says of itself has a page of its own, `/-/metrics`, which is
//! there from the first moment, and on a standby.

use std::io;
use std::ops::ControlFlow;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use tokio::time::Instant;

use super::accept::Negotiated;
use super::cuts::{self, View};
use super::encoding::Encoding;
use super::reply::{self, Response};
use super::router::Request;
use super::{HttpContext, Shared, accept, encoding, page};
use crate::expose::{self, Format};
use crate::model::Timestamp;
use crate::store::Cut;

pub(super) async fn scrape(request: Request, shared: Shared) -> Response {
    let negotiated = accept::negotiate(request.headers());
    let encoding = encoding::accepted(request.headers());
    let HttpContext { store, status, own_metrics, page, .. } = shared.context.clone();
    let form = negotiated.form(page.created_samples);
    let missing = status.missing();
    if !missing.is_empty() {
        return not_yet(&missing.join("\n"));
    }
    let Some(store) = store.get() else {
        return not_yet("restoring the snapshot");
    };
    let (turn, view) = match cuts::settled(&shared, store).await {
        Ok(settled) => settled,
        Err(error) => return failed(&io::Error::other(error)),
    };
    let (started_at, still, pages) = (Instant::now(), status.clone(), shared.pages);
    // A page of protobuf cannot be put together: each family begins with its length.
    let in_blocks = encoding == Encoding::Gzip && form.format != Format::Protobuf;
    // What comes out of the cache is compressed already.
    let left_to_do = if in_blocks { Encoding::Identity } else { encoding };
    let page = page::spawn(left_to_do, Some(turn), move |writer| {
        let View { own, cut } = &*view;
        let mut pushed = Ok(());
        let emit = |chunk| {
            pushed = match status.is_ready() {
                true => writer.push(chunk),
                // Paused in the middle, perhaps, and another process has served newer values.
                false => Err(io::Error::other("the lease ran out while rendering")),
            };
            if pushed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let rendered = match in_blocks {
            true => pages.render(cut, own, cut.taken_at, form, emit),
            false => expose::render(cut, own, cut.taken_at, form, emit),
        };
        if rendered.is_continue() {
            own_metrics.observe_scrape(started_at.elapsed());
        }
        pushed
    });
    match page.into_response(encoding).await {
        Ok(response) => of_type(negotiated, response),
        // It was handed over, or the lease ran out, before the first byte was sent.
        Err(_) if !still.is_ready() => not_yet(&still.missing().join("\n")),
        Err(error) => failed(&error),
    }
}

/// The gateway's own metrics alone.
pub(super) async fn own(request: Request, context: HttpContext) -> Response {
    let negotiated = accept::negotiate(request.headers());
    let encoding = encoding::accepted(request.headers());
    let form = negotiated.form(context.page.created_samples);
    let page = page::spawn(encoding, None, move |writer| {
        let own = context.own_metrics.families();
        let mut pushed = Ok(());
        let _ended_early = expose::render(&Cut::default(), &own, Timestamp::now(), form, |chunk| {
            pushed = writer.push(chunk);
            if pushed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        pushed
    });
    match page.into_response(encoding).await {
        Ok(response) => of_type(negotiated, response),
        Err(error) => failed(&error),
    }
}

fn of_type(negotiated: Negotiated, mut response: Response) -> Response {
    response.headers_mut().insert(CONTENT_TYPE, negotiated.content_type());
    response
}

fn failed(error: &io::Error) -> Response {
    tracing::error!(%error, "cannot render the metrics");
    reply::text(StatusCode::INTERNAL_SERVER_ERROR, "cannot render the metrics\n")
}

fn not_yet(reason: &str) -> Response {
    let mut response = reply::text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n"));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
