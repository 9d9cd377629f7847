//! From a request to its handler, by an ordered list of routes.
//!
//! Of the routes of a path the first that takes the method is asked. A path that has routes, but
//! none for the method, is answered with 405 and the methods that they take; any other with 404.
//! A slash at the end of a path makes no difference.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service;

use super::reply::{self, Response};

pub(super) type Request = http::Request<Incoming>;

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

impl<S: Clone> Service<Request> for Router<S> {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request) -> Self::Future {
        let answer = self.answer(request);
        Box::pin(async { Ok(answer.await) })
    }
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
