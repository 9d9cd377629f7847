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
async fn clients_that_do_not_read_keep_no_others_waiting() {
    let limits = HttpLimits { concurrent_scrapes: 1, ..limits() };
    let gateway = Gateway::start_with(limits).await;
    // More than the kernel's socket buffers and the chunks ahead take.
    gateway.restore_wide(2_000, 10_000);
    let mut lazy = Vec::new();
    // Also those that begin last are not kept from beginning.
    for _ in 0..6 {
        let mut client = Client::connect(gateway.address).await;
        client.ask("GET", "/metrics", "Connection: close\r\n").await;
        timeout(LIMIT, client.first_byte()).await.expect("a turn of its own");
        lazy.push(client);
    }
    let answer = gateway.ask("GET", "/metrics", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(gunzip(&answer.body).matches("\njobs_total{").count(), 2_000);
    // What they hold of the state is bounded: some were broken off, and do not look whole.
    let broken_off = gateway.context.own_metrics.http().pages_broken_off.get();
    assert!((1..=6).contains(&broken_off), "{broken_off}");
    let pages = lazy.into_iter().map(|mut client| async move {
        let mut page = Vec::new();
        let read = client.read_to_end(&mut page).await;
        read.is_ok() && page.ends_with(b"0\r\n\r\n")
    });
    let whole = timeout(LIMIT, futures_util::future::join_all(pages)).await;
    let whole = whole.expect("read or broken off").into_iter().filter(|whole| *whole).count();
    assert_eq!(whole as u64, 6 - broken_off);
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let limits = HttpLimits { stall_timeout: Duration::from_millis(50), ..limits() };
    let gateway = Gateway::start_with(limits).await;
    gateway.restore(200_000);
    let mut lazy = Client::connect(gateway.address).await;
    lazy.ask("GET", "/metrics", "").await;
    lazy.first_byte().await;
    let connections = &gateway.context.own_metrics.http().connections;
    let cut = async {
        while connections.get() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, cut).await.expect("cut off");
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
async fn connections_beyond_the_limit_take_the_place_of_the_longest_idle() {
    let limits = HttpLimits { connections: 1, ..limits() };
    let gateway = Gateway::start_with(limits).await;
    let mut first = Client::connect(gateway.address).await;
    first.ask("GET", "/", "").await;
    assert_eq!(timeout(LIMIT, first.answer("GET")).await.expect("in time").status, 200);
    // Half a head is no request.
    let mut second = Client::connect(gateway.address).await;
    second.send(b"GET / HTTP/1.1\r\n").await;
    let newcomers = async {
        let closed = &gateway.context.own_metrics.http().idle_connections_closed;
        while closed.get() < 2 {
            assert_eq!(gateway.get("/").await.status, 200);
        }
    };
    timeout(LIMIT, newcomers).await.expect("room");
    for client in [&mut first, &mut second] {
        timeout(LIMIT, client.closed()).await.expect("it made room");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_push_that_is_under_way_makes_no_room_and_the_next_waits_for_it() {
    let limits = HttpLimits { connections: 1, ..limits() };
    let gateway = Gateway::start_with(limits).await;
    let mut slow = Client::connect(gateway.address).await;
    slow.ask("POST", "/metrics", "Content-Length: 1\r\n").await;
    let under_way = async {
        let line = "prom_stream_gateway_push_requests_in_flight 1\n";
        while !gateway.get("/-/metrics").await.text().contains(line) {}
    };
    timeout(LIMIT, under_way).await.expect("under way");
    let mut next = Client::connect(gateway.address).await;
    next.ask("POST", "/metrics", "Content-Length: 0\r\n").await;
    // Who reads does not wait, however many push.
    for path in ["/-/healthy", "/-/metrics"] {
        assert_eq!(gateway.get(path).await.status, 200, "{path}");
    }
    let early = timeout(Duration::from_millis(50), next.first_byte()).await;
    assert!(early.is_err(), "the first is still served");
    slow.send(b"\n").await;
    for client in [&mut slow, &mut next] {
        let answer = timeout(LIMIT, client.answer("POST")).await.expect("an answer in time");
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(
            answer.text().contains("not taking pushes"),
            "by whom pushes go: {}",
            answer.text()
        );
    }
    gateway.stop().await;
}
