//! A child process that never outlives its test, and whose output a failure prints.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::wait_for;

/// How much of the output a failure prints.
const PRINTED_LINES: usize = 60;

pub(crate) struct Process {
    child: Child,
    name: String,
    output: PathBuf,
}

impl Process {
    /// Spawns the command; its output is appended to the file.
    #[track_caller]
    pub(crate) fn spawn(command: &mut Command, output: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(output);
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", output.display()));
        let again = file.try_clone().expect("a file can be opened twice");
        Self::start(command, file.into(), again.into(), output)
    }

    /// The same, with a pipe for standard output that nobody reads.
    #[track_caller]
    pub(crate) fn spawn_unread(command: &mut Command, errors: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(errors);
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", errors.display()));
        Self::start(command, Stdio::piped(), file.into(), errors)
    }

    #[track_caller]
    fn start(command: &mut Command, stdout: Stdio, stderr: Stdio, output: &Path) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn();
        let child = child.unwrap_or_else(|error| {
            panic!("cannot start {name}: {error}. `make test` installs what the tests need")
        });
        Self { child, name, output: output.into() }
    }

    pub(crate) fn pid(&self) -> Pid {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        pid.expect("a child has a pid")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the child can be signalled");
    }

    /// SIGKILL, and waits for the end.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself, which is not for this function to judge.
        self.child.kill().ok();
        self.child.wait().expect("a child can be waited for");
    }

    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    #[track_caller]
    pub(crate) fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        wait_for(&what, deadline, || self.exited().ok_or_else(|| "still running".into()))
    }

    /// Everything that was printed so far.
    pub(crate) fn output(&self) -> String {
        let bytes = fs::read(&self.output).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let output = self.output();
            let lines: Vec<_> = output.lines().collect();
            let from = lines.len().saturating_sub(PRINTED_LINES);
            eprintln!("--- the last lines of {}\n{}", self.name, lines[from..].join("\n"));
        }
    }
}
