//! `healthcheck`: asks a running gateway whether it is healthy, for containers without a shell.
//!
//! It works whatever protects the gateway. It tries TLS where a web configuration is set, and
//! plain HTTP when that is not spoken: the file may be broken by now, and the gateway lives on
//! with what it read before. A gateway that refuses it, with 401 or for want of a client
//! certificate, answers and so lives; whether it is ready, it then does not say.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use crate::config::Listen;

mod own_tls;

use own_tls::Peer;

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

/// Where the gateway is, by its configuration.
#[derive(Clone, Copy, Debug)]
pub struct Configured {
    pub listen: Listen,
    /// Whether a web configuration is set, which may ask for TLS.
    pub web_config: bool,
}

/// An error means unhealthy.
pub async fn run(opts: Opts, configured: Configured) -> anyhow::Result<()> {
    let page = if opts.ready { "ready" } else { "healthy" };
    // Only the page that says no more than this may be answered by a refusal.
    let alive_suffices = !opts.ready && opts.url.is_none();
    let urls = match opts.url {
        Some(url) => vec![url],
        None => default_urls(configured, page)?,
    };
    let asked = timeout(opts.timeout, ask(&urls)).await;
    let answer = asked
        .with_context(|| format!("{} did not answer within {:?}", urls[0], opts.timeout))??;
    match answer {
        Answer::Success(body) => println!("{body}"),
        Answer::Refused(how) if alive_suffices => println!("alive: {how}"),
        Answer::Refused(how) => bail!(
            "{how}; so it lives, but whether it is ready is not known: expected \
             Http.AuthExempt=health, and a client_auth_type that lets clients in without a \
             certificate"
        ),
    }
    Ok(())
}

/// What a living gateway may say.
enum Answer {
    Success(String),
    /// Not without credentials.
    Refused(String),
}

