//! Both halves of the sources that a plan has.

use std::time::Duration;

use prom_stream_gateway::lease::Lease;
use prom_stream_gateway::source::redis_connection::Connector;
use prom_stream_gateway::source::redis_list::{ListSource, ListUpkeep, Waiting};
use prom_stream_gateway::source::redis_stream_group::{
    GroupNames, GroupOptions, GroupShared, GroupSource, GroupUpkeep,
};
use prom_stream_gateway::source::redis_stream_reader::{ReaderSource, ReaderUpkeep};
use prom_stream_gateway::source::{Backlog, Source, Upkeep, mode_change};
use prom_stream_gateway::store::Store;

use crate::plan::{GROUP, IDENTITY, Mode, Plan, QUEUE, STREAM};

/// Nobody else reads the group; claiming is another test's business.
const CLAIM_IDLE: Duration = Duration::from_secs(300);

type Halves = (Box<dyn Source>, Box<dyn Upkeep>);

pub(crate) fn sources(
    plan: &Plan,
    store: &Store,
    connector: &Connector,
    lease: &Lease,
    crashed: bool,
) -> Vec<Halves> {
    match plan.mode {
        Mode::List => vec![list(plan, connector, lease, crashed)],
        Mode::Group => vec![group(plan, store, connector, crashed)],
        Mode::Reader => vec![reader(plan, connector, crashed)],
        Mode::ListAndGroup => {
            vec![list(plan, connector, lease, crashed), group(plan, store, connector, crashed)]
        }
    }
}

fn list(plan: &Plan, connector: &Connector, lease: &Lease, crashed: bool) -> Halves {
    let waiting = Waiting::default();
    let upkeep = ListUpkeep::new(connector.clone(), QUEUE, IDENTITY, waiting.clone());
    let (connector, lease, page) = (connector.clone(), lease.clone(), plan.page);
    let source = ListSource::new(connector, QUEUE, IDENTITY, lease, page, crashed, waiting);
    (Box::new(source), Box::new(upkeep))
}

fn group(plan: &Plan, store: &Store, connector: &Connector, crashed: bool) -> Halves {
    let names = GroupNames { key: STREAM.into(), group: GROUP.into(), consumer: IDENTITY.into() };
    let options = GroupOptions {
        batch: plan.page,
        claim_idle: CLAIM_IDLE,
        crashed,
        carried_over: mode_change::reader_to_group(store, STREAM),
    };
    let shared = GroupShared::default();
    let source = GroupSource::new(connector.clone(), names.clone(), options, shared.clone());
    let upkeep = GroupUpkeep::new(connector.clone(), names, true, shared);
    (Box::new(source), Box::new(upkeep))
}

fn reader(plan: &Plan, connector: &Connector, crashed: bool) -> Halves {
    let backlog = Backlog::default();
    let source =
        ReaderSource::new(connector.clone(), STREAM, GROUP, plan.page, crashed, backlog.clone());
    let upkeep = ReaderUpkeep::new(connector.clone(), STREAM, GROUP, true, backlog);
    (Box::new(source), Box::new(upkeep))
}
