//! When to stop: SIGTERM and SIGINT ask for an orderly end, a later one for an immediate one.
//! Two within a moment are one: supervisors signal the process and its group, `timeout` does, and a
//! terminal signals everybody in it.
//! And when not to: a file-size limit ends a process unless it listens to SIGXFSZ.

use std::time::Duration;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::telemetry;

/// Exit code of a process that a second signal stopped, as a shell would report SIGINT.
const INTERRUPTED: i32 = 130;

/// Signals that come closer together mean the same.
const MOMENT: Duration = Duration::from_secs(1);

/// A token that is cancelled at the first SIGTERM or SIGINT.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Once listened to, the write that met the limit fails as on a full disk, and is handled so.
    drop(signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?);
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let mut received = async || {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        };
        let signal = received().await;
        let first_at = Instant::now();
        tracing::info!(signal, "stopping: draining, then a final checkpoint");
        stop.cancel();
        let mut signal = received().await;
        while first_at.elapsed() < MOMENT {
            signal = received().await;
        }
        tracing::warn!(signal, "stopping at once, without a final checkpoint");
        telemetry::flush();
        std::process::exit(INTERRUPTED);
    });
    Ok(token)
}
