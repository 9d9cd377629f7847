//! `check`: would the gateway start? Nothing is changed by asking.
//!
//! Prints the settings in force with their origin, then one line for each thing that `serve` needs
//! with these settings, and for nothing else. Exit code 0: all of them work; 1: one does not; 64:
//! the configuration is wrong.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use super::EXIT_USAGE;
use crate::config::{Config, DoorPlace, Listen, Sources};
use crate::gateway;
use crate::http::{self, Security};
use crate::status::Status;

mod disk;
mod redis;

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
    let mut code = ExitCode::SUCCESS;
    match Security::load(config.http_security.clone(), Status::new()) {
        Ok(security) => report.push_str(&line("ok", "HTTP", &security.describe())),
        Err(error) => {
            // As in a start: a matter of what is written, which time does not heal.
            code = EXIT_USAGE.into();
            report.push_str(&line("failed", "HTTP", &error.to_string()));
        }
    }
    if let Some(door) = &config.door {
        match gateway::producers(door) {
            Ok(users) if users.is_empty() => {
                report.push_str(&line("ok", "producers", "whoever reaches Redis.Listen may push"));
            }
            Ok(users) => {
                let count = users.len();
                report.push_str(&line(
                    "ok",
                    "producers",
                    &format!("{count} may push, with a password"),
                ));
            }
            Err(error) => {
                code = EXIT_USAGE.into();
                report.push_str(&line("failed", "producers", &error.to_string()));
            }
        }
    }
    let mut checks = vec![("Http.Listen", listening(config.http.listen).await)];
    if let Some(listen) = config.http.lifecycle_listen {
        checks.push(("Http.LifecycleListen", listening(listen).await));
    }
    match config.door.as_ref().map(|door| &door.place) {
        Some(DoorPlace::Tcp(listen)) => checks.push(("Redis.Listen", listening(*listen).await)),
        Some(DoorPlace::Unix(path)) => {
            checks.push(("Redis.Listen", Outcome::Works(path.display().to_string())));
        }
        None => {}
    }
    checks.extend([
        ("Redis", redis::check(&config).await),
        ("snapshot store", disk::snapshot_store(&config).await),
        ("journal of pushes", disk::journal(&config)),
    ]);
    for (name, outcome) in checks {
        match outcome {
            Outcome::Works(detail) => report.push_str(&line("ok", name, &detail)),
            Outcome::Warning(detail) => report.push_str(&line("warning", name, &detail)),
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
    /// It may work all the same.
    Warning(String),
    Failed {
        error: String,
        next_step: String,
    },
}

async fn listening(listen: Listen) -> Outcome {
    match http::bind(listen) {
        Ok(_) => Outcome::Works(format!("{listen} is free")),
        // Beside a gateway that runs already, this is as it should be.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Outcome::Warning(format!("{listen} is taken, by a running gateway perhaps"))
        }
        Err(error) => Outcome::Failed {
            error: format!("{listen}: {error}"),
            next_step: "is it an address of this machine, and may this user listen there?".into(),
        },
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Assignment;

    pub(super) fn config(assignments: &[&str]) -> Config {
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
    async fn an_address_that_is_taken_may_be_the_gateways_own() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert!(matches!(listening(Listen::At(address)).await, Outcome::Warning(_)));
        // TEST-NET-1, nobody's.
        let foreign = Listen::At("192.0.2.1:1".parse().unwrap());
        let Outcome::Failed { error, .. } = listening(foreign).await else {
            panic!("it is not ours");
        };
        assert!(error.starts_with("192.0.2.1:1: "), "{error}");
    }

    #[tokio::test]
    async fn an_unreachable_redis_fails_and_its_password_stays_secret() {
        // A port that was free a moment ago, on an address that answers at once.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let connection = format!("Redis.ConnectionString={address},password=hunter2");
        let Outcome::Failed { error, next_step } = redis::check(&config(&[&connection])).await
        else {
            panic!("nobody listens at {address}");
        };
        assert!(error.contains(&address.to_string()), "{error}");
        assert!(next_step.contains("password=***"), "{next_step}");
        assert!(!format!("{error}{next_step}").contains("hunter2"));
        let pushes = ["Redis.MetricQueueEnabled=false", "Stream.Mode=off", &connection];
        assert!(matches!(redis::check(&config(&pushes)).await, Outcome::Works(_)), "not needed");
    }
}
