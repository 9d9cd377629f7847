//! Keeps what is in force as the files say: a look every second, and SIGHUP.

use std::future::pending;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Security;

/// Renewed certificates and changed passwords count after this long at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Security {
    /// Runs until `stop`; SIGHUP is listened to from the call on, and ends the process no more.
    pub fn keep_current(self, stop: CancellationToken) -> impl Future<Output = ()> + Send {
        let mut hangup = signal(SignalKind::hangup())
            .inspect_err(|error| {
                tracing::warn!(%error, "cannot listen for SIGHUP; changed files are still seen");
            })
            .ok();
        async move {
            let mut look = interval(LOOK_EVERY);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut hung_up = async || match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            };
            loop {
                tokio::select! {
                    _ = look.tick() => self.reload_if_changed().await,
                    _ = hung_up() => {
                        tracing::info!("SIGHUP: reading the TLS and user files again");
                        // An error is logged there.
                        self.reload().await.ok();
                    }
                    () = stop.cancelled() => return,
                }
            }
        }
    }
}
