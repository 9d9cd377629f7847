//! A load generator of one thread: connections that send the same bytes again as soon as they
//! have been answered.
//!
//! One thread, because the servers need the other core; the request is made once, so that what
//! is measured is the server.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// For a large push to a slow server.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Load {
    /// Every push that was sent has been answered with 2xx.
    pub(crate) answers: u64,
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// A POST as it goes over the wire.
pub(crate) fn request(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain; version=0.0.4\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Pushes for so long, at so many connections.
pub(crate) fn run(port: u16, request: &[u8], connections: usize, duration: Duration) -> Load {
    runtime().block_on(async {
        let started = Instant::now();
        let clients = (0..connections).map(|_| client(port, request, started + duration));
        let mut latencies = futures_util::future::join_all(clients).await.concat();
        let elapsed = started.elapsed();
        latencies.sort_unstable();
        let quantile = |of: f64| latencies[((latencies.len() - 1) as f64 * of) as usize];
        Load {
            answers: latencies.len() as u64,
            per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
            p50: quantile(0.5),
            p99: quantile(0.99),
        }
    })
}

/// One push, on a connection of its own; from the first byte sent to the answer.
pub(crate) fn once(port: u16, request: &[u8]) -> Duration {
    runtime().block_on(async {
        let mut stream = connect(port).await;
        tokio::time::timeout(PATIENCE, push(&mut stream, request)).await.expect("an answer in time")
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the server accepts");
    stream.set_nodelay(true).expect("an open socket");
    stream
}

async fn client(port: u16, request: &[u8], end: Instant) -> Vec<Duration> {
    let mut stream = connect(port).await;
    let mut latencies = Vec::new();
    while Instant::now() < end {
        latencies.push(push(&mut stream, request).await);
    }
    latencies
}

/// Sends the request and reads the answer to its end; panics unless it is 2xx.
async fn push(stream: &mut TcpStream, request: &[u8]) -> Duration {
    let sent = Instant::now();
    stream.write_all(request).await.expect("the server reads");
    let mut answer = Vec::with_capacity(512);
    loop {
        let read = stream.read_buf(&mut answer).await.expect("the server answers");
        assert!(read > 0, "the server hung up: {}", String::from_utf8_lossy(&answer));
        if is_whole(&answer) {
            break;
        }
    }
    let is_success = answer.get(9) == Some(&b'2');
    assert!(is_success, "not accepted: {}", String::from_utf8_lossy(&answer));
    sent.elapsed()
}

/// Whether head and body have arrived; all servers here state a `Content-Length`.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head_end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..head_end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|text| text.trim().parse().ok()).expect("a length");
    answer.len() >= head_end + 4 + length
}
