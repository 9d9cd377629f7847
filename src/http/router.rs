//! From a request to its handler, by an ordered list of routes, which is one filter of warp's.
//!
//! Of the routes of a path the first that takes the method is asked. A path that has routes, but
//! none for the method, is answered with 405 and the methods that they take; any other with 404.
//! A slash at the end of a path makes no difference.

use std::pin::Pin;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::stream::{Stream, StreamExt};
use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use warp::path::FullPath;
use warp::{Filter, Rejection};

use super::reply::{self, Response};

/// A body as it arrives.
pub(super) type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send>>;

pub(super) type Request = http::Request<Chunks>;

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Where a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    At(&'static str),
    /// Everything that begins so.
    Below(&'static str),
}

#[derive(Clone)]
struct Route<S> {
    methods: &'static [&'static str],
    path: Path,
    handler: Arc<dyn Fn(Request, S) -> Answering + Send + Sync>,
}

/// The routes, and what their handlers answer from; copies share both.
#[derive(Clone)]
pub(super) struct Router<S> {
    routes: Arc<Vec<Route<S>>>,
    shared: S,
}

impl<S: Clone> Router<S> {
    pub(super) fn new(shared: S) -> Self {
        Self { routes: Arc::default(), shared }
    }

    /// Adds a route behind the others.
    pub(super) fn route<A>(
        mut self,
        methods: &'static [&'static str],
        path: Path,
        handler: impl Fn(Request, S) -> A + Send + Sync + 'static,
    ) -> Self
    where
        A: Future<Output = Response> + Send + 'static,
    {
        let handler =
            Arc::new(move |request, shared| -> Answering { Box::pin(handler(request, shared)) });
        Arc::make_mut(&mut self.routes).push(Route { methods, path, handler });
        self
    }

    /// All of the routes. Nothing in it rejects: what no route takes has its answer, too.
    pub(super) fn filter(
        self,
    ) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static
    where
        S: Send + Sync + 'static,
    {
        let query = warp::query::raw().map(Some).or(warp::any().map(|| None)).unify();
        warp::method()
            .and(warp::path::full())
            .and(query)
            .and(warp::header::headers_cloned())
            .and(warp::body::stream())
            .then(move |method, path, query: Option<String>, headers, body| {
                match request(method, &path, query.as_deref(), headers, body) {
                    Ok(request) => self.answer(request),
                    Err(error) => {
                        let text = format!("not a request: {error}\n");
                        let refusal = reply::text(StatusCode::BAD_REQUEST, text);
                        Box::pin(std::future::ready(refusal)) as Answering
                    }
                }
            })
    }

    fn answer(&self, request: Request) -> Answering {
        let (method, path) = (request.method().as_str(), request.uri().path());
        let of_path = || self.routes.iter().filter(|route| route.path.matches(path));
        if let Some(route) = of_path().find(|route| route.methods.contains(&method)) {
            return (route.handler)(request, self.shared.clone());
        }
        let allowed: Vec<&str> = of_path().flat_map(|route| route.methods).copied().collect();
        let refusal = refusal(&allowed.join(", "));
        Box::pin(std::future::ready(refusal))
    }
}

fn refusal(allowed: &str) -> Response {
    if allowed.is_empty() {
        return reply::text(StatusCode::NOT_FOUND, "not found\n");
    }
    let text = format!("method not allowed; this path takes {allowed}\n");
    let mut reply = reply::text(StatusCode::METHOD_NOT_ALLOWED, text);
    let allowed = HeaderValue::try_from(allowed).expect("names of methods");
    reply.headers_mut().insert(ALLOW, allowed);
    reply
}

impl Path {
    fn matches(self, path: &str) -> bool {
        match self {
            Self::At(exactly) => {
                path == exactly || path.strip_suffix('/').is_some_and(|path| path == exactly)
            }
            Self::Below(beginning) => {
                path.strip_prefix(beginning).is_some_and(|rest| !rest.is_empty())
            }
        }
    }
}

/// The request as warp takes it apart, put together for the handlers.
fn request(
    method: Method,
    path: &FullPath,
    query: Option<&str>,
    headers: HeaderMap,
    body: impl Stream<Item = Result<impl Buf, warp::Error>> + Send + 'static,
) -> Result<Request, http::Error> {
    let chunk = |chunk: Result<_, _>| {
        chunk.map(|mut chunk| {
            let buffer: &mut dyn Buf = &mut chunk;
            buffer.copy_to_bytes(buffer.remaining())
        })
    };
    let body: Chunks = Box::pin(body.map(chunk));
    let uri = match query {
        Some(query) => format!("{}?{query}", path.as_str()),
        None => path.as_str().to_owned(),
    };
    let mut request = http::Request::builder().method(method).uri(uri).body(body)?;
    *request.headers_mut() = headers;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::Path::{At, Below};

    #[test]
    fn a_slash_at_the_end_makes_no_difference_and_a_beginning_is_not_enough() {
        for (route, path, matches) in [
            (At("/"), "/", true),
            (At("/"), "//", true),
            (At("/metrics"), "/metrics", true),
            (At("/metrics"), "/metrics/", true),
            (At("/metrics"), "/metrics//", false),
            (At("/metrics"), "/metricsx", false),
            (Below("/metrics/"), "/metrics/job/x", true),
            (Below("/metrics/"), "/metrics/", false),
            (Below("/metrics/"), "/metricsx/y", false),
        ] {
            assert_eq!(route.matches(path), matches, "{route:?} {path}");
        }
    }
}
