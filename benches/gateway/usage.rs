//! What a process has used of the machine, as Linux tells it in `/proc`.

use std::fs;

/// Seconds of CPU since the process began, of user and kernel.
///
/// Two truths that lack something: the threads' own clocks count nanoseconds, but not for
/// threads that ended; the process' ticks count those too, but are 10 ms long. Neither counts
/// too much.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    threads_seconds(pid).max(ticks_seconds(pid))
}

fn threads_seconds(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs");
    let nanoseconds = |thread: fs::DirEntry| -> Option<f64> {
        // A thread may end while we look.
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    threads.flatten().filter_map(nanoseconds).sum::<f64>() / 1e9
}

fn ticks_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let after_name = stat.rsplit(") ").next().expect("the fields after the name");
    let ticks = |index| after_name.split(' ').nth(index).and_then(|text| text.parse::<f64>().ok());
    let (user, kernel) = (ticks(11).expect("utime"), ticks(12).expect("stime"));
    (user + kernel) / 100.0
}

/// `VmRSS`: resident now.
pub(crate) fn resident_bytes(pid: u32) -> f64 {
    status_bytes(pid, "VmRSS:")
}

/// `VmHWM`: the most that ever was resident.
pub(crate) fn peak_bytes(pid: u32) -> f64 {
    status_bytes(pid, "VmHWM:")
}

fn status_bytes(pid: u32, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a known field");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("kilobytes") * 1024.0
}
