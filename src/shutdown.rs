//! When to stop: SIGTERM and SIGINT ask for an orderly end, a second one for an immediate one.
//! And when not to: a file-size limit ends a process unless it listens to SIGXFSZ.

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a process that a second signal stopped, as a shell would report SIGINT.
const INTERRUPTED: i32 = 130;

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
        tracing::info!(signal, "stopping: draining, then a final checkpoint");
        stop.cancel();
        let signal = received().await;
        tracing::warn!(signal, "stopping at once, without a final checkpoint");
        std::process::exit(INTERRUPTED);
    });
    Ok(token)
}
