//! `retire`: ends a gateway's identity for good, so that nothing waits in its name.

use crate::config::Sources;
use crate::gateway;
use crate::telemetry::LogOutput;

#[derive(clap::Args, Debug)]
pub struct Opts {}

pub async fn run(Opts {}: Opts, sources: Sources) -> anyhow::Result<()> {
    let config = super::configure(sources, LogOutput::Stderr)?;
    gateway::retire(config).await
}
