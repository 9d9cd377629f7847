//! Pages wait until what they show is settled.
//!
//! Which families and series there are is decided on a first-come basis: the first event of a
//! metric says its type, its buckets and its help text, and at `Metrics.MaxSeries` who comes later
//! is refused. Each source is replayed in its order, but between two of them there is none, so a
//! replay may decide it otherwise, and what a scrape has seen would be gone. Hence a page takes its
//! cut ([`cuts`](super::cuts)), waits until a snapshot covers the last decision in it (usually one
//! does), and shows that cut. Where no snapshot can be written the page counts for more.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::checkpoint::OutOfTurn;
use crate::expose::own_metrics::OwnMetrics;
use crate::store::Cut;
use crate::telemetry::OncePerMinute;

/// Clones share what they know.
#[derive(Clone, Default)]
pub struct Settling {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Set before the first page is served.
    checkpoints: OnceLock<OutOfTurn>,
    warnings: Mutex<OncePerMinute>,
}

impl Settling {
    /// Checkpoints are written from now on.
    pub fn begin(&self, checkpoints: OutOfTurn) {
        // A process writes those of one identity, once it owns it.
        self.inner.checkpoints.get_or_init(|| checkpoints);
    }

    /// Waits until the cut may be shown, or no longer.
    pub(super) async fn settle(&self, cut: &Cut, own_metrics: &OwnMetrics) {
        if cut.decided_at == 0 {
            return;
        }
        let is_settled = match self.inner.checkpoints.get().cloned() {
            Some(mut checkpoints) => checkpoints.cover_page(cut.decided_at).await,
            None => false,
        };
        if is_settled {
            return;
        }
        own_metrics.count_unsettled_page();
        if let Some(suppressed) = self.inner.warnings.lock().admit(Instant::now()) {
            tracing::warn!(
                suppressed,
                "a page is served though no snapshot covers which series it shows, because none \
                 could be written in time: after a crash some of them may be gone, where two \
                 sources disagree or Metrics.MaxSeries is reached"
            );
        }
    }
}
