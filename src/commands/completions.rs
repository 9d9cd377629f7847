//! `completions`: prints a shell's completion script, to be put where that shell looks for it.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

#[derive(clap::Args, Debug)]
pub struct Opts {
    /// The shell to complete for
    shell: Shell,
}

pub async fn run(opts: Opts) -> anyhow::Result<()> {
    io::stdout().write_all(&script(opts.shell))?;
    Ok(())
}

/// Into memory first: the generator panics when a pipe is closed on it.
fn script(shell: Shell) -> Vec<u8> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let script = String::from_utf8(script(shell)).unwrap();
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }
}
