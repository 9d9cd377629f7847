//! Keeps pushes in a Redis stream: they are added to it, and applied when they are read back.
//!
//! A gateway on another machine can take over then: what was promised is where all its events are.

use redis::RedisError;
use tokio::sync::mpsc;

use super::{Connector, Link};
use crate::decode::PUSH_FIELD;
use crate::push::{Pending, PushError, Waiting};

/// Pushes added in one round trip at most.
const MOST_AT_ONCE: usize = 256;

/// Added in one round trip at most, but for a single push that is larger.
const ABOUT_BYTES_AT_ONCE: usize = 1 << 20;

/// Adds what comes to the stream, until nobody can send any more.
pub async fn run(
    mut pending: mpsc::Receiver<Pending>,
    connector: Connector,
    stream: String,
    waiting: Waiting,
) {
    let mut link = Link::new(connector, &stream);
    while let Some(first) = pending.recv().await {
        let together = first.gather(&mut pending, MOST_AT_ONCE, ABOUT_BYTES_AT_ONCE);
        add(&mut link, &stream, &together, &waiting).await;
    }
}

/// Those that were added are answered when they are applied, the others here.
async fn add(link: &mut Link, stream: &str, together: &[Pending], waiting: &Waiting) {
    let connection = match link.open().await {
        Ok(connection) => connection,
        Err(error) => {
            let why = format!("the push cannot be added to the stream `{stream}`: {error}");
            for one in together {
                waiting.complete(one.ticket, Err(PushError::Unavailable { why: why.clone() }));
            }
            return;
        }
    };
    let mut pipe = redis::pipe();
    for one in together {
        pipe.cmd("XADD").arg(stream).arg("*").arg(PUSH_FIELD).arg(&one.record[..]);
    }
    // Each has its own answer: of several, Redis may refuse one for its size.
    pipe.ignore_errors();
    let replies: Result<Vec<redis::RedisResult<redis::Value>>, RedisError> =
        pipe.query_async(connection).await;
    match replies {
        Ok(replies) => {
            for (one, reply) in together.iter().zip(replies) {
                if let Err(error) = reply {
                    let why = format!("Redis refused to add the push to `{stream}`: {error}");
                    waiting.complete(one.ticket, Err(PushError::Unavailable { why }));
                }
            }
        }
        Err(error) => {
            link.close();
            let why = format!("no answer whether the push was added to `{stream}`: {error}");
            for one in together {
                waiting.complete(one.ticket, Err(PushError::Unconfirmed { why: why.clone() }));
            }
        }
    }
}
