//! Why something could not be asked of Redis, or was not answered as expected.

use redis::RedisError;

use super::ConnectError;

/// Every one of these may pass; whoever asked tries again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{command} on `{key}`: {error}{}", hint(error))]
    Command { command: &'static str, key: String, error: RedisError },
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("{command} on `{key}` answered {found}, expected {expected}")]
    Reply { command: &'static str, key: String, found: String, expected: &'static str },
    #[error("`{key}` is a {found}, expected a {expected}; delete or rename that key")]
    WrongType { key: String, found: String, expected: &'static str },
    #[error("not connected")]
    Disconnected,
}

impl Error {
    /// Redis did not answer in time.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Command { error, .. } if error.is_timeout())
    }

    /// The connection ended before Redis had answered.
    pub fn is_cut_off(&self) -> bool {
        matches!(self, Self::Command { error, .. } if is_cut_off(error))
    }

    /// For `map_err`: a command on a key failed.
    pub fn of(command: &'static str, key: &str) -> impl FnOnce(RedisError) -> Self {
        move |error| Self::Command { command, key: key.to_owned(), error }
    }
}

fn is_cut_off(error: &RedisError) -> bool {
    error.is_io_error() && !error.is_timeout()
}

/// What an error of the server means to who operates it, where Redis does not say.
fn hint(error: &RedisError) -> &'static str {
    match error.code() {
        Some("MOVED" | "ASK" | "TRYAGAIN") => {
            "; the cluster has moved the key's slot to another node, or is moving it"
        }
        Some("UNBLOCKED") => {
            "; the key was deleted or the cluster has moved its slot, or the server was demoted"
        }
        Some("READONLY") => "; the server was demoted to a replica, the primary is another one now",
        _ if is_cut_off(error) => {
            "; if that repeats, the reply is larger than client-output-buffer-limit allows"
        }
        _ => "",
    }
}
