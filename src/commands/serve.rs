//! `serve`: runs the gateway until it is told to stop.

use crate::config::Sources;
use crate::gateway;
use crate::telemetry::LogOutput;

#[derive(clap::Args, Debug)]
pub struct Opts {}

pub async fn run(Opts {}: Opts, sources: Sources) -> anyhow::Result<()> {
    let config = super::configure(sources, LogOutput::Stdout)?;
    gateway::run(config).await
}
