//! What clients may take, and how a shutdown ends.

use super::*;

#[tokio::test]
async fn a_connection_serves_many_requests_and_a_shutdown_closes_it_when_idle() {
    let gateway = Gateway::serving(20_000).await;
    let mut client = Client::connect(gateway.address).await;
    for path in ["/metrics", "/", "/metrics"] {
        client.ask("GET", path, "").await;
        let answer = timeout(LIMIT, client.answer("GET")).await.expect("an answer in time");
        assert_eq!(answer.status, 200, "{path}");
    }
    gateway.stop().await;
    timeout(LIMIT, client.closed()).await.expect("closed by the shutdown");
}

#[tokio::test]
async fn a_client_that_never_finishes_its_headers_is_cut_off() {
    let limits = HttpLimits { header_timeout: Duration::from_millis(50), ..limits() };
    let gateway = Gateway::start_with(limits).await;
    let mut client = Client::connect(gateway.address).await;
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\n").await;
    timeout(LIMIT, client.closed()).await.expect("cut off");
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_cannot_keep_others_waiting() {
    let limits =
        HttpLimits { concurrent_scrapes: 1, stall_timeout: Duration::from_millis(200), ..limits() };
    let gateway = Gateway::start_with(limits).await;
    // More than the kernel's socket buffers and the chunks ahead take.
    gateway.restore(200_000);
    let mut lazy = Client::connect(gateway.address).await;
    lazy.ask("GET", "/metrics", "").await;
    lazy.first_byte().await;
    let answer = gateway.ask("GET", "/metrics", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(gunzip(&answer.body).matches("\njobs_total{").count(), 200_000);
    drop(lazy);
    gateway.stop().await;
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_stalled_client_for_ever() {
    let limits = HttpLimits { drain_timeout: Duration::from_millis(50), ..limits() };
    let gateway = Gateway::start_with(limits).await;
    gateway.restore(200_000);
    let mut lazy = Client::connect(gateway.address).await;
    lazy.ask("GET", "/metrics", "").await;
    lazy.first_byte().await;
    gateway.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_slot() {
    let limits = HttpLimits { connections: 1, ..limits() };
    let gateway = Gateway::start_with(limits).await;
    let mut first = Client::connect(gateway.address).await;
    first.ask("GET", "/", "").await;
    assert_eq!(timeout(LIMIT, first.answer("GET")).await.expect("in time").status, 200);
    let mut second = Client::connect(gateway.address).await;
    second.ask("GET", "/", "").await;
    let early = timeout(Duration::from_millis(50), second.first_byte()).await;
    assert!(early.is_err(), "the first still holds the only slot");
    drop(first);
    timeout(LIMIT, second.first_byte()).await.expect("served once the slot is free");
    drop(second);
    gateway.stop().await;
}
