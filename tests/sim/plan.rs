//! What a seed means: the mode, the sizes, how often things go wrong, and how each life ends.

use std::fmt;
use std::time::Duration;

use prom_stream_gateway::checkpoint::Terms;
use prom_stream_gateway::commands::load::mix::Random;
use prom_stream_gateway::model::{SourceKey, SourceKind};

pub(crate) const QUEUE: &str = "queue";
pub(crate) const STREAM: &str = "stream";
pub(crate) const GROUP: &str = "gateways";
pub(crate) const IDENTITY: &str = "sim";

/// Which sources the gateway reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    List,
    Group,
    Reader,
    ListAndGroup,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) mode: Mode,
    /// Snapshots retained.
    pub(crate) keep: usize,
    pub(crate) page: usize,
    pub(crate) workers: usize,
    pub(crate) interval_ms: u64,
    /// An owner that is silent for this long may be superseded.
    pub(crate) lease_ms: u64,
    /// Entries of a stream's macro node.
    pub(crate) node_entries: usize,
    pub(crate) faults_per_mille: u64,
    pub(crate) lives: Vec<LifePlan>,
    /// The newest snapshot is damaged after this life, and never again.
    pub(crate) damage_after: u64,
    /// Producers keep the stream no longer than this.
    pub(crate) max_length: Option<usize>,
    /// Redis is emptied in this life, when everything is read.
    pub(crate) wipe_in: Option<u64>,
}

/// One life but the last, which goes on until everything is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LifePlan {
    pub(crate) events: u64,
    pub(crate) end: End,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// At an operation, or at this moment if that does not come.
    CrashAtOperation {
        or_after_ms: u64,
    },
    CrashAfter {
        milliseconds: u64,
    },
    Stop {
        after_ms: u64,
    },
    /// It is stopped, goes on later, and only ends when it finds out or the next life does.
    Freeze {
        after_ms: u64,
        for_ms: u64,
    },
}

impl Plan {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5eed);
        let mut below = |bound| random.below(bound);
        let mode = match below(4) {
            0 => Mode::List,
            1 => Mode::Group,
            2 => Mode::Reader,
            _ => Mode::ListAndGroup,
        };
        let small = |number: u64| usize::try_from(number).expect("drawn below a small bound");
        let lives = (0..2 + below(5)).map(|_| LifePlan {
            events: below(9),
            end: match below(7) {
                0 => End::Stop { after_ms: below(1500) },
                1 => End::Freeze { after_ms: below(1500), for_ms: below(6000) },
                2 => End::CrashAfter { milliseconds: below(1500) },
                _ => End::CrashAtOperation { or_after_ms: 300 + below(1200) * (1 + below(4)) },
            },
        });
        let lives: Vec<LifePlan> = lives.collect();
        Self {
            seed,
            mode,
            keep: small(1 + below(3)),
            page: small(1 + below(5)),
            workers: small(1 + below(3)),
            interval_ms: 80 + below(900),
            lease_ms: 600 + below(3000),
            node_entries: small(1 + below(3)),
            faults_per_mille: [0, 2, 8, 20][small(below(4))],
            damage_after: below(8),
            max_length: (mode != Mode::List && below(5) == 0).then(|| small(1 + below(4))),
            wipe_in: None,
            lives,
        }
        .only_with_the_newest(random.below(4))
    }

    /// Where a snapshot before the newest may be needed, Redis must keep what that lacks.
    fn only_with_the_newest(self, life: u64) -> Self {
        let lives = self.lives.len() as u64;
        let newest = self.damage_after >= lives;
        // Two sources would wait for one snapshot, and go on in an order that no seed decides.
        let alone = self.mode != Mode::ListAndGroup;
        let wipe_in = (newest && alone && life < lives).then_some(life);
        let max_length = self.max_length.filter(|_| newest);
        Self { wipe_in, max_length, ..self }
    }

    /// Whether producers trim what the source reads.
    pub(crate) fn trims(&self, source: &SourceKey) -> bool {
        self.max_length.is_some() && source.kind != SourceKind::List
    }

    pub(crate) fn terms(&self) -> Terms {
        Terms { keep: self.keep, lease_ttl: Duration::from_millis(self.lease_ms) }
    }

    /// Each source with whether it applies entries in their order: a group's pending entries are
    /// read again after newer ones may have been applied.
    pub(crate) fn sources(&self) -> Vec<(SourceKey, bool)> {
        let key = |kind, key: &str| SourceKey { kind, key: key.into() };
        let list = (key(SourceKind::List, QUEUE), true);
        let group = (key(SourceKind::Group, STREAM), false);
        match self.mode {
            Mode::List => vec![list],
            Mode::Group => vec![group],
            Mode::Reader => vec![(key(SourceKind::Reader, STREAM), true)],
            Mode::ListAndGroup => vec![list, group],
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            mode,
            keep,
            page,
            workers,
            interval_ms,
            lease_ms,
            max_length,
            wipe_in,
            ..
        } = self;
        let node_entries = self.node_entries;
        write!(
            f,
            "seed {seed}: {mode:?}, trimmed {max_length:?}, wiped in {wipe_in:?}, keep {keep}, page \
             {page}, workers {workers}, checkpoint every {interval_ms} ms, lease {lease_ms} ms, node {node_entries}, {} of 1000 operations fail, {} lives",
            self.faults_per_mille,
            self.lives.len() + 1
        )
    }
}
