//! Parse, dispatch, exit code.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use prom_stream_gateway::cli::Cli;
use prom_stream_gateway::{allocator, commands, telemetry};

/// Tasks run between two looks at timers and sockets. Decoding a large page takes milliseconds; of
/// the usual 61 in a row, a lease might run out before its renewal is looked at.
const TASKS_BETWEEN_EVENTS: u32 = 5;

/// How long the reason of a failure may take to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    allocator::set_up();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .event_interval(TASKS_BETWEEN_EVENTS)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(run());
            // A write that hangs must not keep a process that has nothing left to do.
            runtime.shutdown_background();
            telemetry::flush();
            code
        }
        Err(error) => {
            writeln!(io::stderr(), "Error: cannot start threads: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run() -> ExitCode {
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
        say(format!("Error: {error:#}\n"));
        commands::exit_code(&error)
    })
}

/// Writes to standard error; a reader that stalls there must not keep the process from ending.
fn say(text: String) {
    let (done, written) = mpsc::channel();
    thread::spawn(move || {
        // Not `eprintln!`, which panics where nobody can be told.
        io::stderr().write_all(text.as_bytes()).ok();
        done.send(()).ok();
    });
    written.recv_timeout(LAST_WORDS).ok();
}
