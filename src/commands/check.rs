//! `check`: would the gateway start? Nothing is changed by asking.
//!
//! Prints the settings in force with their origin, then one line for each thing the gateway
//! needs. Exit code 0: all of them work; 1: one does not; 64: the configuration is wrong.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::EXIT_USAGE;
use crate::checkpoint::Storage;
use crate::config::{Config, RedisTarget, Sources};
use crate::http::Security;
use crate::redis::{self, Connector};
use crate::status::Status;

/// How long a remote snapshot store may take to answer.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

#[derive(clap::Args, Debug)]
pub struct Opts {}

pub async fn run(Opts {}: Opts, sources: Sources) -> anyhow::Result<ExitCode> {
    let (config, warnings) = Config::load(sources)?;
    let mut report = String::from("Settings:\n");
    report.push_str(&table(&config.redacted()));
    report.push_str("\nChecks:\n");
    for warning in warnings {
        report.push_str(&line("warning", "configuration", &warning.to_string()));
    }
    report.push_str(&line("ok", "configuration", "valid"));
    let checks = [
        ("Redis", check_redis(&config.redis.target).await),
        ("snapshot store", check_snapshot_store(&config).await),
    ];
    let mut code = ExitCode::SUCCESS;
    match Security::load(config.http_security.clone(), Status::new()) {
        Ok(security) => report.push_str(&line("ok", "HTTP", &security.describe())),
        Err(error) => {
            // As in a start: a matter of what is written, which time does not heal.
            code = EXIT_USAGE.into();
            report.push_str(&line("failed", "HTTP", &error.to_string()));
        }
    }
    for (name, outcome) in checks {
        match outcome {
            Outcome::Works(detail) => report.push_str(&line("ok", name, &detail)),
            Outcome::Failed { error, next_step } => {
                if code == ExitCode::SUCCESS {
                    code = ExitCode::FAILURE;
                }
                report.push_str(&line("failed", name, &format!("{error}; {next_step}")));
            }
        }
    }
    io::stdout().write_all(report.as_bytes())?;
    Ok(code)
}

enum Outcome {
    Works(String),
    Failed { error: String, next_step: String },
}

fn line(result: &str, name: &str, detail: &str) -> String {
    format!("  {result:<8} {name}: {detail}\n")
}

fn table(rows: &[(String, String, String)]) -> String {
    let width = |column: fn(&(String, String, String)) -> &String| {
        rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0)
    };
    let (keys, values) = (width(|row| &row.0), width(|row| &row.1));
    let mut text = String::new();
    for (key, value, origin) in rows {
        writeln!(text, "  {key:<keys$}  {value:<values$}  ({origin})")
            .expect("writing to a String cannot fail");
    }
    text
}

async fn check_redis(target: &RedisTarget) -> Outcome {
    let started = Instant::now();
    let connector = Connector::new(target.clone());
    let looked = match connector.connect().await {
        Ok(mut connection) => redis::server_info(&connector, &mut connection).await,
        Err(error) => Err(error),
    };
    match looked {
        Ok(info) => Outcome::Works(format!(
            "{} {} ({}) answered after {} ms",
            info.product,
            info.version,
            info.mode,
            started.elapsed().as_millis()
        )),
        Err(error) => Outcome::Failed {
            error: error.to_string(),
            next_step: format!(
                "is Redis running there, and is Redis.ConnectionString right ({target})?"
            ),
        },
    }
}

async fn check_snapshot_store(config: &Config) -> Outcome {
    let Some(directory) = config.snapshot.local_directory() else {
        return check_remote_store(config).await;
    };
    match try_write(&directory) {
        Ok(()) => Outcome::Works(format!("{} can be written", directory.display())),
        Err(error) => Outcome::Failed {
            error: format!("{}: {error}", directory.display()),
            next_step: "create the directory for this user, or set Snapshot.Url".into(),
        },
    }
}

/// Lists the identity's snapshots: writing one would take the identity from its owner.
async fn check_remote_store(config: &Config) -> Outcome {
    let url = config.snapshot.redacted_url();
    let listed = async {
        let storage = Storage::open_existing(&config.snapshot.url, &config.gateway.identity)?;
        storage.list().await
    };
    match timeout(STORE_PATIENCE, listed).await {
        Ok(Ok(snapshots)) => {
            Outcome::Works(format!("{url} can be read and holds {} snapshots", snapshots.len()))
        }
        Ok(Err(error)) => Outcome::Failed {
            error: format!("{url}: {:#}", anyhow::Error::from(error)),
            next_step: "are Snapshot.Url and the cloud credentials in the environment right?"
                .into(),
        },
        Err(_) => Outcome::Failed {
            error: format!("{url}: no answer within {STORE_PATIENCE:?}"),
            next_step: "is the endpoint reachable from here?".into(),
        },
    }
}

/// Writes and removes a file, and the directories that were not there before.
fn try_write(directory: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        directory.ancestors().take_while(|path| path != &Path::new("") && !path.exists()).collect();
    std::fs::create_dir_all(directory)?;
    let probe = directory.join(format!(".check-{}", std::process::id()));
    std::fs::write(&probe, b"check")?;
    std::fs::remove_file(&probe)?;
    missing.into_iter().try_for_each(std::fs::remove_dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Assignment;

    fn config(assignments: &[&str]) -> Config {
        let flag = |text: &&str| Assignment { flag: "--set", text: text.to_string() };
        let flags = assignments.iter().map(flag).collect();
        Config::load(Sources { flags, ..Sources::default() }).unwrap().0
    }

    #[test]
    fn the_table_is_aligned() {
        let row = |key: &str, value: &str| (key.into(), value.into(), "default".into());
        assert_eq!(
            table(&[row("A.B", "long value"), row("A.LongKey", "é")]),
            "  A.B        long value  (default)\n  A.LongKey  é           (default)\n"
        );
    }

    #[tokio::test]
    async fn a_writable_directory_works_and_is_left_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        for directory in [root.path().to_owned(), root.path().join("new/data")] {
            let config = config(&[&format!("Snapshot.Url={}", directory.display())]);
            assert!(matches!(check_snapshot_store(&config).await, Outcome::Works(_)));
        }
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_file_in_place_of_the_directory_fails_with_a_next_step() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config = config(&[&format!("Snapshot.Url=file://{}/data", file.path().display())]);
        let Outcome::Failed { error, next_step } = check_snapshot_store(&config).await else {
            panic!("a file cannot hold a directory");
        };
        assert!(error.starts_with(&file.path().display().to_string()), "{error}");
        assert!(next_step.contains("Snapshot.Url"), "{next_step}");
    }

    #[tokio::test]
    async fn a_remote_store_is_asked() {
        let config = config(&["Snapshot.Url=memory:///state"]);
        let Outcome::Works(found) = check_snapshot_store(&config).await else {
            panic!("memory answers");
        };
        assert_eq!(found, "memory:///state can be read and holds 0 snapshots");
    }

    #[tokio::test]
    async fn an_unreachable_redis_fails_and_its_password_stays_secret() {
        // A port that was free a moment ago, on an address that answers at once.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let config = config(&[&format!("Redis.ConnectionString={address},password=hunter2")]);
        let Outcome::Failed { error, next_step } = check_redis(&config.redis.target).await else {
            panic!("nobody listens at {address}");
        };
        assert!(error.contains(&address.to_string()), "{error}");
        assert!(next_step.contains("password=***"), "{next_step}");
        assert!(!format!("{error}{next_step}").contains("hunter2"));
    }
}
