//! Stands before every route: lets in who may, in his turn, and gives every answer its headers.
//!
//! It wraps the service that hyper serves, not a route, so that no route can be forgotten. It
//! decides by the request's head: the body of one that is refused is never read. Its questions, in
//! their order: is it us who is asked? Does a browser only ask whether it may ask? Does a page of another origin want to
//! write? Who is it? Is there room?

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use http::header::{AUTHORIZATION, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::service::Service;

use super::auth::checks::PasswordChecks;
use super::origins::Origins;
use super::places::{Place, Serving};
use super::reply::{self, Response};
use super::security::{Rules, Security};

mod served;

pub(super) use served::Served;

const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"prom-stream-gateway\", charset=\"UTF-8\"");

/// What a listener's requests are judged by.
#[derive(Clone)]
pub(super) struct Policy {
    pub(super) security: Security,
    pub(super) origins: Origins,
    pub(super) checks: PasswordChecks,
}

/// A service behind the rules in force at each request of one connection.
#[derive(Clone)]
pub(super) struct Guard<S> {
    pub(super) service: S,
    pub(super) policy: Policy,
    pub(super) address: IpAddr,
    pub(super) place: Arc<Place>,
}

impl<S, B> Service<Request<B>> for Guard<S>
where
    S: Service<Request<B>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = http::Response<Served<reply::Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        let guard = self.clone();
        Box::pin(async move {
            let rules = guard.policy.security.rules();
            let sharing = guard.policy.origins.sharing(&request);
            let (mut reply, serving) = guard.answer(&rules, request).await;
            sharing.apply(reply.headers_mut());
            for (name, value) in &rules.headers {
                reply.headers_mut().insert(name, value.clone());
            }
            Ok(reply.map(|body| Served::new(body, serving)))
        })
    }
}

impl<S> Guard<S> {
    /// The answer, and the place in which it is served.
    async fn answer<B>(self, rules: &Rules, request: Request<B>) -> (Response, Option<Serving>)
    where
        S: Service<Request<B>, Response = Response, Error = Infallible>,
    {
        let Policy { origins, .. } = &self.policy;
        if let Some(refusal) = origins.misdirected(&request) {
            return (refusal, None);
        }
        if let Some(go_ahead) = origins.preflight(&request) {
            return (go_ahead, None);
        }
        if let Some(refusal) = origins.refusal(&request) {
            return (refusal, None);
        }
        match self.admits(rules, &request).await {
            None => return (no_room("too many passwords wait to be checked"), None),
            Some(false) => return (refusal(), None),
            Some(true) => {}
        }
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let Some(serving) = Arc::clone(&self.place).serve(reads).await else {
            return (no_room("too many requests are being served"), None);
        };
        match self.service.call(request).await {
            Ok(reply) => (reply, Some(serving)),
            Err(never) => match never {},
        }
    }

    /// Whether it may ask; `None` if that could not be found out in time.
    fn admits<B>(
        &self,
        rules: &Rules,
        request: &Request<B>,
    ) -> impl Future<Output = Option<bool>> + Send {
        let free = rules.users.is_empty() || is_exempt(rules, request);
        let authorization = request.headers().get(AUTHORIZATION).cloned();
        let (users, place) = (Arc::clone(&rules.users), Arc::clone(&self.place));
        let (checks, address) = (self.policy.checks.clone(), self.address);
        async move {
            match authorization {
                _ if free => Some(true),
                Some(given) => users.admit(&given, place.wait(checks.turn(address))).await,
                None => Some(false),
            }
        }
    }
}

/// A path is exempt for reading: where one is pushed to, a push still needs a password.
fn is_exempt<B>(rules: &Rules, request: &Request<B>) -> bool {
    let path = request.uri().path();
    matches!(*request.method(), Method::GET | Method::HEAD)
        && rules.exempt.iter().any(|exempt| exempt == path)
}

fn refusal() -> Response {
    let mut reply = reply::text(
        StatusCode::UNAUTHORIZED,
        "unauthorized: expected the user and password of one who may ask\n",
    );
    reply.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE);
    reply
}

/// Nothing was done, and the connection is somebody else's now.
fn no_room(why: &str) -> Response {
    let text = format!("{why}; nothing was done: send it again\n");
    let mut reply = reply::text(StatusCode::SERVICE_UNAVAILABLE, text);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

#[cfg(test)]
mod tests;
