//! HTTP/1.1 as far as clients of S3 use it: kept-alive connections, sized bodies.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::net::TcpStream;

use url::Url;

pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    /// By name in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// `None`: the client has closed the connection.
    pub(super) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(invalid(&line));
        };
        let url = Url::parse(&format!("http://s3{target}")).map_err(|_| invalid(target))?;
        let method = method.to_owned();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid(line))?;
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").map_or("0", String::as_str);
        let length: usize = length.parse().map_err(|_| invalid(length))?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(Some(Self {
            method,
            path: url.path().to_owned(),
            query: url.query_pairs().into_owned().collect(),
            headers,
            body,
        }))
    }
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {text:?}"))
}

pub(super) struct Answer {
    pub(super) status: u16,
    e_tag: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn empty(status: u16) -> Self {
        Self { status, e_tag: None, body: Vec::new() }
    }

    pub(super) fn object(e_tag: String, body: Vec<u8>) -> Self {
        Self { status: 200, e_tag: Some(e_tag), body }
    }

    pub(super) fn xml(document: &str) -> Self {
        let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{document}").into_bytes();
        Self { status: 200, e_tag: None, body }
    }

    pub(super) fn error(status: u16, code: &str) -> Self {
        Self { status, ..Self::xml(&format!("<Error><Code>{code}</Code></Error>")) }
    }

    pub(super) fn write(&self, mut stream: &TcpStream, method: &str) -> io::Result<()> {
        let Self { status, e_tag, body } = self;
        let mut bytes = format!(
            "HTTP/1.1 {status} -\r\nContent-Length: {}\r\n\
             Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n",
            body.len()
        )
        .into_bytes();
        if let Some(e_tag) = e_tag {
            bytes.extend(format!("ETag: {e_tag}\r\n").bytes());
        }
        bytes.extend(b"\r\n");
        if method != "HEAD" {
            bytes.extend(body);
        }
        stream.write_all(&bytes)
    }
}
