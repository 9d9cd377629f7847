//! Polling with a deadline: the only way in which tests wait.

use std::thread::sleep;
use std::time::Duration;

use tokio::time::Instant;

const POLL_EVERY: Duration = Duration::from_millis(10);

/// Polls until `probe` returns something; panics with its last complaint at the deadline.
#[track_caller]
pub(crate) fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl FnMut() -> Result<T, String>,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        match probe() {
            Ok(found) => return found,
            Err(complaint) if Instant::now() >= end => {
                panic!("{what}: not within {deadline:?}: {complaint}")
            }
            Err(_) => sleep(POLL_EVERY),
        }
    }
}

/// Polls until `probe` holds.
#[track_caller]
pub(crate) fn eventually(what: &str, deadline: Duration, mut probe: impl FnMut() -> bool) {
    wait_for(what, deadline, || if probe() { Ok(()) } else { Err("still not so".into()) });
}
