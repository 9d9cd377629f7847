//! Requests before a service that only counts them.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::service::service_fn;

use super::*;
use crate::config::{Assignment, Config, HttpSecurityConfig, PlainUser, Sources};
use crate::expose::own_metrics::HttpMetrics;
use crate::http::places::Places;
use crate::status::Status;

/// `alice:wonder`
const ALICE: (&str, &str) = ("authorization", "Basic YWxpY2U6d29uZGVy");

fn security(with_user: bool) -> Security {
    let alice = PlainUser { name: "alice".into(), password: "wonder".into() };
    let config = HttpSecurityConfig {
        basic_auth_users: if with_user { vec![alice] } else { Vec::new() },
        auth_exempt: vec!["/-/healthy".into(), "/metrics".into()],
        ..HttpSecurityConfig::default()
    };
    Security::load(config, Status::new()).expect("no files to read")
}

fn origins() -> Origins {
    let flag = |text: &str| Assignment { flag: "--set", text: text.to_owned() };
    let flags = vec![flag("Http.CorsOrigins=https://x"), flag("Http.AllowedHosts=gateway")];
    let (config, _) = Config::load(Sources { flags, ..Sources::default() }).expect("valid");
    Origins::new(&config.http, &config.push)
}

/// The answer, and how often the service was asked.
async fn ask(
    security: Security,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> (http::Response<Served<reply::Body>>, usize) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let service = service_fn(move |_: Request<String>| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Infallible>(reply::text(StatusCode::OK, "served\n")) }
    });
    let metrics = HttpMetrics::default();
    let checks = PasswordChecks::new(1, metrics.password_checks_waiting.clone());
    let guard = Guard {
        service,
        policy: Policy { security, origins: origins(), checks },
        address: Ipv4Addr::LOCALHOST.into(),
        place: Places::new(1, metrics).take().await,
    };
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply =
        guard.call(request.body(String::new()).expect("a request")).await.expect("an answer");
    (reply, asked.load(Ordering::Relaxed))
}

