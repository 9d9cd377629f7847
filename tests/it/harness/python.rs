//! Python with Prometheus' own client library, whose parsers are the reference.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const LIBRARY: &str = "prometheus_client==0.26.0";

/// Runs the script over the input; what it prints. The library is installed below `target` when it is
/// first needed.
#[track_caller]
pub(crate) fn run(script: &str, input: &str) -> String {
    static LIBRARIES: OnceLock<PathBuf> = OnceLock::new();
    let mut python = Command::new("python3");
    python.args(["-c", script]).env("PYTHONPATH", LIBRARIES.get_or_init(install));
    python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().unwrap_or_else(|error| panic!("cannot start python3: {error}"));
    let mut stdin = child.stdin.take().expect("the input is piped");
    stdin.write_all(input.as_bytes()).expect("the script reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("the script ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the script prints text")
}

fn install() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let installed = target.join(LIBRARY);
    if installed.exists() {
        return installed;
    }
    // Beside it and then renamed: other runs of the tests see all of it or nothing.
    let unfinished = tempfile::tempdir_in(target).expect("a directory in target");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
    let output = pip.arg(unfinished.path()).arg(LIBRARY).output();
    let output = output.unwrap_or_else(|error| {
        panic!("cannot start python3: {error}. `make test` installs what the tests need")
    });
    assert!(output.status.success(), "pip: {}", String::from_utf8_lossy(&output.stderr));
    if let Err(error) = std::fs::rename(unfinished.keep(), &installed) {
        assert!(installed.exists(), "{}: {error}", installed.display());
    }
    installed
}
