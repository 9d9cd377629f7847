//! Staying the owner in a bucket: `head` is the lease, and replacing it renews it.
//!
//! When there is nothing to write it is replaced all the same, well before the
//! lease runs out; also while a large snapshot is on its way. A renewal that
//! fails is tried again soon. One that comes too late is no harm: it is
//! conditional, so when it succeeds nobody else was owner meanwhile.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use super::{CheckpointError, Checkpointer};
use crate::checkpoint::head::Head;
use crate::checkpoint::restore::chain;
use crate::checkpoint::storage::ReplaceHeadError;
use crate::lease::Moment;

impl Checkpointer {
    /// Drives `work`, and the renewals that become due meanwhile.
    pub(super) async fn while_renewing<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, CheckpointError> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = tokio::time::sleep_until(self.renew_at), if !self.storage.has_lock() => {}
            }
            let mut finished = None;
            {
                let mut renewal = pin!(self.renew());
                loop {
                    tokio::select! {
                        biased;
                        renewed = &mut renewal => {
                            renewed?;
                            break;
                        }
                        done = &mut work, if finished.is_none() => finished = Some(done),
                    }
                }
            }
            if let Some(done) = finished {
                return Ok(done);
            }
        }
    }

    /// Replaces `head` by what it is, to show that its owner lives.
    pub(super) async fn renew(&mut self) -> Result<(), CheckpointError> {
        match self.replace_head_in_time(self.head.clone()).await {
            Ok(()) => return Ok(()),
            Err(fenced @ CheckpointError::Fenced { .. }) => return Err(fenced),
            Err(error) => self.say_not_renewed(&chain(&error)),
        }
        self.renew_at = Instant::now() + renewal_retry(self.terms.lease_ttl);
        Ok(())
    }

    /// In a bucket, a replacement that hangs is given up while there is time for another one.
    /// Should it land late, the next one finds out.
    pub(super) async fn replace_head_in_time(&mut self, head: Head) -> Result<(), CheckpointError> {
        if self.storage.has_lock() {
            return self.replace_head(head).await;
        }
        let patience = renewal_interval(self.terms.lease_ttl);
        let replaced = tokio::time::timeout(patience, self.replace_head(head)).await;
        replaced.unwrap_or(Err(CheckpointError::HeadHangs { patience }))
    }

    fn say_not_renewed(&self, error: &str) {
        let left_seconds = self.lease.remaining().unwrap_or_default().as_secs_f64();
        tracing::warn!(
            error,
            left_seconds,
            place = self.storage.place(),
            "the lease could not be renewed, trying again; when it has run out this process \
             stops reading and serving until it is renewed"
        );
    }

    async fn replace_head(&mut self, mut head: Head) -> Result<(), CheckpointError> {
        self.revision += 1;
        head.revision = self.revision;
        let begun = Moment::now();
        match self.storage.replace_head(&head, &self.version).await {
            Ok(version) => {
                self.version = version;
                self.head = head;
                self.lease.renew(begun);
                self.renew_at = Instant::now() + renewal_interval(self.terms.lease_ttl);
                Ok(())
            }
            Err(ReplaceHeadError::Storage(error)) => Err(error.into()),
            Err(ReplaceHeadError::Fenced { found }) => {
                self.lease.end();
                Err(CheckpointError::Fenced {
                    identity: self.storage.identity().to_owned(),
                    place: self.storage.place().to_owned(),
                    epoch: self.head.epoch,
                    found,
                })
            }
        }
    }

    /// Gives the ownership back, so that a standby need not wait. Nothing is read, acknowledged
    /// or served by this process from here on.
    pub async fn release(mut self) -> Result<(), CheckpointError> {
        self.lease.end();
        if self.storage.has_lock() {
            self.storage.unlock();
            return Ok(());
        }
        let head = Head { released: true, ..self.head.clone() };
        self.replace_head(head).await
    }
}

/// Two in a row may fail before the lease runs out.
pub(super) fn renewal_interval(lease_ttl: Duration) -> Duration {
    lease_ttl / 3
}

/// How soon a renewal that failed is tried again.
fn renewal_retry(lease_ttl: Duration) -> Duration {
    lease_ttl / 15
}
