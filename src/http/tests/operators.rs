//! Orders, and the listener of its own.

use super::*;

#[tokio::test]
async fn orders_are_taken_only_when_they_are_enabled() {
    let gateway = Gateway::start().await;
    for path in ["/-/quit", "/-/reload"] {
        let answer = gateway.send("PUT", path, "", b"").await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.text().contains("Push.EnableLifecycle"), "{}", answer.text());
    }
    assert!(!gateway.context.shutdown.is_cancelled());
    assert_eq!(gateway.send("PUT", "/api/v1/admin/wipe", "", b"").await.status, 404);
    gateway.stop().await;

    let gateway =
        Gateway::configured(&["Push.EnableLifecycle=true", "Push.EnableAdminApi=true"]).await;
    assert_eq!(gateway.send("PUT", "/api/v1/admin/wipe", "", b"").await.status, 503, "not ready");
    let answer = gateway.send("POST", "/-/reload", "", b"").await;
    assert_eq!((answer.status, answer.text()), (200, "reloaded\n".into()));
    assert!(!gateway.context.shutdown.is_cancelled());
    assert_eq!(gateway.send("POST", "/-/quit", "", b"").await.status, 200);
    assert!(gateway.context.shutdown.is_cancelled());
    gateway.stop().await;
}

#[tokio::test]
async fn a_second_listener_has_health_and_our_own_metrics() {
    let mut gateway = Gateway::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    gateway.address = listener.local_addr().expect("it is bound");
    let serving =
        lifecycle::serve(listener, gateway.context.clone(), gateway.shutdown.child_token());
    let second = tokio::spawn(serving);
    for (ready, status) in [(false, 503), (true, 200)] {
        let answer = gateway.get("/ready").await;
        let expected = json!({
            "name": "prom-stream-gateway",
            "alive": ready,
            "version": env!("CARGO_PKG_VERSION"),
            "commitSHA": crate::expose::own_metrics::REVISION,
        });
        assert_eq!((answer.status, answer.json()), (status, expected));
        let answer = gateway.get("/healthy").await;
        assert_eq!((answer.status, &answer.json()["alive"]), (200, &json!(true)));
        if !ready {
            gateway.restore(3);
        }
    }
    let page = gateway.get("/metrics").await.text();
    assert!(page.contains("\nprom_stream_gateway_series 3\n"), "{page}");
    assert!(!page.contains("\njobs_total"), "our own alone");
    assert_eq!(gateway.get("/api/v1/status").await.status, 404);
    assert_eq!(gateway.send("POST", "/metrics", "", b"").await.status, 405);
    gateway.stop().await;
    timeout(LIMIT, second).await.expect("stops, too").expect("does not panic");
}
