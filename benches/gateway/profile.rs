//! The ingest path under `perf`: see `make profile`, which says what it needs and draws the graph.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::end_to_end::Mode;
use crate::events;
use crate::gateway::Gateway;
use crate::redis_server::{Dump, Redis, STREAM, directory};
use crate::settings::Settings;

/// Samples a second, and no divisor of what happens at round intervals.
const FREQUENCY: &str = "1999";

/// Records `target/profile/perf.data` of a gateway that reads everything that is in Redis, from a
/// list or, with `MODE=reader|group`, from a stream.
pub(crate) fn run(settings: &Settings) {
    let wanted = std::env::var("MODE").ok().filter(|text| !text.is_empty());
    let name = wanted.as_deref().unwrap_or("list");
    let mode = Mode::ALL.into_iter().find(|mode| mode.name() == name);
    let mode = mode.unwrap_or_else(|| panic!("MODE={name:?}: expected list, reader or group"));
    let events = || (0..settings.events).map(events::event);
    let dump = match mode {
        Mode::List => Dump::of_list(events()),
        Mode::Group | Mode::Reader => Dump::of_streams(&[STREAM.into()], events()),
    };
    let (redis, data) = (Redis::start_from(&dump), directory());
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/profile");
    std::fs::create_dir_all(&target).expect("target can be written");
    let mut perf = Command::new("perf");
    perf.args(["record", "--quiet", "--freq", FREQUENCY, "--call-graph", "fp", "--output"])
        .arg(target.join("perf.data"))
        .args(["--", Gateway::executable()])
        .stderr(Stdio::inherit());
    let gateway = Gateway::spawn(&mut perf, redis.port, data.path(), mode.settings());
    gateway.wait_ready();
    assert_eq!(gateway.processed(), settings.events as u64);
    // perf passes it on, and ends its record when the gateway has ended.
    gateway.stop();
    println!("{} events ({name}) recorded in {}", settings.events, target.display());
}
