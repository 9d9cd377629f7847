//! How fast it is; for people: `cargo test --release -- --ignored --nocapture journal::tests::speed`.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

#[test]
#[ignore = "measures"]
fn measure_appends_and_a_replay() {
    // Not the system's directory for temporary files: that may be memory.
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let mut journal = Journal::open(directory.path()).unwrap();
    for batch in [1, 8, 64] {
        let records = vec![vec![b'x'; 300]; batch];
        let (started, mut appends) = (Instant::now(), 0_u32);
        while started.elapsed() < Duration::from_secs(2) {
            journal.append(&records).unwrap();
            appends += 1;
        }
        let per_second = f64::from(appends) / started.elapsed().as_secs_f64();
        println!(
            "batches of {batch:2}: {per_second:6.0} appends/s, {:7.0} records/s",
            per_second * batch as f64
        );
    }
    journal.append(&vec![vec![b'x'; 300]; 1_000_000]).unwrap();
    drop(journal);
    let started = Instant::now();
    let journal = Journal::open(directory.path()).unwrap();
    let JournalSize { records, size_bytes, .. } = journal.size();
    println!("opening {records} records, {} MiB: {:?}", size_bytes >> 20, started.elapsed());
    let (started, mut next) = (Instant::now(), 0);
    while let Some((last, _)) = journal.read(next, 1 << 20).unwrap().last() {
        next = last + 1;
    }
    println!("reading them: {:?}", started.elapsed());
    assert_eq!(next, records);
}
