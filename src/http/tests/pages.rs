//! Pages: their length, their encodings and formats, and HEAD.

use super::*;

#[tokio::test]
async fn a_small_page_has_a_length() {
    let gateway = Gateway::serving(2).await;
    let answer = gateway.get("/metrics").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
    assert_eq!(answer.header("content-encoding"), None);
    let length = answer.header("content-length").expect("a length");
    assert_eq!(length, answer.body.len().to_string());
    let page = answer.text();
    assert!(page.contains("\n# TYPE jobs_total counter\njobs_total{number=\"0\","), "{page}");
    for line in [
        "prom_stream_gateway_processed_metrics_total{queueKey=\"events\",worker=\"0\"} 41",
        "prom_stream_gateway_dropped_metrics_total{queueKey=\"events\",reason=\"invalid_json\",worker=\"0\"} 1",
        "prom_stream_gateway_source_lost_events_total{key=\"events\",source=\"reader\"} 2",
        "prom_stream_gateway_series 2",
        "prom_stream_gateway_families 1",
        "prom_stream_gateway_ready 1",
    ] {
        assert!(page.lines().any(|candidate| candidate == line), "no {line} in\n{page}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_large_page_is_streamed_whole() {
    let gateway = Gateway::serving(20_000).await;
    for headers in ["", "Accept-Encoding: deflate, gzip;q=0.5\r\n"] {
        let answer = gateway.ask("GET", "/metrics", headers).await;
        let page = match headers.is_empty() {
            true => {
                assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
                answer.text()
            }
            // How much is left of it is the encoder's business.
            false => gunzip(&answer.body),
        };
        assert!(page.len() > 1 << 20, "{} bytes", page.len());
        assert_eq!(page.matches("\njobs_total{").count(), 20_000);
        assert!(page.ends_with('\n'));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn gzip_is_sent_to_those_who_ask() {
    let gateway = Gateway::serving(3).await;
    let answer = gateway.ask("GET", "/metrics", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
    assert!(gunzip(&answer.body).contains("\njobs_total{number=\"2\","));
    let answer = gateway.ask("GET", "/metrics", "Accept-Encoding: gzip;q=0, *\r\n").await;
    assert_eq!(answer.header("content-encoding"), None);
    assert!(answer.text().contains("\njobs_total{number=\"2\","));
    gateway.stop().await;
}

#[tokio::test]
async fn zstd_is_sent_to_those_who_ask() {
    let gateway = Gateway::serving(20_000).await;
    let answer = gateway.ask("GET", "/metrics", "Accept-Encoding: gzip, zstd\r\n").await;
    assert_eq!(answer.header("content-encoding"), Some("zstd"));
    let page = zstd::decode_all(answer.body.as_slice()).expect("a whole zstd stream");
    let page = String::from_utf8(page).expect("text");
    assert_eq!(page.matches("\njobs_total{").count(), 20_000);
    gateway.stop().await;
}

#[tokio::test]
async fn both_pages_are_in_the_format_that_is_asked_for() {
    let gateway = Gateway::serving(2).await;
    let proto = "application/vnd.google.protobuf; \
                 proto=io.prometheus.client.MetricFamily; encoding=delimited";
    let open_metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    for path in ["/metrics", "/-/metrics"] {
        let ask =
            async |accept: &str| gateway.ask("GET", path, &format!("Accept: {accept}\r\n")).await;
        let answer = ask("application/openmetrics-text;version=1.0.0,text/plain;q=0.5").await;
        assert_eq!(answer.header("content-type"), Some(open_metrics), "{path}");
        assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"), "{path}");
        let page = answer.text();
        assert!(page.ends_with("\n# EOF\n"), "{page}");
        assert!(page.contains("\n# TYPE prom_stream_gateway_checkpoints counter\n"), "{page}");
        assert!(page.contains("# TYPE jobs counter\n") == (path == "/metrics"), "{page}");

        let answer = ask(&format!("{proto};escaping=dots")).await;
        let content_type = format!("{proto}; escaping=dots");
        assert_eq!(answer.header("content-type"), Some(content_type.as_str()), "{path}");
        let name = b"prom_stream_gateway_checkpoints_total";
        assert!(answer.body.windows(name.len()).any(|window| window == name), "{path}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let gateway = Gateway::serving(2).await;
    for path in ["/", "/-/healthy", "/-/ready", "/api/v1/dead-letters", "/api/v1/metrics"] {
        let (get, head) = (gateway.get(path).await, gateway.ask("HEAD", path, "").await);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        assert!(get.header("content-length").is_some(), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
    // Their bodies change from one request to the next, and with them the length.
    for path in ["/metrics", "/-/metrics", "/api/v1/status"] {
        let head = gateway.ask("HEAD", path, "").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        let length = head.header("content-length").expect("a length");
        assert!(length.parse::<u64>().expect("a number") > 100, "{path}: {length}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn head_of_a_large_page_ends() {
    let gateway = Gateway::serving(20_000).await;
    for _ in 0..8 {
        let head = gateway.ask("HEAD", "/metrics", "").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "each lets its renderer go");
    }
    gateway.stop().await;
}
