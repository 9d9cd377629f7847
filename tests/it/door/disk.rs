//! A disk that fails: nobody is told that something is kept which is not, and what is in doubt is
//! said in a word that makes no client send it again by itself.

use super::*;
use crate::harness::disk::JOURNAL_FAULTS;
use crate::harness::{turn, wait_for};

#[test]
fn errors_of_every_kind_at_every_write() {
    let _turn = turn::shared();
    for (point, kind, error) in JOURNAL_FAULTS {
        let (gateway, port) = door();
        let faults = format!("{point}=2*off->3*return({kind})");
        let mut gateway = gateway.set("FAILPOINTS", &faults).start();
        let (mut taken, mut refused) = (0, 0);
        wait_for("pushes are taken again", DEADLINE, || {
            // Each alone: behind one that was refused in a pipeline, nothing is taken.
            match try_run::<u64>(&mut connect(port), &["LPUSH", LIST, &event("e_total", 1)]) {
                Ok(_) => taken += 1,
                Err(failure) => {
                    let failure = failure.to_string();
                    let code = failure.contains("MISCONF") || failure.contains("UNCERTAIN");
                    assert!(code && failure.contains(error), "{point} {kind}: {failure}");
                    refused += 1;
                }
            }
            if taken >= 5 { Ok(()) } else { Err(format!("{taken} taken, {refused} refused")) }
        });
        assert!(refused > 0, "{point} {kind}: none refused");
        gateway.wait_value("e_total", &[], f64::from(taken));
        gateway.kill();
        gateway.unassign("FAILPOINTS");
        gateway.launch();
        gateway.wait_ready();
        gateway.wait_value("e_total", &[], f64::from(taken));
    }
}

/// Who would be answered too late sends it again: so it is refused before it is handed over.
#[test]
fn a_disk_that_does_not_answer() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let gateway = gateway.set("FAILPOINTS", "journal-synced=1*off->1*sleep(5000)->off").start();
    let push = move || try_run::<u64>(&mut connect(port), &["LPUSH", LIST, &event("s_total", 1)]);
    push().expect("a disk that answers");
    let (begun, stuck) = (
        tokio::time::Instant::now(),
        std::thread::spawn(move || {
            let mut connection = connect(port);
            connection.set_read_timeout(Some(DEADLINE)).expect("a time-out");
            try_run::<u64>(&mut connection, &["LPUSH", LIST, &event("s_total", 1)])
        }),
    );
    // It is on its way for longer than anybody is to wait.
    std::thread::sleep(Duration::from_secs(2));
    let said = say(port, format!("LPUSH {LIST} {{}}\r\nQUIT\r\n").as_bytes());
    if begun.elapsed() < Duration::from_secs(5) {
        assert_eq!(said, "-LOADING the disk of the journal is slow\r\n+OK\r\n");
    }
    stuck.join().expect("a producer").expect("answered, late");
    push().expect("a disk that answers");
    gateway.wait_value("s_total", &[], 3.0);
}

#[test]
fn an_id_that_was_not_kept_can_be_used_again() {
    let _turn = turn::shared();
    let (gateway, port) = door();
    let gateway = gateway.set("FAILPOINTS", "journal-write=1*off->1*return(ENOSPC)").start();
    run::<u64>(&mut connect(port), &["LPUSH", LIST, &event("x_total", 1)]);
    let add = || {
        let event = event("x_total", 2);
        try_run::<String>(&mut connect(port), &["XADD", STREAM, "5-1", "data", &event])
    };
    add().expect_err("no room");
    assert_eq!(add().expect("room"), "5-1");
    let again = add().expect_err("it is there").to_string();
    assert!(again.contains("equal or smaller"), "{again}");
    gateway.wait_value("x_total", &[], 3.0);
}
