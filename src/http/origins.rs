//! Web pages of other origins: whose may push and read, and whose are refused.
//!
//! A browser hides an answer from a page of another origin unless the answer names the page's
//! (cross-origin resource sharing); for what a form could not send it asks first (a preflight,
//! `OPTIONS`). What a form *can* send it just sends, with the password that its user typed once: a
//! push that is plain text, for example. So a request that writes is looked at by what browsers say
//! of where it comes from, and pages cannot change: `Sec-Fetch-Site`, and where that is missing, as
//! over plain HTTP, `Origin`, which must be the host that was asked. Who sends neither is no browser.

use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};

use super::hosts::{self, AllowedHosts};
use super::reply::{self, Response};
use crate::config::{HttpConfig, PushConfig};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What pages of `Http.CorsOrigins` may ask for; DELETE takes away what others pushed.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Content-Type, Content-Encoding, Authorization, Idempotency-Key, Dialect",
);

/// For how many seconds a browser need not ask again.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

const ANY: &str = "*";

/// The pages that may ask; copies share them.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// Whose pages may push and read; `*` stands for all.
    shared: Arc<[String]>,
    /// Our own, as browsers see it behind a proxy.
    external: Option<Arc<str>>,
    hosts: AllowedHosts,
    pushes: bool,
}

impl Origins {
    pub fn new(http: &HttpConfig, push: &PushConfig) -> Self {
        Self {
            shared: http.cors_origins.as_slice().into(),
            external: http.external_origin.as_deref().map(Arc::from),
            hosts: AllowedHosts::new(http),
            pushes: push.enabled,
        }
    }

    /// The refusal of a request for a host that is not ours; nothing else that it says counts then.
    pub(super) fn misdirected<B>(&self, request: &Request<B>) -> Option<Response> {
        self.hosts.refusal(request)
    }

    /// The answer to a preflight of a page that may ask. It needs no password: a browser sends none.
    pub(super) fn preflight<B>(&self, request: &Request<B>) -> Option<Response> {
        let headers = request.headers();
        let asks = request.method() == Method::OPTIONS
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
            && self.is_shared(request.uri().path());
        if !asks {
            return None;
        }
        self.allow(headers.get(ORIGIN)?)?;
        let mut response = reply::empty(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(response)
    }

    /// What makes the answer to a request visible to the page that asked, whatever the answer is.
    pub(super) fn sharing<B>(&self, request: &Request<B>) -> Sharing {
        if self.shared.is_empty() || !self.is_shared(request.uri().path()) {
            return Sharing::default();
        }
        let origin = request.headers().get(ORIGIN);
        Sharing { depends: true, allowed: origin.and_then(|origin| self.allow(origin)) }
    }

    /// The refusal of a request that a page of another origin wants to write with.
    pub(super) fn refusal<B>(&self, request: &Request<B>) -> Option<Response> {
        let (name, value) = self.foreign(request)?;
        let text = format!(
            "this request comes from a web page of another origin ({name}: {}), which may not \
             change anything here: expected a page of this host, of Http.ExternalUrl or, for a \
             push with POST or PUT, of one of Http.CorsOrigins\n",
            String::from_utf8_lossy(value.as_bytes())
        );
        Some(reply::text(StatusCode::FORBIDDEN, text))
    }

    /// The header that gives a foreign page away, if the request writes.
    fn foreign<'r, B>(&self, request: &'r Request<B>) -> Option<(&'static str, &'r HeaderValue)> {
        let (method, headers) = (request.method(), request.headers());
        if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return None;
        }
        let origin = headers.get(ORIGIN);
        if let Some(origin) = origin {
            let is_external =
                self.external.as_deref().map(str::as_bytes) == Some(origin.as_bytes());
            let pushes = matches!(*method, Method::POST | Method::PUT)
                && self.is_shared(request.uri().path());
            if is_external || pushes && self.allow(origin).is_some() {
                return None;
            }
        }
        if let Some(site) = headers.get(SEC_FETCH_SITE) {
            let ours = [&b"same-origin"[..], b"none"].contains(&site.as_bytes());
            return (!ours).then_some(("Sec-Fetch-Site", site));
        }
        let origin = origin?;
        let host = hosts::asked(request);
        let theirs = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        let ours = theirs.zip(host).is_some_and(|((_, theirs), host)| {
            !theirs.is_empty() && theirs.as_bytes().eq_ignore_ascii_case(host)
        });
        (!ours).then_some(("Origin", origin))
    }

    /// Whether the path is one that pages of other origins may be let in to.
    fn is_shared(&self, path: &str) -> bool {
        let pushed_to = path == "/api/v1/events" || path.starts_with("/metrics/");
        path == "/metrics" || self.pushes && pushed_to
    }

    /// What to say of an origin.
    fn allow(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.shared.iter().any(|allowed| allowed == ANY) {
            return Some(HeaderValue::from_static(ANY));
        }
        let known = self.shared.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes());
        known.then(|| origin.clone())
    }
}

