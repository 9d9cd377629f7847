//! A minimal HTTP client: one request, one answer, known to be whole.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// An error where the server is away, or dies before the answer is complete.
pub(crate) fn get(port: u16, path: &str) -> io::Result<Answer> {
    send(port, "GET", path, &[], b"")
}

/// Any request, with further header lines.
pub(crate) fn send(
    port: u16,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> io::Result<Answer> {
    let (status, body) = exchange(port, method, path, headers, body)?;
    let body = String::from_utf8(body).map_err(io::Error::other)?;
    Ok(Answer { status, body })
}

/// As [`send`], where the answer may be anything but text: its status and its body.
pub(crate) fn exchange(
    port: u16,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    // HTTP/1.0: the answer comes unchunked and ends with the connection.
    let mut request = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\n").into_bytes();
    if method != "GET" {
        request.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    for header in headers {
        request.extend_from_slice(format!("{header}\r\n").as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body);
    stream.write_all(&request)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "answer cut short"))
}

fn parse(bytes: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let body = &bytes[end + 4..];
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let length: Option<usize> = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse().ok());
    if length.is_some_and(|length| length != body.len()) {
        return None;
    }
    Some((status, body.to_vec()))
}
