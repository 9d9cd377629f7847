//! A conversation without a connection, for tests of what may come in any pieces.

use std::sync::Arc;

use super::protocol::Parser;
use super::session::{Flow, Session, Turn};
use super::{Door, DoorParts};
use crate::config::Config;
use crate::decode::delivery;
use crate::expose::own_metrics::DoorMetrics;
use crate::model::{RawEntry, Timestamp};
use crate::push::PushFront;

/// What is answered to the pieces, and what would be kept of them.
pub fn converse<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<u8>, Vec<RawEntry>) {
    let Config { door, push, .. } = Config::default();
    let parts = DoorParts {
        front: PushFront::default(),
        metrics: DoorMetrics::default(),
        port: 0,
        window: push.idempotency_window,
        budget_bytes: push.max_buffered_bytes,
    };
    let door = Door::new(&door.expect("nothing names a Redis"), Vec::new(), parts);
    let mut session = Session::new(Arc::clone(&door.shared), 1, "somewhere".into());
    let (mut parser, mut read) = (Parser::default(), Vec::new());
    let (mut said, mut kept) = (Vec::new(), Vec::new());
    for piece in pieces {
        read.extend_from_slice(piece);
        let mut turn = Turn::new(&door.shared, &session, Timestamp(1_700_000_000_000), None);
        let (taken, flow) = session.run_all(&mut parser, &read, &mut turn);
        read.drain(..taken);
        let (record, _) = turn.delivery.finish();
        kept.extend(delivery::entries(0, &record).expect("what was written can be read"));
        said.extend(turn.replies.bytes);
        if flow == Flow::Close {
            break;
        }
    }
    (said, kept)
}
