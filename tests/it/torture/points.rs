//! The named places at which the gateway kills itself, and how to get it there.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;
use rustix::process::Signal;
use tokio::time::Instant;

use super::schedule::Setting;
use crate::harness::Gateway;

/// How long a life lasts that does not come past the point.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) name: &'static str,
    pub(crate) list: bool,
    pub(crate) group: bool,
    pub(crate) reader: bool,
    /// In the way of a push.
    pub(crate) push: bool,
    pub(crate) way: Way,
    /// It comes past so often, at most, before it dies there.
    passages: u64,
}

/// What leads there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Running.
    Life,
    /// The same, and it dies within so many microseconds, not at once.
    LifeWithin(u64),
    /// Being told to stop.
    Stop,
    /// A start whose newest snapshot is damaged.
    Damage,
}

const fn point(name: &'static str, modes: &str, way: Way, passages: u64) -> Point {
    let modes = modes.as_bytes();
    let (list, group, reader) = (modes[0] == b'l', modes[1] == b'g', modes[2] == b'r');
    Point { name, list, group, reader, push: modes[3] == b'p', way, passages }
}

/// List, group, reader, push: where there is such a place.
pub(crate) const POINTS: &[Point] = &[
    point("read-done", "lgrp", Way::Life, 30),
    point("apply-middle", "lgrp", Way::Life, 30),
    point("encode-middle", "lgrp", Way::Life, 3),
    point("snapshot-writing", "lgrp", Way::LifeWithin(1500), 3),
    point("snapshot-written", "lgrp", Way::Life, 3),
    point("head-replaced", "lgrp", Way::Life, 3),
    point("clean-up", "lgrp", Way::Life, 3),
    point("acknowledge-middle", "lgrp", Way::Life, 2),
    point("unlink-before", "l---", Way::Life, 2),
    point("trim-done", "lgrp", Way::Life, 2),
    point("rename-in-flight", "l---", Way::LifeWithin(300), 20),
    point("segment-taken", "l---", Way::Life, 10),
    point("journal-written", "---p", Way::Life, 10),
    point("journal-synced", "---p", Way::Life, 10),
    point("pending-page", "-g--", Way::Life, 1),
    point("replay-middle", "lgrp", Way::Life, 1),
    point("fallback", "lgrp", Way::Damage, 1),
    point("takeover-head", "lgrp", Way::Life, 1),
    point("shutdown-drained", "lgrp", Way::Stop, 1),
    point("shutdown-saved", "lgrp", Way::Stop, 1),
];

impl Point {
    pub(super) fn applies(&self, setting: &Setting) -> bool {
        let sources = setting.sources;
        let met = (self.list && sources.list())
            || (self.group && sources.group())
            || (self.reader && sources.reader())
            || (self.push && !setting.bucket);
        met && (self.way != Way::Damage || setting.keep > 1)
    }

    pub(super) fn is_of_one_kind(&self) -> bool {
        [self.list, self.group, self.reader, self.push].into_iter().filter(|one| *one).count() == 1
    }

    /// Starts the gateway, which must not be running, and waits until it is dead. Whether it
    /// died there; else it is killed from outside.
    #[track_caller]
    pub(crate) fn strike(&self, gateway: &mut Gateway, random: &mut Random) -> bool {
        let skipped = match random.below(self.passages) {
            0 => String::new(),
            passages => format!("{passages}*off->"),
        };
        let action = match self.way {
            Way::LifeWithin(longest) => format!("return({})", random.below(longest)),
            _ => "return".into(),
        };
        gateway.assign("FAILPOINTS", &format!("{}={skipped}{action}", self.name));
        gateway.launch();
        gateway.unassign("FAILPOINTS");
        if self.way == Way::Stop {
            gateway.wait_ready();
            gateway.signal(Signal::TERM);
        }
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = gateway.exited() {
                assert_eq!(status.signal(), Some(9), "on the way to {}: {status}", self.name);
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        gateway.kill();
        false
    }
}

#[test]
fn every_point_of_the_source_is_known_here() {
    let mut sources = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut named = std::collections::BTreeSet::new();
    while let Some(path) = sources.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("the source can be read");
            sources.extend(entries.map(|entry| entry.expect("the source can be read").path()));
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("the source can be read");
        for call in ["kill_point(\"", "kill_soon(\""] {
            let names = text.split(call).skip(1).filter_map(|rest| rest.split('"').next());
            named.extend(names.map(ToOwned::to_owned));
        }
    }
    let known: std::collections::BTreeSet<_> =
        POINTS.iter().map(|point| point.name.to_owned()).collect();
    assert_eq!(named, known);
}
