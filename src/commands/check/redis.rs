//! Does Redis answer, and does it let us do what `serve` does?

use tokio::time::Instant;

use super::Outcome;
use crate::config::Config;
use crate::redis::{self, ConnectError, Connector};
use crate::source::permissions;

pub(super) async fn check(config: &Config) -> Outcome {
    if !config.reads_redis() {
        return Outcome::Works("not needed: nothing is read from one".into());
    }
    let target = &config.redis.target;
    let started = Instant::now();
    let connector = Connector::new(target.clone());
    let answered = match redis::server_info(&connector).await {
        Ok(info) => format!(
            "{} {} ({}) answered after {} ms",
            info.product,
            info.version,
            info.mode,
            started.elapsed().as_millis()
        ),
        // As `serve` does, which then does without.
        Err(ConnectError::Redis { error, .. }) if error.code() == Some("NOPERM") => {
            "it answers, and does not permit INFO (so its version and settings are not looked at)"
                .into()
        }
        Err(error) => {
            return Outcome::Failed {
                error: error.to_string(),
                next_step: format!(
                    "is Redis running there, and is Redis.ConnectionString right ({target})?"
                ),
            };
        }
    };
    match permissions::look(&connector, &permissions::needs(config)).await {
        Err(error) => Outcome::Failed {
            error: error.to_string(),
            next_step: "is every node of Redis reachable from here?".into(),
        },
        Ok(found) if !found.denied.is_empty() => Outcome::Failed {
            error: format!("not permitted: {}", found.denied.join("; ")),
            next_step: "give the user what the README lists for ACL SETUSER".into(),
        },
        Ok(found) if !found.limits.is_empty() => {
            Outcome::Warning(format!("{answered}, but: {}", found.limits.join("; ")))
        }
        Ok(_) => Outcome::Works(format!("{answered}, and permits what the sources do")),
    }
}
