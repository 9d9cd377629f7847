//! Web pages of other origins that push or scrape: cross-origin resource sharing.
//!
//! A browser asks before it sends what a form could not (a preflight, `OPTIONS`), and then hides
//! the answer from the page unless the answer names the page's origin. Without
//! `Http.CorsOrigins` nothing here does anything.

use std::sync::Arc;

use warp::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode};
use warp::reject::Rejection;
use warp::reply::{Reply, Response};
use warp::{Filter, filters::BoxedFilter};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Content-Type, Content-Encoding, Authorization, Idempotency-Key, Dialect",
);

/// For how many seconds a browser need not ask again.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

const ANY: &str = "*";

/// Whose pages may ask; copies share it.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    origins: Arc<[String]>,
}

impl Cors {
    /// Origins as browsers send them; `*` stands for all.
    pub fn new(origins: &[String]) -> Self {
        Self { origins: origins.into() }
    }

    /// Answers preflights, and passes on everything else.
    pub(super) fn preflight(&self) -> BoxedFilter<(Response,)> {
        let cors = self.clone();
        let answer = move |method: Method, headers: HeaderMap| {
            let asks = headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
            let allowed = cors.allow(headers.get(ORIGIN));
            let answer = match allowed {
                Some(origin) if asks && method == Method::OPTIONS => Ok(go_ahead(origin)),
                _ => Err(warp::reject::not_found()),
            };
            async { answer }
        };
        warp::method().and(warp::header::headers_cloned()).and_then(answer).boxed()
    }

    /// Shows the answers of a route to the pages that may ask.
    pub(super) fn share(
        &self,
        route: impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static,
    ) -> BoxedFilter<(Response,)> {
        let cors = self.clone();
        let show = move |headers: HeaderMap, mut response: Response| {
            if let Some(allowed) = cors.allow(headers.get(ORIGIN)) {
                response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            }
            if !cors.origins.is_empty() {
                response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
            }
            response
        };
        warp::header::headers_cloned().and(route).map(show).boxed()
    }

    /// What to say of an origin.
    fn allow(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        let origin = origin?;
        if self.origins.iter().any(|allowed| allowed == ANY) {
            return Some(HeaderValue::from_static(ANY));
        }
        let known = self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes());
        known.then(|| origin.clone())
    }
}

fn go_ahead(origin: HeaderValue) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    response
}
