//! What is freed goes back to the system.
//!
//! glibc decides by the sizes that it has seen freed what it maps from the system piece by piece,
//! and what it cuts out of heaps, one for each of up to eight threads a core. After the first body
//! or snapshot of 30 MB, such pieces lie in heaps for good, between small ones that are kept for
//! years: a million series took twice the memory that they need. The thresholds here are fixed
//! instead. Pages of entries stay below them: mapping each of those anew would cost a tenth of the
//! work for an event.

/// To be called once, before there are threads. With another C library it does nothing.
pub fn set_up() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, value) in SETTINGS {
        set(parameter, value);
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
const SETTINGS: [(libc::c_int, libc::c_int); 4] = [
    // From this size on, pieces are mapped by themselves.
    (libc::M_MMAP_THRESHOLD, 1 << 20),
    // So much may lie free at a heap's end, and so much is asked for at a time.
    (libc::M_TRIM_THRESHOLD, 4 << 20),
    (libc::M_TOP_PAD, 1 << 20),
    (libc::M_ARENA_MAX, 4),
];

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library offers no other way")]
fn set(parameter: libc::c_int, value: libc::c_int) {
    // SAFETY: mallopt takes two numbers, changes only the allocator's own settings, and refuses
    // what it does not know.
    unsafe { libc::mallopt(parameter, value) };
}
