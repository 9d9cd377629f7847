//! Runs a client library's script, with the library installed below cargo's target directory.
//!
//! Installed once per version: into a directory of its own, then renamed, so that two runs of
//! the tests at once do not meet half an installation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use xxhash_rust::xxh3::xxh3_64;

use crate::harness::python;

/// The scripts and what they need.
pub(super) const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// One installation at a time.
static INSTALLING: Mutex<()> = Mutex::new(());

pub(super) enum Client {
    Python,
    Node,
}

impl Client {
    /// Runs a step of the script and expects it to succeed.
    #[track_caller]
    pub(super) fn run(&self, target: &str, step: &str) {
        let output = self.output(target, step);
        assert!(output.status.success(), "{step}: {}", said(&output));
    }

    /// Runs a step that the gateway must refuse; what the client said.
    #[track_caller]
    pub(super) fn refused(&self, target: &str, step: &str) -> String {
        let output = self.output(target, step);
        assert!(!output.status.success(), "{step} was not refused: {}", said(&output));
        said(&output)
    }

    #[track_caller]
    fn output(&self, target: &str, step: &str) -> Output {
        let mut command = self.command();
        run(command.args([target, step]))
    }

    /// The script with its library, without arguments.
    #[track_caller]
    pub(super) fn command(&self) -> Command {
        match self {
            Self::Python => {
                let mut command = python::with_library();
                command.arg("-B").arg(script("push.py"));
                command
            }
            Self::Node => {
                let library = prom_client();
                let mut command = Command::new("node");
                command.arg(script("push.mjs")).current_dir(library);
                command
            }
        }
    }
}

pub(super) fn script(name: &str) -> PathBuf {
    Path::new(CLIENTS).join(name)
}

#[track_caller]
pub(super) fn run(command: &mut Command) -> Output {
    let name = command.get_program().to_string_lossy().into_owned();
    command.output().unwrap_or_else(|error| {
        panic!("cannot start {name}: {error}. `make test` installs what the tests need")
    })
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// Where the pinned version of prom-client is installed.
#[track_caller]
fn prom_client() -> PathBuf {
    let pinned = fs::read(script("package-lock.json")).expect("it lies in the repository");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let place = target.join(format!("node-{:016x}", xxh3_64(&pinned)));
    let _one_at_a_time = INSTALLING.lock().expect("no installation panicked");
    if !place.exists() {
        let fresh = tempfile::tempdir_in(target).expect("a directory can be made");
        install_node(fresh.path());
        if fs::rename(fresh.keep(), &place).is_err() {
            assert!(place.exists(), "{} cannot be put in place", place.display());
        }
    }
    place
}

fn install_node(place: &Path) {
    for file in ["package.json", "package-lock.json"] {
        fs::copy(script(file), place.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    let npm = ["ci", "--omit=dev", "--no-audit", "--no-fund", "--silent"];
    let output = run(Command::new("npm").args(npm).current_dir(place));
    assert!(output.status.success(), "npm ci: {}", said(&output));
}
