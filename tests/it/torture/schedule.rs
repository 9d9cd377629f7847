//! From a seed to what a round sets up and what happens in it: nothing else has a say.

use std::fmt;

use prom_stream_gateway::commands::load::mix::Random;

use super::faults::{FAULTS, Fault, Moment};
use super::points::{POINTS, Point};

/// Acts of one bout, and bouts of one round.
const ACTS: u64 = 5;
const BOUTS: u64 = 2;

#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) seed: u64,
    pub(super) setting: Setting,
    pub(super) bouts: Vec<Bout>,
}

/// What a round sets up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) sources: Sources,
    /// Snapshots lie in a bucket, not in a directory.
    pub(super) bucket: bool,
    pub(super) keep: u64,
    pub(super) interval_ms: u64,
    /// Entries of one read.
    pub(super) page: u64,
    /// Events of one payload.
    pub(super) batch: usize,
    /// Redis writes everything to its append-only file before it answers.
    pub(super) persistent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sources {
    List,
    Group,
    Reader,
    ListAndGroup,
    ListAndReader,
}

/// Some time under load, at the end of which everything must be exact.
#[derive(Debug)]
pub(super) struct Bout {
    pub(super) acts: Vec<Act>,
    /// What happens then, while nothing else does.
    pub(super) quiet: Option<Act>,
}

/// One thing that happens.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) what: What,
    /// Kills at random moments before it.
    pub(super) kills: u32,
    /// Of the act's own randomness.
    pub(super) seed: u64,
}

#[derive(Clone, Copy)]
pub(super) enum What {
    Fault(&'static Fault),
    KillAt(&'static Point),
}

impl Schedule {
    pub(super) fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let random = &mut random;
        let setting = Setting::of(random);
        let under_load = deck(&setting, Moment::UnderLoad);
        let quiet = deck(&setting, Moment::Quiet);
        let bouts = (0..BOUTS)
            .map(|_| Bout {
                acts: (0..ACTS).map(|_| Act::of(&under_load, random)).collect(),
                quiet: (random.below(2) == 0).then(|| Act::of(&quiet, random)),
            })
            .collect();
        Self { seed, setting, bouts }
    }

    /// What happens in it.
    pub(super) fn names(&self) -> Vec<String> {
        let acts = self.bouts.iter().flat_map(|bout| bout.acts.iter().chain(&bout.quiet));
        acts.map(|act| act.what.to_string()).collect()
    }
}

impl Setting {
    fn of(random: &mut Random) -> Self {
        use Sources::{Group, List, ListAndGroup, ListAndReader, Reader};
        Self {
            sources: *pick(&[List, Group, Reader, ListAndGroup, ListAndReader], random),
            bucket: random.below(2) == 0,
            keep: *pick(&[1, 2, 2, 3], random),
            interval_ms: *pick(&[100, 150, 300], random),
            page: *pick(&[20, 100, 1000], random),
            batch: *pick(&[1, 10, 50], random),
            persistent: random.below(2) == 0,
        }
    }
}

impl Sources {
    pub(super) fn list(self) -> bool {
        matches!(self, Self::List | Self::ListAndGroup | Self::ListAndReader)
    }

    pub(super) fn group(self) -> bool {
        matches!(self, Self::Group | Self::ListAndGroup)
    }

    pub(super) fn reader(self) -> bool {
        matches!(self, Self::Reader | Self::ListAndReader)
    }

    pub(super) fn stream(self) -> bool {
        self.group() || self.reader()
    }
}

/// What can happen in this setting, each as often as it weighs.
fn deck(setting: &Setting, moment: Moment) -> Vec<What> {
    let faults = FAULTS.iter().filter(|fault| fault.moment == moment && (fault.applies)(setting));
    let mut deck: Vec<_> =
        faults.flat_map(|fault| std::iter::repeat_n(What::Fault(fault), fault.weight)).collect();
    if moment == Moment::UnderLoad {
        let points = POINTS.iter().filter(|point| point.applies(setting));
        // Those of one kind of source only come up in fewer settings.
        let times = |point: &Point| if point.is_of_one_kind() { 4 } else { 2 };
        deck.extend(points.flat_map(|at| std::iter::repeat_n(What::KillAt(at), times(at))));
    }
    deck
}

impl Act {
    fn of(deck: &[What], random: &mut Random) -> Self {
        Self {
            what: *pick(deck, random),
            kills: 1 + random.below(3) as u32,
            seed: random.next_u64(),
        }
    }
}

fn pick<'a, T>(from: &'a [T], random: &mut Random) -> &'a T {
    &from[random.below(from.len() as u64) as usize]
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => f.write_str(fault.name),
            Self::KillAt(point) => write!(f, "killed at {}", point.name),
        }
    }
}

impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources = match self.sources {
            Sources::List => "list",
            Sources::Group => "group",
            Sources::Reader => "reader",
            Sources::ListAndGroup => "list+group",
            Sources::ListAndReader => "list+reader",
        };
        let store = if self.bucket { "s3" } else { "disk" };
        let Self { keep, interval_ms, page, batch, .. } = self;
        write!(f, "{sources} {store} keep={keep} every={interval_ms}ms page={page} batch={batch}")?;
        if self.persistent { f.write_str(" aof") } else { Ok(()) }
    }
}
