//! Where figures come from: without the machine, the versions and the date they say nothing.

use std::fs;
use std::process::Command;

use prom_stream_gateway::model::Timestamp;

/// One sentence, for below a section's title.
pub(crate) fn sentence() -> String {
    format!(
        "Measured {date} at revision {revision}, {redis}, {rustc}, on {processor}, {cores} cores, \
         {memory:.1} GiB, Linux {kernel}.",
        date = Timestamp::now().rfc3339(),
        revision = revision(),
        redis = first_line("redis-server", &["--version"], 3).replace("v=", ""),
        rustc = first_line("rustc", &["--version"], 2),
        processor = field("/proc/cpuinfo", "model name"),
        cores = std::thread::available_parallelism().map_or(0, usize::from),
        memory = memory_kilobytes() / f64::from(1 << 20),
        kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
    )
}

fn revision() -> String {
    let revision = first_line("git", &["rev-parse", "--short=12", "HEAD"], 1);
    let changes = Command::new("git").args(["status", "--porcelain", "src", "migrations"]).output();
    let is_changed = changes.is_ok_and(|output| !output.stdout.is_empty());
    if is_changed { format!("{revision} (and changes to it)") } else { revision }
}

/// The first words of what a command prints first.
fn first_line(command: &str, arguments: &[&str], words: usize) -> String {
    let output = Command::new(command).args(arguments).output().ok();
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let found: Vec<_> = text.split_whitespace().take(words).collect();
    if found.is_empty() { format!("{command}: unknown") } else { found.join(" ") }
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    line.map_or_else(|| "an unknown processor".into(), |(_, value)| value.trim().into())
}

fn memory_kilobytes() -> f64 {
    let text = field("/proc/meminfo", "MemTotal");
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}
