//! Programs of others that are built from source: `tests/peers/run.py` builds them and says where.

use std::path::PathBuf;
use std::process::Command;

/// What `make peers` has built under this name.
#[track_caller]
pub(crate) fn program(name: &str) -> Command {
    Command::new(place().join(name))
}

/// Where it builds.
#[track_caller]
pub(crate) fn place() -> PathBuf {
    PathBuf::from(std::env::var_os("PEERS").expect("PEERS is set: run `make peers`"))
}