/// The first that speaks the protocol of its URL.
async fn ask(urls: &[Url]) -> anyhow::Result<Answer> {
    let (last, earlier) = urls.split_last().context("nobody to ask")?;
    for url in earlier {
        if let Some(answer) = get(url).await? {
            return Ok(answer);
        }
    }
    get(last).await?.with_context(|| format!("{last} does not speak TLS"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("expected a positive number of seconds".to_owned()),
    }
}

/// The gateway's own address; one that listens on all interfaces is asked on the loopback.
fn default_urls(configured: Configured, page: &str) -> anyhow::Result<Vec<Url>> {
    let address = configured.listen.from_here();
    let schemes = if configured.web_config { &["https", "http"][..] } else { &["http"] };
    let url = |scheme: &&str| Url::parse(&format!("{scheme}://{address}/-/{page}"));
    schemes
        .iter()
        .map(url)
        .collect::<Result<_, _>>()
        .with_context(|| format!("no URL can be made of the listen address {address}"))
}

/// `None` where TLS is asked for and not spoken.
async fn get(url: &Url) -> anyhow::Result<Option<Answer>> {
    let secure = match url.scheme() {
        "http" => false,
        "https" => true,
        _ => bail!("{url}: expected an http:// or https:// URL"),
    };
    let host = url.host_str().with_context(|| format!("{url} has no host"))?;
    let port = url.port_or_known_default().with_context(|| format!("{url} has no port"))?;
    // TcpStream resolves an IPv6 address without the URL's brackets only.
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((name, port))
        .await
        .with_context(|| format!("cannot connect to {host}:{port}"))?;
    let exchanged = if secure {
        let (here, there) = (stream.local_addr()?.ip(), stream.peer_addr()?.ip());
        ensure!(
            there.is_loopback() || here == there,
            "{url}: certificates are not verified here: expected an address of this machine, or \
             http://"
        );
        match own_tls::secure(stream).await {
            Ok(stream) => exchange(stream, url, host, port).await,
            Err(error) => Err(error),
        }
    } else {
        exchange(stream, url, host, port).await
    };
    match exchanged {
        Ok(answer) => body_of_success(url, &answer).map(Some),
        Err(error) => match Peer::told_by(&error) {
            Peer::Refuses => Ok(Some(Answer::Refused(format!("{url} refuses: {error}")))),
            Peer::IsPlain => Ok(None),
            Peer::Fails => Err(error).with_context(|| format!("{url} broke off its answer")),
        },
    }
}

/// Everything that is answered to a GET.
async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    url: &Url,
    host: &str,
    port: u16,
) -> std::io::Result<String> {
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn body_of_success(url: &Url, answer: &str) -> anyhow::Result<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status_line = head.lines().next().unwrap_or_default();
    let status = status_line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse::<u16>().ok());
    let body = body.trim_end();
    match status {
        Some(200..=299) => Ok(Answer::Success(body.to_owned())),
        Some(401) => Ok(Answer::Refused(format!("{url} asks for a password"))),
        Some(code) => bail!("{url} answered {code}: {body}"),
        None => bail!("{url} did not answer with HTTP: {status_line:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use clap::{Args, FromArgMatches};
    use tokio::net::TcpListener;

    use super::*;

    fn opts(arguments: &[&str]) -> Opts {
        let command = Opts::augment_args(clap::Command::new("healthcheck").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).expect("valid arguments");
        Opts::from_arg_matches(&matches).expect("valid arguments")
    }

    fn plain(listen: SocketAddr) -> Configured {
        Configured { listen: Listen::At(listen), web_config: false }
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
        run(opts(&[]), plain(address)).await.expect("healthy");
        let asked = asked.await.expect("asked");
        assert!(asked.starts_with("GET /-/healthy HTTP/1.1\r\nHost: 127.0.0.1:"), "{asked}");
    }

    #[tokio::test]
    async fn a_refusal_is_an_error_that_tells_why() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\n\r\nrestoring the snapshot\n";
        let (address, asked) = answering(answer).await;
        let error = run(opts(&["--ready"]), plain(address)).await.expect_err("not ready");
        let expected = format!("http://{address}/-/ready answered 503: restoring the snapshot");
        assert_eq!(error.to_string(), expected);
        assert!(asked.await.expect("asked").starts_with("GET /-/ready "));
    }

    #[tokio::test]
    async fn a_gateway_that_wants_a_password_lives_and_does_not_say_whether_it_is_ready() {
        let answer = "HTTP/1.1 401 Unauthorized\r\n\r\nno\n";
        let (address, _asked) = answering(answer).await;
        run(opts(&[]), plain(address)).await.expect("alive");
        let (address, _asked) = answering(answer).await;
        let error = run(opts(&["--ready"]), plain(address)).await.expect_err("not known");
        assert!(error.to_string().contains("Http.AuthExempt=health"), "{error}");
        let (address, _asked) = answering(answer).await;
        let url = format!("http://{address}/-/ready");
        run(opts(&["--url", &url]), plain(address)).await.expect_err("asked for more than life");
    }

    #[tokio::test]
    async fn without_tls_it_is_asked_plainly() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let listen = listener.local_addr().expect("it is bound");
        let asked = tokio::spawn(run(
            opts(&[]),
            Configured { listen: Listen::At(listen), web_config: true },
        ));
        for expected in ["\u{16}", "G"] {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut first = [0];
            stream.read_exact(&mut first).await.expect("a request");
            assert_eq!(first, expected.as_bytes());
            let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhealthy\n";
            stream.write_all(answer).await.expect("the answer is read");
            stream.shutdown().await.expect("the answer is read");
            // Until the client goes, so that no reset overtakes the answer.
            stream.read_to_end(&mut Vec::new()).await.ok();
        }
        asked.await.expect("does not panic").expect("healthy");
    }

    #[tokio::test]
    async fn silence_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let error = run(opts(&["--timeout", "0.05"]), plain(address)).await.expect_err("no answer");
        assert!(error.to_string().ends_with("did not answer within 50ms"), "{error}");
        drop(listener);
        let error = run(opts(&[]), plain(address)).await.expect_err("nobody listens");
        assert!(error.to_string().starts_with("cannot connect to 127.0.0.1:"), "{error}");
    }

    #[tokio::test]
    async fn another_protocol_is_an_error() {
        let (address, _asked) = answering("-ERR unknown command 'GET'\r\n").await;
        let error = run(opts(&[]), plain(address)).await.expect_err("not HTTP");
        assert!(error.to_string().contains("did not answer with HTTP: \"-ERR"), "{error}");
    }

    #[tokio::test]
    async fn a_url_is_asked_as_given() {
        let (address, asked) = answering("HTTP/1.1 204 No Content\r\n\r\n").await;
        let url = format!("http://localhost:{}/x/y?z=1", address.port());
        run(opts(&["--url", &url]), plain(SocketAddr::from(([192, 0, 2, 1], 1))))
            .await
            .expect("healthy");
        assert!(asked.await.expect("asked").starts_with("GET /x/y?z=1 HTTP/1.1\r\n"));
    }

    #[test]
    fn all_interfaces_are_asked_on_the_loopback() {
        for (listen, expected) in [
            ("0.0.0.0:9091", "http://127.0.0.1:9091/-/healthy"),
            ("[::]:9091", "http://[::1]:9091/-/healthy"),
            (":9091", "http://127.0.0.1:9091/-/healthy"),
            ("10.1.2.3:80", "http://10.1.2.3/-/healthy"),
        ] {
            let listen = listen.parse().expect("an address");
            let configured = Configured { listen, web_config: false };
            let urls = default_urls(configured, "healthy").expect("a URL");
            assert_eq!(urls.iter().map(Url::as_str).collect::<Vec<_>>(), [expected]);
        }
    }
}
