//! Compressed blocks of the last page, kept for the next one.
//!
//! Between two scrapes little of a large page changes. What did not change is neither rendered nor
//! compressed again: each unit of a page has a fingerprint of what it was rendered from, under which
//! its compressed block is kept. So nothing ever has to be found out of date: a block is found by a
//! page for which it is right, or by none, and is gone when the next page was put together without
//! it. A page that is being rendered holds the blocks of the one before, so any number of them can
//! be rendered at the same time; the last to be ready leaves its blocks to the next.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;
use parking_lot::Mutex;
use prometheus::IntGauge;
use tokio::time::Instant;

use super::gzip::{Block, Gzip};
use crate::expose::{self, PageFormat};
use crate::model::Timestamp;
use crate::store::{Cut, Family};

/// Compressed text is handed out when it has grown to this size.
const CHUNK_BYTES: usize = 256 << 10;

/// Pages kept, of different form: that of Prometheus, and that of another who looks on.
const PAGES: usize = 2;

/// How long a page is kept that nobody asks for.
const KEPT_FOR: Duration = Duration::from_secs(5 * 60);

/// What the table takes for a block, besides the block.
const ENTRY_BYTES: usize = 2 * (size_of::<(u64, Arc<Block>)>() + 1) + 2 * size_of::<usize>();

/// By fingerprint.
type Blocks = HashMap<u64, Arc<Block>, foldhash::fast::RandomState>;

/// Handle to the blocks; clones share them.
#[derive(Clone)]
pub(super) struct PageCache {
    kept: Arc<Mutex<Vec<Kept>>>,
    /// Of fingerprints: nobody can foresee them.
    state: RandomState,
    size: IntGauge,
}

struct Kept {
    form: PageFormat,
    blocks: Arc<Blocks>,
    size_bytes: usize,
    used_at: Instant,
}

impl PageCache {
    pub(super) fn new(size: IntGauge) -> Self {
        Self { kept: Arc::default(), state: RandomState::default(), size }
    }

    /// Renders the page of a text format as gzip, in chunks. Stops early when `emit` breaks.
    pub(super) fn render(
        &self,
        cut: &Cut,
        own: &[Family],
        now: Timestamp,
        form: PageFormat,
        mut emit: impl FnMut(Vec<u8>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let before = self.blocks(form);
        let mut blocks = Blocks::default();
        blocks.reserve(before.len());
        let mut gzip = Gzip::new();
        let mut text = Vec::new();
        let mut render = |gzip: &mut Gzip, unit: &expose::Unit<'_>| {
            text.clear();
            unit.render(&mut text);
            Arc::new(gzip.compress(&text))
        };
        expose::units(cut, own, now, form, |unit| {
            let fingerprint = unit.fingerprint(&self.state);
            let kept = fingerprint.and_then(|fingerprint| before.get(&fingerprint));
            let block = kept.cloned().unwrap_or_else(|| render(&mut gzip, &unit));
            gzip.append(&block);
            if let Some(fingerprint) = fingerprint {
                blocks.insert(fingerprint, block);
            }
            match gzip.waiting_bytes() < CHUNK_BYTES {
                true => ControlFlow::Continue(()),
                false => emit(gzip.take()),
            }
        })?;
        emit(gzip.finish())?;
        self.keep(form, blocks);
        ControlFlow::Continue(())
    }

    fn blocks(&self, form: PageFormat) -> Arc<Blocks> {
        let kept = self.kept.lock();
        let page = kept.iter().find(|page| page.form == form);
        page.map(|page| Arc::clone(&page.blocks)).unwrap_or_default()
    }

    fn keep(&self, form: PageFormat, blocks: Blocks) {
        let size_bytes = blocks.values().map(|block| block.size_bytes() + ENTRY_BYTES).sum();
        let page = Kept { form, blocks: Arc::new(blocks), size_bytes, used_at: Instant::now() };
        let mut kept = self.kept.lock();
        let is_first = kept.is_empty();
        kept.retain(|page| page.form != form);
        kept.insert(0, page);
        kept.truncate(PAGES);
        self.show(&kept);
        if is_first {
            tokio::spawn(self.clone().forget());
        }
    }

    /// Drops pages that nobody asked for in a long time, until there is none.
    async fn forget(self) {
        loop {
            let oldest = {
                let mut kept = self.kept.lock();
                kept.retain(|page| page.used_at.elapsed() < KEPT_FOR);
                self.show(&kept);
                kept.iter().map(|page| page.used_at).min()
            };
            let Some(oldest) = oldest else { return };
            tokio::time::sleep_until(oldest + KEPT_FOR).await;
        }
    }

    fn show(&self, kept: &[Kept]) {
        let size_bytes: usize = kept.iter().map(|page| page.size_bytes).sum();
        self.size.set(i64::try_from(size_bytes).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod speed;
#[cfg(test)]
mod tests;
