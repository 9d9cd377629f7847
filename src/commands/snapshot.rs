//! `snapshot`: lists, inspects, verifies and exports snapshots.
//!
//! All of it only looks: it takes no lock and changes nothing, so it may run
//! beside a gateway. Inspecting or exporting a file on disk needs no
//! configuration at all.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};

use crate::checkpoint::Storage;
use crate::checkpoint::codec::{Part, Snapshot};
use crate::checkpoint::head::Generation;
use crate::checkpoint::reading::{Reading, examine};
use crate::checkpoint::resolve::{Candidate, Decision, Unusable};
use crate::checkpoint::restore::look;
use crate::commands::configure;
use crate::config::Sources;
use crate::telemetry::LogOutput;

mod export;
mod inspect;
mod survey;
mod table;

use survey::survey;

#[derive(Args, Debug)]
pub struct Opts {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all snapshots, newest first, and whether they can be read
    List,
    /// Show what one snapshot holds: positions, counts, families
    Inspect {
        #[arg(default_value = LATEST)]
        which: String,
    },
    /// Check that the retained snapshots can be read; exit code 1 when one cannot
    Verify {
        /// Also those that `head` does not name
        #[arg(long)]
        all: bool,
    },
    /// Write one snapshot's metrics to standard output
    Export {
        #[arg(long, value_enum, default_value_t = Format::Prometheus)]
        format: Format,
        /// A generation such as 3-41, a .snap file, or `latest`
        #[arg(default_value = LATEST)]
        which: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// The text format that Prometheus scrapes
    Prometheus,
    Json,
}

const LATEST: &str = "latest";

/// Runs the subcommand; the exit code is a failure when `verify` found one.
pub async fn run(opts: Opts, sources: Sources) -> anyhow::Result<ExitCode> {
    let open = || {
        let config = configure(sources, LogOutput::Stderr)?;
        let storage = Storage::open_existing(&config.snapshot.url, &config.gateway.identity)?;
        Ok(Place { storage, keep: config.snapshot.keep })
    };
    let mut out = io::BufWriter::new(io::stdout());
    let sound = execute(opts.command, open, &mut out).await?;
    out.flush()?;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where the snapshots lie, and how many are retained.
struct Place {
    storage: Storage,
    keep: usize,
}

/// False: `verify` found a snapshot that cannot be read.
async fn execute(
    command: Command,
    open: impl FnOnce() -> anyhow::Result<Place>,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    match command {
        Command::List => out.write_all(survey(&open()?.storage).await?.list().as_bytes())?,
        Command::Verify { all } => {
            let (text, sound) = survey(&open()?.storage).await?.verify(all);
            out.write_all(text.as_bytes())?;
            return Ok(sound);
        }
        Command::Inspect { which } => {
            out.write_all(inspect::render(&load(&which, open).await?).as_bytes())?;
        }
        Command::Export { format, which } => {
            let snapshot = load(&which, open).await?;
            match format {
                Format::Prometheus => export::prometheus(&snapshot, out)?,
                Format::Json => export::json(&snapshot, out)?,
            }
        }
    }
    Ok(true)
}

/// Storage is opened only when `which` is not a file, so a file needs no configuration.
async fn load(
    which: &str,
    open: impl FnOnce() -> anyhow::Result<Place>,
) -> anyhow::Result<Snapshot> {
    if which == LATEST {
        return latest(&open()?).await;
    }
    let Ok(generation) = which.parse::<Generation>() else {
        return from_file(Path::new(which));
    };
    let storage = open()?.storage;
    match examine(&storage, &Candidate { generation, entry: None }).await? {
        Ok(verified) => Ok(verified.snapshot),
        Err(why) => bail!("snapshot {generation} in {}: {why}", storage.place()),
    }
}

/// A file that says what changed since another one needs that beside it, under its name.
fn from_file(path: &Path) -> anyhow::Result<Snapshot> {
    let file = std::fs::read(path).with_context(|| {
        format!(
            "`{}` is neither a generation (such as 3-41), nor `latest`, nor a file to be read",
            path.display()
        )
    })?;
    let context = || path.display().to_string();
    let meta = Part::read(&file).with_context(context)?.meta();
    let candidate = Candidate { generation: meta.generation, entry: None };
    let mut reading = Reading::new(&candidate, &meta.identity);
    let mut next = Some(file);
    while let Some(generation) = reading.wanted() {
        let beside = || std::fs::read(path.with_file_name(generation.file_name())).ok();
        let verdict = reading.add(next.take().or_else(beside).as_deref());
        verdict.map_err(anyhow::Error::msg).with_context(context)?;
    }
    Ok(reading.finish().map_err(anyhow::Error::msg).with_context(context)?.snapshot)
}

/// The one that a gateway would start from now.
async fn latest(Place { storage, keep }: &Place) -> anyhow::Result<Snapshot> {
    let found = look(storage, *keep).await?;
    let place = storage.place();
    match (found.verified, found.decision) {
        (Some(verified), _) => Ok(verified.snapshot),
        (None, Decision::Refuse { unusable }) => {
            let mut text = format!("no snapshot in {place} can be read:");
            for Unusable { name, why } in unusable {
                write!(text, "\n  {name}: {why}").expect("a String takes everything");
            }
            bail!(text)
        }
        (None, _) => {
            bail!("there is no snapshot of identity `{}` in {place}", storage.identity())
        }
    }
}

#[cfg(test)]
mod tests;
