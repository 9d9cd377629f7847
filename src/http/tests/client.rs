//! The smallest HTTP/1.1 client that sees what is on the wire.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub(super) struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway listens");
        Self { stream: BufReader::new(stream) }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the gateway reads");
    }

    /// `headers` are whole lines.
    pub(super) async fn ask(&mut self, method: &str, path: &str, headers: &str) {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n");
        self.send(request.as_bytes()).await;
    }

    pub(super) async fn answer(&mut self, method: &str) -> Answer {
        let status_line = self.line().await;
        let status = status_line.split(' ').nth(1).expect("a status line");
        let mut answer = Answer {
            status: status.parse().expect("a status code"),
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else { break };
            answer.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        if method == "HEAD" {
            // Whatever came after the headers would be a body; a closed connection sends nothing.
            self.stream.read_to_end(&mut answer.body).await.expect("the gateway closes");
        } else if status == "204" {
            // Has no body, and says nothing of its length.
        } else if let Some(length) = answer.header("content-length") {
            answer.body = self.bytes(length.parse().expect("a length")).await;
        } else {
            while let size @ 1.. = usize::from_str_radix(&self.line().await, 16).expect("a size") {
                answer.body.extend(self.bytes(size).await);
                self.line().await;
            }
            self.line().await;
        }
        answer
    }

    /// Waits for an answer to begin.
    pub(super) async fn first_byte(&mut self) {
        assert!(!self.stream.fill_buf().await.expect("an answer").is_empty(), "closed");
    }

    /// Whatever else comes.
    pub(super) async fn read_to_end(&mut self, into: &mut Vec<u8>) -> std::io::Result<usize> {
        self.stream.read_to_end(into).await
    }

    /// Waits for the gateway to close the connection; what it still sends does not matter.
    pub(super) async fn closed(&mut self) {
        let mut rest = Vec::new();
        // A reset closes it, too.
        if let Err(error) = self.stream.read_to_end(&mut rest).await {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.expect("a line");
        assert!(line.ends_with("\r\n"), "the answer ends within {line:?}");
        line.truncate(line.len() - 2);
        line
    }

    async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).await.expect("a whole body");
        bytes
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}
