//! A conversation without a connection, for tests of what may come in any pieces.

use std::sync::Arc;

use bytes::Bytes;

use super::protocol::Parser;
use super::session::{Flow, Session, Turn};
use super::{Door, DoorParts};
use crate::config::{Config, DoorConfig, DoorUser};
use crate::decode::delivery;
use crate::expose::own_metrics::DoorMetrics;
use crate::model::{RawEntry, Timestamp};
use crate::push::PushFront;

/// What is answered to the pieces, and what would be kept of them.
pub fn converse<'p>(
    users: Vec<DoorUser>,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (Vec<u8>, Vec<RawEntry>) {
    let config = Config::default().door.expect("nothing names a Redis");
    let door = door(&config, users);
    let mut session = Session::new(Arc::clone(&door.shared), 1, "somewhere".into(), None);
    let (mut parser, mut read) = (Parser::default(), Vec::new());
    let (mut said, mut kept) = (Vec::new(), Vec::new());
    for piece in pieces {
        read.extend_from_slice(piece);
        let mut turn = Turn::new(&door.shared, &session, Timestamp(1_700_000_000_000), None);
        let (taken, flow) = session.run_all(&mut parser, &read, &mut turn);
        read.drain(..taken);
        let (record, _): (Bytes, _) = turn.delivery.finish();
        kept.extend(delivery::entries(0, &record).expect("what was written can be read"));
        said.extend(turn.replies.bytes);
        if flow == Flow::Close {
            break;
        }
    }
    (said, kept)
}

fn door(config: &DoorConfig, users: Vec<DoorUser>) -> Door {
    let push = Config::default().push;
    let parts = DoorParts {
        front: PushFront::default(),
        metrics: DoorMetrics::default(),
        port: 0,
        window: push.idempotency_window,
        budget_bytes: push.max_buffered_bytes,
    };
    Door::new(config, users, parts)
}
