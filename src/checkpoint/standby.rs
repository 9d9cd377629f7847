//! Standing by: when may an identity be taken over?
//!
//! | found | may be taken over |
//! |---|---|
//! | a directory whose lock is free | at once |
//! | nothing at all | at once |
//! | a `head` that its owner released | at once |
//! | any other `head`, or none beside snapshots | when it has not changed for the owner's lease |
//!
//! Time is measured here, on the standby's own clock, from the moment the same
//! `head` was first seen. No clock of another machine is ever compared: the
//! owner counts its lease from before it asked for it, the standby from after it
//! saw it, and the owner stops a margin earlier.

use std::time::Duration;

use super::storage::{HeadVersion, ReadHead, Storage, StorageError};
use crate::durable_files::random_bits;
use crate::lease::Moment;

/// Watches one identity.
#[derive(Debug)]
pub struct Standby {
    /// What this process signs with: a `head` with it is our own, its reply was lost.
    nonce: String,
    lease_ttl: Duration,
    /// Whatever `head` says.
    longest_wait: Duration,
    /// Attempts to take over so far.
    attempts: u64,
    /// The last version of `head`, and when it was first seen.
    seen: Option<(HeadVersion, Moment)>,
}

/// Whether somebody owns the identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vacancy {
    /// Nobody, as long as `head` is this one.
    Vacant(HeadVersion),
    /// Somebody does, or may.
    Owned { why: String },
}

impl Standby {
    /// `lease_ttl`: how long to wait where `head` does not say so, or says less.
    pub fn new(lease_ttl: Duration) -> Self {
        let nonce = format!("{:032x}", random_bits());
        Self { nonce, lease_ttl, longest_wait: Duration::MAX, attempts: 0, seen: None }
    }

    /// Takes over at once, whoever is the owner.
    #[cfg(test)]
    pub(super) fn impatient() -> Self {
        Self { longest_wait: Duration::ZERO, ..Self::new(Duration::ZERO) }
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Different for each attempt: one that arrives late is not taken for the next.
    pub(super) fn next_revision(&mut self) -> u64 {
        self.attempts += 1;
        self.attempts
    }

    /// Looks again. On disk this takes the lock.
    pub async fn look(&mut self, storage: &Storage) -> Result<Vacancy, StorageError> {
        if !storage.try_lock()? {
            return Ok(Vacancy::Owned { why: "another process holds the lock".into() });
        }
        // Before the question: what is unchanged in the answer was unchanged until here.
        let waited = self.seen.as_ref().map_or(Duration::ZERO, |(_, since)| since.age());
        let head = storage.read_head().await?;
        let version = head.version();
        if storage.has_lock() || self.is_free(&head, storage).await? {
            return Ok(Vacancy::Vacant(version));
        }
        let same = self.seen.as_ref().is_some_and(|(seen, _)| *seen == version);
        let waited = if same { waited } else { Duration::ZERO };
        if !same {
            self.seen = Some((version.clone(), Moment::now()));
        }
        let (ttl, owner) = match &head {
            ReadHead::Present(head, _) => {
                let ttl = Duration::from_millis(head.lease_ttl_milliseconds);
                (ttl.max(self.lease_ttl), format!("epoch {}", head.epoch))
            }
            ReadHead::Corrupt { .. } => (self.lease_ttl, "an unreadable head".into()),
            ReadHead::Missing => (self.lease_ttl, "snapshots without a head".into()),
        };
        let ttl = ttl.min(self.longest_wait);
        if waited >= ttl {
            return Ok(Vacancy::Vacant(version));
        }
        Ok(Vacancy::Owned { why: format!("{owner}, silent for {waited:.1?} of {ttl:?}") })
    }

    async fn is_free(&self, head: &ReadHead, storage: &Storage) -> Result<bool, StorageError> {
        Ok(match head {
            ReadHead::Present(head, _) => head.released || head.nonce == self.nonce,
            ReadHead::Corrupt { .. } => false,
            // Beside snapshots somebody may have deleted a living owner's head.
            ReadHead::Missing => storage.list().await?.is_empty(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::checkpoint::head::{Generation, Head};
    use crate::checkpoint::storage::tests::Bucket;

    const TTL: Duration = Duration::from_secs(15);

    fn head(revision: u64) -> Head {
        Head { epoch: 1, nonce: "a".into(), revision, ..Head::default() }
    }

    async fn is_vacant(standby: &mut Standby, storage: &Storage) -> bool {
        matches!(standby.look(storage).await.unwrap(), Vacancy::Vacant(_))
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_owner_is_followed_after_its_lease_and_not_before() {
        let storage = Arc::new(Bucket::default()).storage();
        let mut standby = Standby::new(TTL);
        assert!(is_vacant(&mut standby, &storage).await, "nothing is there");
        let version = storage.replace_head(&head(1), &HeadVersion::Absent).await.unwrap();
        assert!(!is_vacant(&mut standby, &storage).await);
        tokio::time::advance(TTL - Duration::from_millis(1)).await;
        assert!(!is_vacant(&mut standby, &storage).await);
        storage.replace_head(&head(2), &version).await.unwrap();
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!is_vacant(&mut standby, &storage).await, "it lives");
        tokio::time::advance(TTL).await;
        assert!(is_vacant(&mut standby, &storage).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_owner_with_a_longer_lease_is_waited_for_longer() {
        let storage = Arc::new(Bucket::default()).storage();
        let longer = Head { lease_ttl_milliseconds: 30_000, ..head(1) };
        storage.replace_head(&longer, &HeadVersion::Absent).await.unwrap();
        let mut standby = Standby::new(TTL);
        assert!(!is_vacant(&mut standby, &storage).await);
        tokio::time::advance(TTL).await;
        assert!(!is_vacant(&mut standby, &storage).await);
        tokio::time::advance(TTL).await;
        assert!(is_vacant(&mut standby, &storage).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_released_is_free_at_once() {
        let storage = Arc::new(Bucket::default()).storage();
        let released = Head { released: true, ..head(1) };
        storage.replace_head(&released, &HeadVersion::Absent).await.unwrap();
        assert!(is_vacant(&mut Standby::new(TTL), &storage).await);
    }

    #[tokio::test(start_paused = true)]
    async fn snapshots_without_a_head_may_have_an_owner() {
        let storage = Arc::new(Bucket::default()).storage();
        let generation = Generation { epoch: 1, sequence: 1 };
        storage.write_snapshot(generation, vec![1]).await.unwrap();
        let mut standby = Standby::new(TTL);
        assert!(!is_vacant(&mut standby, &storage).await);
        tokio::time::advance(TTL).await;
        assert!(is_vacant(&mut standby, &storage).await);
    }
}
