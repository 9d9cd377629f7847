//! Replies as Redis sends them, and how the gateway takes them apart.

use std::io::Write;

use bytes::Bytes;
use prom_stream_gateway::model::{Body, Locator, RawEntry, StreamId};
use prom_stream_gateway::redis::reply::{self, Asked};
use prom_stream_gateway::redis::resp::{Frame, Scanner};

/// To which command.
#[derive(Clone, Copy)]
pub(super) enum Reply {
    /// `LRANGE`
    List,
    /// `XREAD`
    Stream,
}

/// The bytes of one reply.
pub(super) struct Page {
    reply: Reply,
    bytes: Bytes,
}

impl Reply {
    pub(super) fn with(self, payloads: &[String]) -> Page {
        let mut bytes = Vec::new();
        let mut put = |text: std::fmt::Arguments<'_>| {
            bytes.write_fmt(text).expect("writing to memory succeeds");
        };
        let count = payloads.len();
        match self {
            Self::List => put(format_args!("*{count}\r\n")),
            Self::Stream => put(format_args!("*1\r\n*2\r\n$1\r\ns\r\n*{count}\r\n")),
        }
        for (number, payload) in payloads.iter().enumerate() {
            let length = payload.len();
            if let Self::Stream = self {
                let id = format!("{}-0", 1_700_000_000_000 + number);
                let head = format!("*2\r\n${}\r\n{id}\r\n*2\r\n$4\r\ndata\r\n", id.len());
                put(format_args!("{head}"));
            }
            put(format_args!("${length}\r\n{payload}\r\n"));
        }
        Page { reply: self, bytes: bytes.into() }
    }
}

impl Page {
    pub(super) fn entries(self) -> Vec<RawEntry> {
        let mut scanner = Scanner::default();
        let length = scanner.scan(&self.bytes).expect("the protocol").expect("a whole reply");
        assert_eq!(length, self.bytes.len());
        let frame = Frame { bytes: self.bytes, tokens: scanner.tokens() };
        match self.reply {
            Reply::List => {
                let asked = Asked { command: "LRANGE", key: "bench" };
                let items = reply::items(asked, &frame).expect("a page of items");
                let entry = |(item, index)| RawEntry {
                    locator: Locator::Item { segment: 0, index },
                    body: Body::Payload(item),
                };
                items.into_iter().zip(0..).map(entry).collect()
            }
            Reply::Stream => {
                let asked = Asked { command: "XREAD", key: "bench" };
                let entries = reply::stream_entries(asked, &frame).expect("a page of entries");
                let entry = |(id, body): (StreamId, Option<Body>)| RawEntry {
                    locator: Locator::Entry(id),
                    body: body.expect("nothing was deleted"),
                };
                entries.into_iter().map(entry).collect()
            }
        }
    }
}
