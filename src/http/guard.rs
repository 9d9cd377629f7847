//! Stands before every route: lets in who may, and gives every answer its headers.
//!
//! It wraps the service that hyper serves, not a route, so that no route can be forgotten. It
//! decides by the request's head: the body of one that is refused is never read.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;
use warp::http::header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, ORIGIN, WWW_AUTHENTICATE};
use warp::http::{HeaderValue, Method, Request, StatusCode};
use warp::hyper::service::Service;
use warp::reply::Response;

use super::reject;
use super::security::{Rules, Security};

const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"prom-stream-gateway\", charset=\"UTF-8\"");

/// A service behind the rules in force at each request.
#[derive(Clone)]
pub(super) struct Guard<S> {
    service: S,
    security: Security,
    /// Bounds the passwords that are checked at the same time.
    checks: Arc<Semaphore>,
}

impl<S> Guard<S> {
    pub(super) fn new(service: S, security: Security, concurrent_checks: usize) -> Self {
        Self { service, security, checks: Arc::new(Semaphore::new(concurrent_checks)) }
    }
}

impl<S, B> Service<Request<B>> for Guard<S>
where
    S: Service<Request<B>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let Self { service, security, checks } = self.clone();
        Box::pin(async move {
            let rules = security.rules();
            let free = is_free(&rules, &request);
            let authorization = request.headers().get(AUTHORIZATION).cloned();
            let admitted = match authorization {
                _ if free => true,
                Some(given) => Arc::clone(&rules.users).admit(&given, &checks).await,
                None => false,
            };
            let mut reply = if admitted { service.call(request).await? } else { refusal() };
            for (name, value) in &rules.headers {
                reply.headers_mut().insert(name, value.clone());
            }
            Ok(reply)
        })
    }
}

/// Whether no credentials are needed.
fn is_free<B>(rules: &Rules, request: &Request<B>) -> bool {
    rules.users.is_empty() || is_exempt(rules, request) || is_preflight(request)
}

/// A path is exempt for reading: where one is pushed to, a push still needs a password.
fn is_exempt<B>(rules: &Rules, request: &Request<B>) -> bool {
    let path = request.uri().path();
    matches!(*request.method(), Method::GET | Method::HEAD)
        && rules.exempt.iter().any(|exempt| exempt == path)
}

/// A browser asks so before it sends a password, and gets nothing but headers.
fn is_preflight<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn refusal() -> Response {
    let mut reply = reject::text(
        StatusCode::UNAUTHORIZED,
        "unauthorized: expected the user and password of one who may ask\n",
    );
    reply.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE);
    reply
}

#[cfg(test)]
mod tests;
