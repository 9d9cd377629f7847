//! The command line: global options and one variant for each file in `commands`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{check, completions, demo, healthcheck, load, retire, serve, snapshot};
use crate::config::{Assignment, Sources};

/// Restart-safe Prometheus aggregation gateway, fed by Redis lists and streams.
///
/// Settings come from, each overriding the one before: defaults, --config, environment
/// variables (Section__Key) and flags.
#[derive(Debug, Parser)]
#[command(name = "prom-stream-gateway", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Without a command: serve.
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// The command, and the settings that stand before and after its name.
    pub fn into_parts(self) -> (Command, Sources) {
        let mut command = self.command.unwrap_or_default();
        let after = command.settings().map(std::mem::take).unwrap_or_default();
        (command, self.settings.then(after).into_sources())
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway (the default)
    Serve(WithSettings<serve::Opts>),
    /// Check the configuration, Redis and the snapshot store, and print the settings in force
    Check(WithSettings<check::Opts>),
    /// List, inspect, verify and export snapshots
    Snapshot(WithSettings<snapshot::Opts>),
    /// End this identity for good: apply and save what is left in its name, then remove its keys
    Retire(WithSettings<retire::Opts>),
    /// Send generated events to Redis
    Load(Box<WithSettings<load::Opts>>),
    /// Ask a running gateway whether it is healthy; for container health checks
    Healthcheck(WithSettings<healthcheck::Opts>),
    /// Show the gateway at work, from producer to scrape
    Demo(WithSettings<demo::Opts>),
    /// Print completions for a shell
    Completions(completions::Opts),
}

impl Default for Command {
    fn default() -> Self {
        Self::Serve(WithSettings { settings: SettingsArgs::default(), opts: serve::Opts {} })
    }
}

impl Command {
    fn settings(&mut self) -> Option<&mut SettingsArgs> {
        match self {
            Self::Serve(with) => Some(&mut with.settings),
            Self::Check(with) => Some(&mut with.settings),
            Self::Snapshot(with) => Some(&mut with.settings),
            Self::Retire(with) => Some(&mut with.settings),
            Self::Load(with) => Some(&mut with.settings),
            Self::Healthcheck(with) => Some(&mut with.settings),
            Self::Demo(with) => Some(&mut with.settings),
            Self::Completions(_) => None,
        }
    }
}

/// A command's own options, and the settings that stand after its name. (clap's `global`
/// would do, but drops the settings before the name when there are some after it.)
#[derive(Args, Debug)]
pub struct WithSettings<Opts: Args> {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    pub opts: Opts,
}

/// Where settings come from.
#[derive(Args, Debug, Default)]
pub struct SettingsArgs {
    /// Configuration file: our TOML, or the C# gateway's appsettings.json
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Set a key, such as Redis.MetricQueueWorkers=4; repeatable
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,

    /// Set Gateway.Identity
    #[arg(long, value_name = "NAME")]
    identity: Option<String>,

    /// Set Http.Listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

impl SettingsArgs {
    /// These, overridden by later ones.
    fn then(mut self, later: Self) -> Self {
        self.set.extend(later.set);
        Self {
            config: later.config.or(self.config),
            set: self.set,
            identity: later.identity.or(self.identity),
            listen: later.listen.or(self.listen),
        }
    }

    /// Together with the environment of this process.
    fn into_sources(self) -> Sources {
        let set = self.set.into_iter().map(|text| Assignment { flag: "--set", text });
        let named = [
            ("--identity", "Gateway.Identity", self.identity),
            ("--listen", "Http.Listen", self.listen),
        ];
        let named = named.into_iter().filter_map(|(flag, key, value)| {
            Some(Assignment { flag, text: format!("{key}={}", value?) })
        });
        Sources {
            file: self.config,
            environment: std::env::vars_os().collect(),
            flags: set.chain(named).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &[&str]) -> Cli {
        let name = std::iter::once("prom-stream-gateway");
        Cli::try_parse_from(name.chain(arguments.iter().copied())).unwrap()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        assert!(matches!(parse(&[]).into_parts().0, Command::Serve(_)));
        assert!(matches!(parse(&["check"]).into_parts().0, Command::Check(_)));
    }

    #[test]
    fn settings_stand_before_and_after_the_command() {
        let (_, sources) = parse(&[
            "--set",
            "A.B=1",
            "--config",
            "a.toml",
            "--identity",
            "x",
            "check",
            "--set",
            "C.D=2",
            "--config",
            "b.toml",
        ])
        .into_parts();
        assert_eq!(sources.file, Some("b.toml".into()));
        let flag = |flag, text: &str| Assignment { flag, text: text.into() };
        let expected = [
            flag("--set", "A.B=1"),
            flag("--set", "C.D=2"),
            flag("--identity", "Gateway.Identity=x"),
        ];
        assert_eq!(sources.flags, expected);
    }
}
