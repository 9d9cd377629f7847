//! The names under which the gateway may be asked, against names that others make point to it.
//!
//! Whoever has a web page has a name, and may let that name point to the gateway's address once the
//! page is loaded (DNS rebinding). To a browser page and gateway are one origin then, so what
//! [`origins`](super::origins) looks at is in order, and the page may also read. It has no password
//! and no certificate of that name; where neither is asked for, only the name gives it away.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HOST;
use http::uri::Authority;
use http::{Request, StatusCode};
use url::Url;

use super::reply::{self, Response};
use crate::config::HttpConfig;

/// Asked for by orchestrators, under whatever name, and they tell nothing.
const HEALTH: [&str; 2] = ["/-/healthy", "/-/ready"];

/// The names; copies share them.
#[derive(Clone, Debug, Default)]
pub(super) struct AllowedHosts {
    /// Empty: any.
    names: Arc<[String]>,
}

impl AllowedHosts {
    pub(super) fn new(http: &HttpConfig) -> Self {
        let mut names = http.allowed_hosts.clone();
        if !names.is_empty() {
            let external = http.external_origin.as_deref().and_then(|url| Url::parse(url).ok());
            names.extend(external.and_then(|url| Some(url.host_str()?.to_owned())));
        }
        Self { names: names.into() }
    }

    /// The refusal of a request for another host.
    pub(super) fn refusal<B>(&self, request: &Request<B>) -> Option<Response> {
        if self.names.is_empty() || HEALTH.contains(&request.uri().path()) {
            return None;
        }
        // Without either it is no browser.
        let asked = asked(request)?;
        if self.allows(asked) {
            return None;
        }
        let text = format!(
            "this gateway is asked for under a name that is not its own (Host: {}): expected one \
             of Http.AllowedHosts, the host of Http.ExternalUrl, localhost or an IP address\n",
            String::from_utf8_lossy(asked)
        );
        Some(reply::text(StatusCode::MISDIRECTED_REQUEST, text))
    }

    fn allows(&self, asked: &[u8]) -> bool {
        let Ok(authority) = Authority::try_from(asked) else { return false };
        let host = authority.host();
        // Nobody can make an address point elsewhere.
        let address = host.trim_start_matches('[').trim_end_matches(']');
        let name = host.strip_suffix('.').unwrap_or(host);
        let is_name = |allowed: &str| allowed.eq_ignore_ascii_case(name);
        address.parse::<IpAddr>().is_ok()
            || is_name("localhost")
            || self.names.iter().any(|allowed| is_name(allowed))
    }
}

/// The host and port that a request asks for.
pub(super) fn asked<B>(request: &Request<B>) -> Option<&[u8]> {
    match request.headers().get(HOST) {
        Some(host) => Some(host.as_bytes()),
        None => Some(request.uri().authority()?.as_str().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Assignment, Config, Sources};

    fn refusal(settings: &[&str], path: &str, host: &str) -> Option<Response> {
        let flag = |text: &&str| Assignment { flag: "--set", text: (*text).to_owned() };
        let flags = settings.iter().map(flag).collect();
        let config = Config::load(Sources { flags, ..Sources::default() }).expect("valid").0;
        let mut request = Request::builder().uri(path);
        if !host.is_empty() {
            request = request.header(HOST, host);
        }
        AllowedHosts::new(&config.http).refusal(&request.body(()).expect("a request"))
    }

    #[test]
    fn only_who_asks_for_a_name_of_ours_is_answered() {
        const OURS: &[&str] = &["Http.AllowedHosts=gateway,Metrics.Example"];
        const OUTSIDE: &[&str] =
            &["Http.AllowedHosts=gateway", "Http.ExternalUrl=https://gw.example:8443/prefix/"];
        for (settings, path, host, passes) in [
            (&[][..], "/metrics", "evil.example", true),
            (&["Http.ExternalUrl=https://gw.example"], "/metrics", "evil.example", true),
            (OURS, "/metrics", "gateway", true),
            (OURS, "/metrics", "GATEWAY:9091", true),
            (OURS, "/metrics", "metrics.example.:80", true),
            (OURS, "/metrics", "evil.example", false),
            (OURS, "/metrics", "evil.example:9091", false),
            (OURS, "/metrics", "gateway.evil.example", false),
            (OURS, "/metrics", "evil.gateway", false),
            (OURS, "/metrics", "user@evil.example", false),
            (OURS, "/metrics", "gateway/evil", false),
            (OURS, "/api/v1/dead-letters", "evil.example", false),
            // What no name server decides.
            (OURS, "/metrics", "127.0.0.1:9091", true),
            (OURS, "/metrics", "10.1.2.3", true),
            (OURS, "/metrics", "[::1]:9091", true),
            (OURS, "/metrics", "localhost:9091", true),
            (OURS, "/metrics", "127.0.0.1.evil.example", false),
            (OURS, "/metrics", "", true),
            (OURS, "http://evil.example/metrics", "", false),
            // Whom a load balancer asks for is its own affair.
            (OURS, "/-/healthy", "evil.example", true),
            (OURS, "/-/ready", "evil.example", true),
            (OURS, "/-/metrics", "evil.example", false),
            (OURS, "/-/quit", "evil.example", false),
            (OUTSIDE, "/metrics", "gw.example", true),
            (OUTSIDE, "/metrics", "evil.example", false),
        ] {
            let refusal = refusal(settings, path, host);
            assert_eq!(refusal.is_none(), passes, "{settings:?} {path} {host:?}");
            assert!(refusal.is_none_or(|refusal| refusal.status().as_u16() == 421));
        }
    }
}
