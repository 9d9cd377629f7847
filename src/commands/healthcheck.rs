//! `healthcheck`: asks a running gateway whether it is healthy, for containers without a shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

/// More of an answer is not read.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// Ask a running gateway whether it is healthy; exits 0 if so, else 1.
#[derive(Clone, Debug, clap::Args)]
pub struct Opts {
    /// The URL to ask [default: /-/healthy at the configured listen address]
    #[arg(long)]
    url: Option<Url>,

    /// Ask whether the gateway is ready (state restored and replayed) instead
    #[arg(long, conflicts_with = "url")]
    ready: bool,

    /// How long to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    timeout: Duration,
}

/// `listen` is the configured listen address. An error means unhealthy.
pub async fn run(opts: Opts, listen: SocketAddr) -> anyhow::Result<()> {
    let url = match opts.url {
        Some(url) => url,
        None => default_url(listen, if opts.ready { "ready" } else { "healthy" })?,
    };
    let answer = timeout(opts.timeout, get(&url))
        .await
        .with_context(|| format!("{url} did not answer within {:?}", opts.timeout))??;
    println!("{answer}");
    Ok(())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("expected a positive number of seconds".to_owned()),
    }
}

/// The gateway's own address; one that listens on all interfaces is asked on the loopback.
fn default_url(listen: SocketAddr, page: &str) -> anyhow::Result<Url> {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, listen.port());
    Url::parse(&format!("http://{address}/-/{page}"))
        .with_context(|| format!("no URL can be made of the listen address {listen}"))
}

/// The body of a 2xx answer.
async fn get(url: &Url) -> anyhow::Result<String> {
    ensure!(url.scheme() == "http", "{url}: expected an http:// URL");
    let host = url.host_str().with_context(|| format!("{url} has no host"))?;
    let port = url.port_or_known_default().with_context(|| format!("{url} has no port"))?;
    // TcpStream resolves an IPv6 address without the URL's brackets only.
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let mut stream = TcpStream::connect((name, port))
        .await
        .with_context(|| format!("cannot connect to {host}:{port}"))?;

    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.with_context(|| format!("cannot ask {url}"))?;
    let mut answer = Vec::new();
    stream
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut answer)
        .await
        .with_context(|| format!("{url} broke off its answer"))?;
    body_of_success(url, &String::from_utf8_lossy(&answer))
}

fn body_of_success(url: &Url, answer: &str) -> anyhow::Result<String> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status_line = head.lines().next().unwrap_or_default();
    let status = status_line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse::<u16>().ok());
    let body = body.trim_end();
    match status {
        Some(200..=299) => Ok(body.to_owned()),
        Some(code) => bail!("{url} answered {code}: {body}"),
        None => bail!("{url} did not answer with HTTP: {status_line:?}"),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};
    use tokio::net::TcpListener;

    use super::*;

    fn opts(arguments: &[&str]) -> Opts {
        let command = Opts::augment_args(clap::Command::new("healthcheck").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).expect("valid arguments");
        Opts::from_arg_matches(&matches).expect("valid arguments")
    }

    /// Answers one connection and returns what was asked.
    async fn answering(answer: &'static str) -> (SocketAddr, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.expect("a request"));
            }
            stream.write_all(answer.as_bytes()).await.expect("the answer is read");
            String::from_utf8(asked).expect("requests are text")
        });
        (address, asked)
    }

    #[tokio::test]
    async fn a_success_is_healthy() {
        let (address, asked) = answering("HTTP/1.1 200 OK\r\n\r\nhealthy\n").await;
        run(opts(&[]), address).await.expect("healthy");
        let asked = asked.await.expect("asked");
        assert!(asked.starts_with("GET /-/healthy HTTP/1.1\r\nHost: 127.0.0.1:"), "{asked}");
    }

    #[tokio::test]
    async fn a_refusal_is_an_error_that_tells_why() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\n\r\nrestoring the snapshot\n";
        let (address, asked) = answering(answer).await;
        let error = run(opts(&["--ready"]), address).await.expect_err("not ready");
        let expected = format!("http://{address}/-/ready answered 503: restoring the snapshot");
        assert_eq!(error.to_string(), expected);
        assert!(asked.await.expect("asked").starts_with("GET /-/ready "));
    }

    #[tokio::test]
    async fn silence_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let error = run(opts(&["--timeout", "0.05"]), address).await.expect_err("no answer");
        assert!(error.to_string().ends_with("did not answer within 50ms"), "{error}");
        drop(listener);
        let error = run(opts(&[]), address).await.expect_err("nobody listens");
        assert!(error.to_string().starts_with("cannot connect to 127.0.0.1:"), "{error}");
    }

    #[tokio::test]
    async fn another_protocol_is_an_error() {
        let (address, _asked) = answering("-ERR unknown command 'GET'\r\n").await;
        let error = run(opts(&[]), address).await.expect_err("not HTTP");
        assert!(error.to_string().contains("did not answer with HTTP: \"-ERR"), "{error}");
    }

    #[tokio::test]
    async fn a_url_is_asked_as_given() {
        let (address, asked) = answering("HTTP/1.1 204 No Content\r\n\r\n").await;
        let url = format!("http://localhost:{}/x/y?z=1", address.port());
        run(opts(&["--url", &url]), SocketAddr::from(([192, 0, 2, 1], 1))).await.expect("healthy");
        assert!(asked.await.expect("asked").starts_with("GET /x/y?z=1 HTTP/1.1\r\n"));
    }

    #[test]
    fn all_interfaces_are_asked_on_the_loopback() {
        for (listen, expected) in [
            ("0.0.0.0:9091", "http://127.0.0.1:9091/-/healthy"),
            ("[::]:9091", "http://[::1]:9091/-/healthy"),
            ("10.1.2.3:80", "http://10.1.2.3/-/healthy"),
        ] {
            let listen = listen.parse().expect("an address");
            assert_eq!(default_url(listen, "healthy").expect("a URL").as_str(), expected);
        }
    }
}
