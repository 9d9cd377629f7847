//! The commands: one file each, with its options (`Opts`) and `run`.

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::config::{Config, ConfigError, Sources};
use crate::gateway::DoorError;
use crate::http::SecurityError;
use crate::telemetry::{self, LogOutput};

pub mod check;
pub mod completions;
pub mod demo;
pub mod healthcheck;
pub mod load;
pub mod retire;
pub mod serve;
pub mod snapshot;

/// sysexits' EX_USAGE: a mistake in the command line or in the configuration. Trying again
/// without a change is of no use, so a supervisor can tell it from a failure (1).
pub const EXIT_USAGE: u8 = 64;

/// Runs what the command line asks for.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let (command, sources) = cli.into_parts();
    match command {
        Command::Serve(with) => serve::run(with.opts, sources).await,
        Command::Check(with) => return check::run(with.opts, sources).await,
        Command::Snapshot(with) => return snapshot::run(with.opts, sources).await,
        Command::Retire(with) => retire::run(with.opts, sources).await,
        Command::Load(with) => load::run(with.opts, sources).await,
        Command::Healthcheck(with) => {
            let config = configure(sources, LogOutput::Stderr)?;
            let configured = healthcheck::Configured {
                listen: config.http.listen,
                web_config: config.http_security.web_config_file.is_some(),
            };
            healthcheck::run(with.opts, configured).await
        }
        Command::Demo(with) => demo::run(with.opts, sources).await,
        Command::Completions(opts) => completions::run(opts).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

/// The exit code for an error that ends the process.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let of_configuration = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<ConfigError>() || cause.is::<SecurityError>() || cause.is::<DoorError>()
    };
    match error.chain().any(of_configuration) {
        true => EXIT_USAGE.into(),
        false => ExitCode::FAILURE,
    }
}

/// Loads the configuration, sets up logging and logs the configuration's warnings: the first
/// line of every command that needs settings.
pub fn configure(sources: Sources, output: LogOutput) -> anyhow::Result<Config> {
    let (config, warnings) = Config::load(sources)?;
    telemetry::init(&config.logging, output)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}
