//! Both halves of the sources that a plan has.

use std::time::Duration;

use prom_stream_gateway::lease::Lease;
use prom_stream_gateway::redis::Connector;
use prom_stream_gateway::source::group::{GroupNames, GroupOptions, GroupSource, GroupUpkeep};
use prom_stream_gateway::source::list::{ListOptions, ListSource, ListUpkeep};
use prom_stream_gateway::source::reader::{ReaderOptions, ReaderSource, ReaderUpkeep};
use prom_stream_gateway::source::{Source, Upkeep, mode_change};
use prom_stream_gateway::store::Store;

use crate::plan::{GROUP, IDENTITY, Mode, Plan, QUEUE, STREAM};

/// Nobody else reads the group; claiming is another test's business.
const CLAIM_IDLE: Duration = Duration::from_secs(300);

/// Whoever runs the halves of a source.
pub(crate) trait Spawn {
    fn spawn(&mut self, source: impl Source + 'static, upkeep: impl Upkeep + 'static);
}

pub(crate) fn start(
    plan: &Plan,
    store: &Store,
    connector: &Connector,
    lease: &Lease,
    crashed: bool,
    tasks: &mut impl Spawn,
) {
    if matches!(plan.mode, Mode::List | Mode::ListAndGroup) {
        let (source, upkeep) = list(plan, connector, lease, crashed);
        tasks.spawn(source, upkeep);
    }
    if matches!(plan.mode, Mode::Group | Mode::ListAndGroup) {
        let (source, upkeep) = group(plan, store, connector, crashed);
        tasks.spawn(source, upkeep);
    }
    if plan.mode == Mode::Reader {
        let (source, upkeep) = reader(plan, connector, crashed);
        tasks.spawn(source, upkeep);
    }
}

fn list(
    plan: &Plan,
    connector: &Connector,
    lease: &Lease,
    crashed: bool,
) -> (ListSource, ListUpkeep) {
    let options = ListOptions { page_items: plan.page, crashed, leftovers_only: false };
    ListSource::halves(connector.clone(), QUEUE, IDENTITY, lease.clone(), options)
}

fn group(
    plan: &Plan,
    store: &Store,
    connector: &Connector,
    crashed: bool,
) -> (GroupSource, GroupUpkeep) {
    let names = GroupNames { key: STREAM.into(), group: GROUP.into(), consumer: IDENTITY.into() };
    let options = GroupOptions {
        batch: plan.page,
        claim_idle: CLAIM_IDLE,
        trim: true,
        crashed,
        carried_over: mode_change::reader_to_group(store, STREAM),
        leftovers_only: false,
    };
    GroupSource::halves(connector.clone(), names, options)
}

fn reader(plan: &Plan, connector: &Connector, crashed: bool) -> (ReaderSource, ReaderUpkeep) {
    let options = ReaderOptions { batch: plan.page, trim: true, crashed, leftovers_only: false };
    ReaderSource::halves(connector.clone(), STREAM, GROUP, IDENTITY, options)
}
