//! What is said on a connection before anything else: who we are, and which database is meant.

use redis::{ErrorKind, RedisError, Value};

use super::Connection;
use crate::config::RedisTarget;

/// Of one kind of server. Sentinels have users of their own; those of the target are the primary's.
#[derive(Clone, Copy, Debug)]
pub(super) enum As<'t> {
    Nobody,
    UserOf(&'t RedisTarget),
}

impl Connection {
    pub(super) async fn log_in(
        &mut self,
        who: As<'_>,
        name: Option<&str>,
    ) -> Result<(), RedisError> {
        let mut pipe = redis::pipe();
        let mut expected = Vec::new();
        if let As::UserOf(target) = who {
            if let Some(password) = &target.password {
                pipe.cmd("AUTH").arg(&target.user).arg(password.exposed());
                expected.push(true);
            }
            if target.database != 0 {
                pipe.cmd("SELECT").arg(target.database);
                expected.push(true);
            }
        }
        if let Some(name) = name {
            pipe.cmd("CLIENT").arg("SETNAME").arg(name);
            expected.push(false);
        }
        if expected.is_empty() {
            return Ok(());
        }
        let replies: Vec<Result<Value, RedisError>> =
            pipe.ignore_errors().query_async(self).await?;
        for (reply, matters) in replies.into_iter().zip(expected) {
            match reply {
                Err(error) if matters => return Err(refused(error)),
                Err(error) => tracing::debug!(%error, "CLIENT SETNAME was refused"),
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

/// A wrong user or password is one kind of error, however a server says it.
fn refused(error: RedisError) -> RedisError {
    let text = error.to_string();
    if error.code() == Some("WRONGPASS") || text.contains("AUTH") {
        return (ErrorKind::AuthenticationFailed, "Password authentication failed", text).into();
    }
    error
}
