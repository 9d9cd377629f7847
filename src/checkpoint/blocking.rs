//! Work that would keep a runtime's thread busy: encoding, hashing, copying the state.
//!
//! It goes to a thread of its own where the runtime has several. On a runtime of
//! one thread (a simulation) it is done in place: another thread would finish at
//! a moment of its own choosing, and the same seed would not take the same path.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinError;

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await
}
