//! Requests as a scraper makes them: the page is read to its end, and thrown away unless asked for.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tokio::time::Instant;

/// One page that was received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) took: Duration,
    /// As sent: of the compressed body, if it is.
    pub(crate) bytes: usize,
}

/// The body, `None` unless the status is 200.
pub(crate) fn get(port: u16, path: &str) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    request(port, path, "identity", |chunk| body.extend_from_slice(chunk)).ok()??;
    Some(body)
}

/// Reads `/metrics`, panics unless it is there.
pub(crate) fn scrape(port: u16, encoding: &str) -> Received {
    let started = Instant::now();
    let mut bytes = 0;
    let answer = request(port, "/metrics", encoding, |chunk| bytes += chunk.len());
    answer.expect("the gateway answers").expect("a complete page");
    Received { took: started.elapsed(), bytes }
}

/// `Some` when the status is 200.
fn request(
    port: u16,
    path: &str,
    encoding: &str,
    mut consume: impl FnMut(&[u8]),
) -> io::Result<Option<()>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: {encoding}\r\n\r\n"
    )?;
    let mut buffer = vec![0; 1 << 18];
    let mut filled = 0;
    let head_end = loop {
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        if let Some(at) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    if buffer.get(9..12) != Some(b"200") {
        return Ok(None);
    }
    consume(&buffer[head_end..filled]);
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(Some(())),
            read => consume(&buffer[..read]),
        }
    }
}