#[tokio::test]
async fn without_credentials_only_what_is_exempt_is_served() {
    let preflight = [("origin", "https://x"), ("access-control-request-method", "POST")];
    for (method, path, headers, served) in [
        ("GET", "/", &[][..], false),
        ("GET", "/", &[ALICE], true),
        ("GET", "/", &[("authorization", "Basic YWxpY2U6d3Jvbmc=")], false),
        ("GET", "/-/healthy", &[], true),
        ("HEAD", "/-/healthy", &[], true),
        ("GET", "/-/healthy?x=1", &[], true),
        ("GET", "/-/healthy/", &[], false),
        ("GET", "//-/healthy", &[], false),
        ("GET", "/-/%68ealthy", &[], false),
        ("GET", "/-/ready", &[], false),
        // Exempt for reading, not for pushing.
        ("GET", "/metrics", &[], true),
        ("POST", "/metrics", &[], false),
        ("PUT", "/metrics", &[], false),
        ("DELETE", "/metrics", &[], false),
        ("POST", "/metrics", &[ALICE], true),
        ("OPTIONS", "/metrics/job/x", &preflight[..1], false),
        ("POST", "/metrics/job/x", &preflight, false),
        ("GET", "/no/such/route", &[], false),
    ] {
        let (reply, asked) = ask(security(true), method, path, headers).await;
        let case = format!("{method} {path} {headers:?}");
        assert_eq!(asked, usize::from(served), "{case}");
        let expected = if served { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(reply.status(), expected, "{case}");
        assert_eq!(reply.headers().get(WWW_AUTHENTICATE).is_some(), !served, "{case}");
    }
}

/// A browser sends no password with it, and gets nothing but headers.
#[tokio::test]
async fn a_preflight_needs_no_password_and_reaches_no_route() {
    let asks = [("origin", "https://x"), ("access-control-request-method", "POST")];
    for (headers, expected) in [(&asks[..], 204), (&asks[..1], 401), (&asks[1..], 401)] {
        let (reply, asked) = ask(security(true), "OPTIONS", "/metrics/job/x", headers).await;
        assert_eq!((reply.status().as_u16(), asked), (expected, 0), "{headers:?}");
    }
    let stranger = [("origin", "https://y"), asks[1]];
    assert_eq!(ask(security(true), "OPTIONS", "/metrics", &stranger).await.0.status(), 401);
}

/// Neither to read nor to write, and whatever else it says.
#[tokio::test]
async fn who_asks_for_another_host_reaches_no_route() {
    let evil = [("host", "evil.example"), ("origin", "http://evil.example"), ALICE];
    let preflight = ("access-control-request-method", "POST");
    for (method, path) in [("GET", "/metrics"), ("POST", "/metrics/job/x"), ("OPTIONS", "/metrics")]
    {
        for with_user in [false, true] {
            let headers = [&evil[..], &[preflight]].concat();
            let (reply, asked) = ask(security(with_user), method, path, &headers).await;
            assert_eq!((reply.status().as_u16(), asked), (421, 0), "{method} {path}");
            let ours = [("host", "gateway:9091"), ALICE];
            let (reply, asked) = ask(security(with_user), method, path, &ours).await;
            assert_eq!((reply.status().as_u16(), asked), (200, 1), "{method} {path}");
        }
    }
    let (reply, asked) = ask(security(true), "GET", "/-/healthy", &evil[..1]).await;
    assert_eq!((reply.status().as_u16(), asked), (200, 1));
}

/// A page may tell a wrong password from a gateway that is away.
#[tokio::test]
async fn pages_that_may_ask_see_refusals_too() {
    let page = ("origin", "https://x");
    for (headers, status) in [(&[page][..], 401), (&[page, ALICE], 200)] {
        for path in ["/metrics/job/x", "/api/v1/events"] {
            let (reply, _) = ask(security(true), "POST", path, headers).await;
            assert_eq!(reply.status(), status, "{path}");
            let allowed = reply.headers().get("access-control-allow-origin");
            assert_eq!(allowed.map(HeaderValue::as_bytes), Some(&b"https://x"[..]), "{path}");
            assert_eq!(
                reply.headers().get("vary").map(HeaderValue::as_bytes),
                Some(&b"Origin"[..])
            );
        }
    }
    let (reply, asked) = ask(security(false), "POST", "/-/quit", &[page]).await;
    assert_eq!((reply.status().as_u16(), asked), (403, 0));
    assert_eq!(reply.headers().get("access-control-allow-origin"), None);
}

#[tokio::test]
async fn without_users_everybody_is_served() {
    for headers in [&[][..], &[ALICE], &[("authorization", "Basic nonsense")]] {
        let (reply, asked) = ask(security(false), "DELETE", "/", headers).await;
        assert_eq!((reply.status(), asked), (StatusCode::OK, 1), "{headers:?}");
    }
}

#[tokio::test]
async fn every_answer_has_the_headers() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("web.yml");
    let hash = bcrypt::hash("wonder", 4).expect("a valid cost");
    let text = format!(
        "http_server_config: {{headers: {{X-Frame-Options: deny, X-XSS-Protection: ''}}}}\n\
         basic_auth_users: {{alice: {hash}}}\n"
    );
    std::fs::write(&file, text).expect("written");
    let config = HttpSecurityConfig { web_config_file: Some(file), ..Default::default() };
    let security = Security::load(config, Status::new()).expect("a valid file");
    for (headers, status) in [(&[][..], 401), (&[ALICE], 200)] {
        let (reply, _) = ask(security.clone(), "GET", "/", headers).await;
        assert_eq!(reply.status(), status);
        assert_eq!(
            reply.headers().get("x-frame-options").map(HeaderValue::as_bytes),
            Some(&b"deny"[..])
        );
        assert_eq!(reply.headers().get("x-xss-protection"), None, "blank leaves it unset");
    }
}