/// What an answer says of who may see it.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    /// It differs with the origin.
    depends: bool,
    allowed: Option<HeaderValue>,
}

impl Sharing {
    pub(super) fn apply(self, headers: &mut HeaderMap) {
        if let Some(allowed) = self.allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        }
        if self.depends {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::HOST;

    use super::*;
    use crate::config::{Assignment, Config, Sources};

    fn origins(settings: &[&str]) -> Origins {
        let flag = |text: &&str| Assignment { flag: "--set", text: (*text).to_owned() };
        let flags = settings.iter().map(flag).collect();
        let config = Config::load(Sources { flags, ..Sources::default() }).expect("valid").0;
        Origins::new(&config.http, &config.push)
    }

    /// Go's `CrossOriginProtection`, and what of it depends on the settings.
    #[test]
    fn pages_of_other_origins_do_not_write() {
        const SHOP: &str = "Http.CorsOrigins=https://shop.example";
        const OUTSIDE: &str = "Http.ExternalUrl=https://gw.example/prefix/";
        let push = "/metrics/job/x";
        /// Settings; method and path; Origin; Sec-Fetch-Site; whether it passes.
        type Case =
            (&'static [&'static str], &'static str, &'static str, &'static str, &'static str, bool);
        #[rustfmt::skip]
        let cases: [Case; 36] = [
            // No browser.
            (&[], "POST", push, "", "", true),
            (&[], "DELETE", push, "", "", true),
            // Who only reads is CORS' business.
            (&[], "GET", push, "https://evil.example", "cross-site", true),
            (&[], "HEAD", push, "null", "cross-site", true),
            (&[], "OPTIONS", push, "https://evil.example", "cross-site", true),
            // What the browser says of the page.
            (&[], "POST", push, "http://host:9091", "same-origin", true),
            (&[], "POST", push, "", "none", true),
            (&[], "POST", push, "", "same-origin", true),
            (&[], "POST", push, "", "same-site", false),
            (&[], "POST", push, "", "cross-site", false),
            (&[], "POST", push, "", "nonsense", false),
            (&[], "POST", push, "http://host:9091", "cross-site", false),
            // Behind a proxy that rewrites the host the browser knows better.
            (&[], "POST", push, "https://gw.example", "same-origin", true),
            // An old browser, or plain HTTP.
            (&[], "POST", push, "http://host:9091", "", true),
            (&[], "POST", push, "https://HOST:9091", "", true),
            (&[], "POST", push, "http://host", "", false),
            (&[], "POST", push, "http://host:9092", "", false),
            (&[], "POST", push, "http://evil.example", "", false),
            (&[], "POST", push, "null", "", false),
            (&[], "POST", push, "://", "", false),
            // Every method and route that writes, and those that there are not.
            (&[], "PUT", push, "https://evil.example", "", false),
            (&[], "DELETE", push, "https://evil.example", "", false),
            (&[], "PATCH", push, "https://evil.example", "", false),
            (&[], "POST", "/api/v1/events", "https://evil.example", "", false),
            (&[], "PUT", "/api/v1/admin/wipe", "https://evil.example", "", false),
            (&[], "POST", "/-/quit", "https://evil.example", "", false),
            // Those that may push may push, and no more.
            (&[SHOP], "POST", push, "https://shop.example", "cross-site", true),
            (&[SHOP], "PUT", "/metrics", "https://shop.example", "", true),
            (&[SHOP], "POST", "/api/v1/events", "https://shop.example", "cross-site", true),
            (&[SHOP], "DELETE", push, "https://shop.example", "cross-site", false),
            (&[SHOP], "POST", "/-/quit", "https://shop.example", "cross-site", false),
            (&[SHOP], "PUT", "/api/v1/admin/wipe", "https://shop.example", "", false),
            (&[SHOP], "POST", push, "https://evil.example", "cross-site", false),
            (&["Http.CorsOrigins=*"], "POST", push, "https://any.example", "cross-site", true),
            (&[OUTSIDE], "DELETE", push, "https://gw.example", "", true),
            (&[OUTSIDE], "POST", "/-/quit", "https://gw.example:8443", "", false),
        ];
        for (settings, method, path, origin, site, passes) in cases {
            let mut request = Request::builder().method(method).uri(path).header(HOST, "host:9091");
            for (name, value) in [(ORIGIN, origin), (SEC_FETCH_SITE, site)] {
                if !value.is_empty() {
                    request = request.header(name, value);
                }
            }
            let request = request.body(()).expect("a request");
            let case = format!("{settings:?} {method} {path} {origin:?} {site:?}");
            let refusal = origins(settings).refusal(&request);
            assert_eq!(refusal.is_none(), passes, "{case}");
            assert!(refusal.is_none_or(|refusal| refusal.status() == StatusCode::FORBIDDEN));
        }
    }

    #[test]
    fn without_a_host_an_origin_is_foreign() {
        let request = Request::builder().method("POST").uri("/metrics").header(ORIGIN, "http://x");
        assert!(Origins::default().refusal(&request.body(()).expect("a request")).is_some());
    }
}
