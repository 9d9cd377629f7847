//! Parse, dispatch, exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use prom_stream_gateway::cli::Cli;
use prom_stream_gateway::commands;

#[tokio::main]
async fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _active_until_the_end = prom_stream_gateway::fault_point::activate();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nowhere is left to report that standard error is closed.
            error.print().ok();
            return if error.use_stderr() {
                commands::EXIT_USAGE.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    commands::run(cli).await.unwrap_or_else(|error| {
        // Not `eprintln!`, which panics where nobody can be told.
        writeln!(io::stderr(), "Error: {error:#}").ok();
        commands::exit_code(&error)
    })
}
