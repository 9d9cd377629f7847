//! Requests before a service that only counts them.

use std::sync::atomic::{AtomicUsize, Ordering};

use warp::hyper::service::service_fn;

use super::*;
use crate::config::{HttpSecurityConfig, PlainUser, Secret};
use crate::status::Status;

/// `alice:wonder`
const ALICE: (&str, &str) = ("authorization", "Basic YWxpY2U6d29uZGVy");

fn security(with_user: bool) -> Security {
    let alice = PlainUser { name: "alice".into(), password: Secret("wonder".into()) };
    let config = HttpSecurityConfig {
        basic_auth_users: if with_user { vec![alice] } else { Vec::new() },
        auth_exempt: vec!["/-/healthy".into(), "/metrics".into()],
        ..HttpSecurityConfig::default()
    };
    Security::load(config, Status::new()).expect("no files to read")
}

/// The answer, and how often the service was asked.
async fn ask(
    security: Security,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> (Response, usize) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let service = service_fn(move |_: Request<String>| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Infallible>(reject::text(StatusCode::OK, "served\n")) }
    });
    let guard = Guard::new(service, security, 1);
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
        ("OPTIONS", "/metrics/job/x", &preflight, true),
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
