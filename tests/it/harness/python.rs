//! Python with Prometheus' own client library: people push with it, and its parsers are the
//! reference.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The library and its version.
const LIBRARY: &str = include_str!("../../clients/requirements.txt");

/// Runs the script over the input; what it prints. The library is installed below `target` when it is
/// first needed.
#[track_caller]
pub(crate) fn run(script: &str, input: &str) -> String {
    let mut python = with_library();
    python.args(["-c", script]);
    python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().unwrap_or_else(|error| panic!("cannot start python3: {error}"));
    let mut stdin = child.stdin.take().expect("the input is piped");
    stdin.write_all(input.as_bytes()).expect("the script reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("the script ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the script prints text")
}

/// An interpreter that finds the library.
pub(crate) fn with_library() -> Command {
    static LIBRARIES: OnceLock<PathBuf> = OnceLock::new();
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", LIBRARIES.get_or_init(install));
    python
}

fn install() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let installed = target.join(LIBRARY.trim());
    if installed.exists() {
        return installed;
    }
    // Beside it and then renamed: other runs of the tests see all of it or nothing.
    let unfinished = tempfile::tempdir_in(target).expect("a directory in target");
    if let Err(first) = pip(Path::new("python3"), unfinished.path()) {
        // Where Python comes without pip, a virtual environment may have it.
        let environment = tempfile::tempdir().expect("a temporary directory can be made");
        let second = succeed(Command::new("python3").args(["-m", "venv"]).arg(environment.path()))
            .and_then(|()| pip(&environment.path().join("bin/python3"), unfinished.path()));
        second.unwrap_or_else(|second| panic!("pip: {first}; pip of a venv: {second}"));
    }
    if let Err(error) = std::fs::rename(unfinished.keep(), &installed) {
        assert!(installed.exists(), "{}: {error}", installed.display());
    }
    installed
}

fn pip(python: &Path, place: &Path) -> Result<(), String> {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
    succeed(pip.arg(place).arg(LIBRARY.trim()))
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot start python3: {error}. `make test` installs what the tests need")
    });
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said()) }
}
