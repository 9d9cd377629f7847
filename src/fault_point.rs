//! Named points at which a test kills this process or makes its storage fail.
//!
//! They exist only with the cargo feature `failpoints`, which no default and no
//! release turns on: without it every function here is empty. With it, the
//! environment says what happens where, in the syntax of the `fail` crate:
//!
//! ```text
//! FAILPOINTS="apply-middle=40*off->return"        the 41st passage is the last
//! FAILPOINTS="snapshot-writing=return(300)"       killed 300 µs after the write began
//! FAILPOINTS="storage-write=5*return(ENOSPC)"     five snapshots find the disk full
//! ```
//!
//! A kill is a real SIGKILL: no destructor runs, no buffer is flushed.
//!
//! The file that `CLOCK_OFFSET_FILE` names holds by how many milliseconds the wall clock is wrong;
//! a test that writes it sets the clock.

#[cfg(not(feature = "failpoints"))]
mod inactive {
    #[inline(always)]
    pub(crate) fn kill_point(_name: &'static str) {}

    #[inline(always)]
    pub(crate) fn kill_soon(_name: &'static str) {}

    #[inline(always)]
    pub(crate) fn io_fault(_name: &'static str) -> Option<std::io::Error> {
        None
    }

    #[inline(always)]
    pub(crate) fn clock_offset_milliseconds() -> i64 {
        0
    }
}

#[cfg(feature = "failpoints")]
mod active {
    use std::ffi::OsString;
    use std::io;
    use std::sync::OnceLock;
    use std::time::Duration;

    use rustix::io::Errno;
    use rustix::process::{Signal, getpid, kill_process};

    /// Reads `FAILPOINTS`; the points are active as long as the result lives.
    pub fn activate() -> fail::FailScenario<'static> {
        fail::FailScenario::setup()
    }

    /// The process ends here when the point is active.
    pub(crate) fn kill_point(name: &'static str) {
        fail::fail_point!(name, |_| die());
    }

    /// The process ends some microseconds later (the point's argument), in the middle of what
    /// follows: what cannot be stopped half way by a point of its own.
    pub(crate) fn kill_soon(name: &'static str) {
        fail::fail_point!(name, |delay| {
            let delay = delay.map_or(Ok(0), |text| text.parse()).expect("a number of microseconds");
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_micros(delay));
                die()
            });
        });
    }

    fn die() {
        kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
        // The signal is on its way to all threads; this one waits for it.
        loop {
            std::thread::park();
        }
    }

    /// The error that storage is to report when the point is active.
    pub(crate) fn io_fault(name: &'static str) -> Option<io::Error> {
        fail::fail_point!(name, |kind| Some(error_named(kind.as_deref())));
        None
    }

    /// By how much the wall clock is wrong.
    pub(crate) fn clock_offset_milliseconds() -> i64 {
        static FILE: OnceLock<Option<OsString>> = OnceLock::new();
        let Some(file) = FILE.get_or_init(|| std::env::var_os("CLOCK_OFFSET_FILE")) else {
            return 0;
        };
        match std::fs::read_to_string(file) {
            Ok(text) => text.trim().parse().expect("a number of milliseconds"),
            Err(error) => panic!("{}: {error}", file.display()),
        }
    }

    fn error_named(kind: Option<&str>) -> io::Error {
        let errno = match kind {
            Some("ENOSPC") => Errno::NOSPC,
            Some("EACCES") => Errno::ACCESS,
            Some("EIO") | None => Errno::IO,
            Some(other) => panic!("fault {other:?}: expected ENOSPC, EACCES or EIO"),
        };
        errno.into()
    }
}

#[cfg(feature = "failpoints")]
pub use active::activate;
#[cfg(feature = "failpoints")]
pub(crate) use active::{clock_offset_milliseconds, io_fault, kill_point, kill_soon};
#[cfg(not(feature = "failpoints"))]
pub(crate) use inactive::{clock_offset_milliseconds, io_fault, kill_point, kill_soon};
