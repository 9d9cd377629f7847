//! Which server the tests start: `redis-server` from the path, or what `REDIS_SERVER` names.
//!
//! `make compat` names servers of other versions, and of Valkey. All of them understand the
//! same arguments, as a Sentinel too.

use std::ffi::OsString;
use std::process::Command;

pub(crate) fn redis_server() -> Command {
    Command::new(std::env::var_os("REDIS_SERVER").unwrap_or_else(|| OsString::from("redis-server")))
}
