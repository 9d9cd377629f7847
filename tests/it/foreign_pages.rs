//! Web pages of other origins: a gateway that a browser can reach takes nothing from them, and lets
//! those that may push see every answer.

use crate::harness::{Gateway, http, turn};

/// What Chromium sends with a form that a page of another site submits, and with a script's request.
const FORM: [&str; 3] =
    ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Content-Type: text/plain"];
/// The same over plain HTTP, to a name that is not the loopback's.
const PLAIN: [&str; 2] = ["Origin: http://evil.example", "Content-Type: text/plain"];
const SANDBOXED: [&str; 2] = ["Origin: null", "Content-Type: text/plain"];

const WRITES: [(&str, &str); 8] = [
    ("POST", "/metrics"),
    ("POST", "/metrics/job/x"),
    ("PUT", "/metrics/job/x"),
    ("DELETE", "/metrics/job/x"),
    ("POST", "/api/v1/events"),
    ("PUT", "/api/v1/admin/wipe"),
    ("POST", "/-/reload"),
    ("PUT", "/-/quit"),
];

fn gateway() -> Gateway {
    Gateway::bare()
        .set("Redis__MetricQueueEnabled", "false")
        .set("Stream__Mode", "off")
        .set("Push__EnableAdminApi", "true")
        .set("Push__EnableLifecycle", "true")
}

fn body(path: &str) -> &'static [u8] {
    match path {
        "/api/v1/events" => br#"{"name":"written_by_event_total","value":1}"#,
        // As a form sends it: a name, an equals sign and a value.
        _ => b"written_total{a=\"1\"} 1\r\n",
    }
}

#[test]
fn they_change_nothing() {
    let _turn = turn::shared();
    let mut gateway = gateway().start();
    let kept = http::send(gateway.port(), "POST", "/metrics/job/x", &[], b"kept_total 1\n");
    assert_eq!(kept.expect("an answer").status, 200);
    for (method, path) in WRITES {
        for headers in [&FORM[..], &PLAIN, &SANDBOXED] {
            let answer = http::send(gateway.port(), method, path, headers, body(path));
            let answer = answer.expect("an answer");
            assert_eq!(answer.status, 403, "{method} {path} {headers:?}: {}", answer.body);
            assert!(answer.body.contains("another origin"), "{}", answer.body);
        }
    }
    let text = gateway.text();
    assert!(text.contains("\nkept_total{job=\"x\"} 1\n"), "{text}");
    assert!(!text.contains("\nwritten_"), "{text}");
    // Whoever is no browser does all of it, and so does a page of the gateway's own.
    for headers in [&[][..], &["Origin: http://localhost"], &["Sec-Fetch-Site: same-origin"]] {
        for (method, path) in &WRITES[..WRITES.len() - 1] {
            let answer = http::send(gateway.port(), method, path, headers, body(path));
            let answer = answer.expect("an answer");
            assert!(answer.status < 300, "{method} {path} {headers:?}: {}", answer.body);
        }
    }
    let quit = http::send(gateway.port(), "PUT", "/-/quit", &[], b"");
    assert_eq!(quit.expect("an answer").status, 200);
    assert_eq!(gateway.wait_exit().0.code(), Some(0));
}

/// With a password that its visitor typed once, a browser sends that along.
#[test]
fn a_password_does_not_help_them() {
    let _turn = turn::shared();
    let gateway = gateway().set("Http__BasicAuthUsers", "alice=wonder");
    let mut gateway = gateway.set("Http__AuthExempt", "health,/metrics");
    gateway.launch();
    gateway.wait_ready();
    const PASSWORD: &str = "Authorization: Basic YWxpY2U6d29uZGVy";
    for (headers, status) in
        [(&[PASSWORD, FORM[0], FORM[1], FORM[2]][..], 403), (&[PASSWORD], 200), (&[], 401)]
    {
        let answer = http::send(gateway.port(), "POST", "/metrics", headers, body("/metrics"));
        assert_eq!(answer.expect("an answer").status, status, "{headers:?}");
    }
    gateway.wait_value("written_total", &[("a", "1")], 1.0);
}

#[test]
fn those_that_may_push_may_not_delete_and_a_proxys_origin_is_ours() {
    let _turn = turn::shared();
    let gateway = gateway()
        .set("Http__CorsOrigins", "https://shop.example")
        .set("Http__ExternalUrl", "https://gateway.example/prefix")
        .start();
    let shop = ["Origin: https://shop.example", "Sec-Fetch-Site: cross-site"];
    let proxied = ["Origin: https://gateway.example"];
    for (method, path) in &WRITES[..WRITES.len() - 1] {
        let pushes = *method != "DELETE" && !path.starts_with("/-") && !path.contains("admin");
        for (headers, passes) in [(&shop[..], pushes), (&proxied, true)] {
            let answer = http::send(gateway.port(), method, path, headers, body(path));
            let answer = answer.expect("an answer");
            assert_eq!(answer.status != 403, passes, "{method} {path}: {}", answer.body);
        }
    }
}
