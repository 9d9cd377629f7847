//! Replacing `head`, and knowing whether it worked.
//!
//! In a bucket, `head` is replaced only if it is still the version that this
//! owner saw last. The answer to that cannot be taken at its word: the put may
//! be applied and the reply lost, and the client's own retry of an applied put
//! then reports a conflict with itself. So after *any* error the truth is read
//! back, and the nonce tells our own write from another's:
//!
//! | found | meaning |
//! |---|---|
//! | our nonce, this revision | it worked |
//! | our nonce, an older revision | an earlier put of ours arrived late: once more, on that version |
//! | the version we expected | not applied: the error stands |
//! | nothing, and we expected something | somebody deleted it: once more, as a creation |
//! | anything else | another gateway owns this identity now |
//! | no answer | unknown: the error stands, and the next checkpoint finds out |

use object_store::{ObjectStore, PutMode, PutOptions, PutPayload, UpdateVersion};

use super::{Exclusion, ReadHead, Storage, StorageError, fault};
use crate::checkpoint::head::Head;

/// Which state of `head` a replacement is conditional on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadVersion {
    Absent,
    Version { e_tag: Option<String>, version: Option<String> },
}

impl HeadVersion {
    pub(super) fn of(e_tag: Option<String>, version: Option<String>) -> Self {
        Self::Version { e_tag, version }
    }
}

/// `head` is not ours, or could not be replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceHeadError {
    #[error("another gateway owns this identity now: {found}")]
    Fenced {
        /// What `head` says instead.
        found: String,
    },
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Storage {
    /// Makes `head` the truth, if `head` still is `expected`.
    pub async fn replace_head(
        &self,
        head: &Head,
        expected: &HeadVersion,
    ) -> Result<HeadVersion, ReplaceHeadError> {
        if matches!(self.exclusion, Exclusion::Lock { .. }) {
            // Who holds the lock is alone. An error stays one even when the file changed: it may
            // say that the change was not synced.
            return Ok(self.put_head(head, PutMode::Overwrite).await?);
        }
        match self.replace_once(head, expected).await? {
            Outcome::Replaced(version) => Ok(version),
            Outcome::Failed(error) => Err(error.into()),
            Outcome::MovedOn(actual, _) => match self.replace_once(head, &actual).await? {
                Outcome::Replaced(version) => Ok(version),
                Outcome::Failed(error) | Outcome::MovedOn(_, error) => Err(error.into()),
            },
        }
    }

    async fn replace_once(
        &self,
        head: &Head,
        expected: &HeadVersion,
    ) -> Result<Outcome, ReplaceHeadError> {
        let mode = match expected.clone() {
            HeadVersion::Absent => PutMode::Create,
            HeadVersion::Version { e_tag, version } => {
                PutMode::Update(UpdateVersion { e_tag, version })
            }
        };
        let error = match self.put_head(head, mode).await {
            Ok(version) => return Ok(Outcome::Replaced(version)),
            Err(error) => error,
        };
        let Ok(actual) = self.read_head().await else { return Ok(Outcome::Failed(error)) };
        let version = actual.version();
        match actual {
            ReadHead::Present(found, _) if found.nonce == head.nonce => {
                let this = (found.epoch, found.revision) == (head.epoch, head.revision);
                Ok(match this {
                    true => Outcome::Replaced(version),
                    false if version == *expected => Outcome::Failed(error),
                    false => Outcome::MovedOn(version, error),
                })
            }
            _ if version == *expected => Ok(Outcome::Failed(error)),
            ReadHead::Missing => Ok(Outcome::MovedOn(version, error)),
            ReadHead::Present(found, _) => Err(ReplaceHeadError::Fenced {
                found: format!("epoch {}, nonce {}", found.epoch, found.nonce),
            }),
            ReadHead::Corrupt { why, .. } => Err(ReplaceHeadError::Fenced { found: why }),
        }
    }

    async fn put_head(&self, head: &Head, mode: PutMode) -> Result<HeadVersion, StorageError> {
        let location = self.prefix.clone().join("head");
        let json = serde_json::to_vec_pretty(head).expect("a head has only text and numbers");
        let options = PutOptions::from(mode);
        let put = async {
            fault("storage-head")?;
            let done = self.objects.put_opts(&location, PutPayload::from(json), options).await?;
            fault("storage-head-sync")?;
            Ok(HeadVersion::of(done.e_tag, done.version))
        };
        put.await.map_err(|source| self.failed("replace", &location, source))
    }
}

enum Outcome {
    Replaced(HeadVersion),
    /// `head` is another one, and not another gateway's.
    MovedOn(HeadVersion, StorageError),
    Failed(StorageError),
}
