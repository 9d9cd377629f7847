//! Web pages of other origins: preflights, and who may see an answer.

use super::*;

const ASKS: &str = "Origin: https://shop.example\r\nAccess-Control-Request-Method: POST\r\n\
                    Access-Control-Request-Headers: content-type\r\n";

#[tokio::test]
async fn a_known_origin_may_push_and_scrape_and_others_may_not() {
    let gateway = Gateway::configured(&["Http.CorsOrigins=https://shop.example"]).await;
    gateway.restore(1);
    for path in ["/metrics", "/metrics/job/x", "/api/v1/events"] {
        let answer = gateway.ask("OPTIONS", path, ASKS).await;
        assert_eq!(answer.status, 204, "{path}");
        let said = |name| answer.header(name).unwrap_or_default();
        assert_eq!(said("access-control-allow-origin"), "https://shop.example", "{path}");
        for header in
            ["Content-Type", "Content-Encoding", "Authorization", "Idempotency-Key", "Dialect"]
        {
            assert!(said("access-control-allow-headers").contains(header), "{path}: {header}");
        }
        assert!(!said("access-control-allow-methods").contains("DELETE"), "{path}");
        for method in ["GET", "POST", "PUT"] {
            assert!(said("access-control-allow-methods").contains(method), "{path}: {method}");
        }
        assert!(said("access-control-max-age").parse::<u32>().is_ok(), "{path}");
        let stranger = ASKS.replace("shop", "evil");
        assert_eq!(gateway.ask("OPTIONS", path, &stranger).await.status, 405, "{path}");
        assert_eq!(gateway.ask("OPTIONS", path, "").await.status, 405, "no preflight: {path}");
    }
    // Also what is refused: a path that is none, a method that is not taken, a route that is not there.
    for (method, path) in [
        ("GET", "/metrics"),
        ("POST", "/metrics/job/x"),
        ("POST", "/metrics/x"),
        ("PATCH", "/metrics"),
        ("GET", "/metrics/job/x"),
        ("DELETE", "/metrics/job/x"),
        ("PUT", "/api/v1/events"),
    ] {
        let from = async |origin: &str| {
            let header = format!("Origin: https://{origin}.example\r\n");
            let answer = gateway.send(method, path, &header, b"").await;
            answer.header("access-control-allow-origin").map(str::to_owned)
        };
        assert_eq!(from("shop").await.as_deref(), Some("https://shop.example"), "{method} {path}");
        assert_eq!(from("evil").await, None, "{method} {path}");
    }
    assert_eq!(gateway.ask("OPTIONS", "/api/v1/status", ASKS).await.status, 405, "not shared");
    gateway.stop().await;
}

#[tokio::test]
async fn a_star_stands_for_all_origins_and_without_any_nothing_is_shared() {
    let open = Gateway::configured(&["Http.CorsOrigins=*", "Push.Enabled=false"]).await;
    let closed = Gateway::start().await;
    open.restore(1);
    closed.restore(1);
    for (gateway, preflight, shown) in [(&open, 204, Some("*")), (&closed, 405, None)] {
        assert_eq!(gateway.ask("OPTIONS", "/metrics", ASKS).await.status, preflight);
        let answer = gateway.ask("GET", "/metrics", "Origin: https://any.example\r\n").await;
        assert_eq!(answer.header("access-control-allow-origin"), shown);
    }
    assert_eq!(open.ask("OPTIONS", "/metrics/job/x", ASKS).await.status, 404, "no pushes");
    open.stop().await;
    closed.stop().await;
}
