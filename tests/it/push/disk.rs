//! A disk that is full: pushes are told to come again, nothing is half there, and once there is
//! room they are taken as before.

use super::{DEADLINE, answered, send, send_with, served};
#[cfg(feature = "failpoints")]
use crate::harness::disk::JOURNAL_FAULTS;
use crate::harness::disk::SmallDisk;
use crate::harness::{Gateway, RedisServer, turn, wait_for};

#[test]
fn a_full_disk_under_the_journal() {
    let _turn = turn::shared();
    let Some(disk) = SmallDisk::mount() else { return };
    let redis = RedisServer::start(&[]);
    let journal = disk.path().join("journal").display().to_string();
    let mut gateway = Gateway::of(&redis).set("Push__Journal", &journal).start();
    answered(&gateway, "POST /metrics", "d_total 1\n", 200);
    disk.fill();
    let mut taken = 1;
    wait_for("a push that finds no room", DEADLINE, || {
        let answer = send(&gateway, "POST /metrics", &padded("d_total 1\n"));
        match answer.status {
            503 => Ok(()),
            // There may be room left in what was allocated before.
            200 => {
                taken += 1;
                Err("taken".into())
            }
            _ => panic!("{answer:?}"),
        }
    });
    for _ in 0..5 {
        let said = answered(&gateway, "POST /metrics", &padded("d_total 1\nd_other 1\n"), 503);
        assert!(said.contains("No space left on device"), "{said}");
    }
    served(&gateway, "d_", &[&format!("d_total {taken}")]);
    // A crash meanwhile changes nothing.
    gateway.kill();
    disk.free();
    gateway.launch();
    gateway.wait_ready();
    served(&gateway, "d_", &[&format!("d_total {taken}")]);
    disk.fill();
    wait_for("no room again", DEADLINE, || {
        let key = "Idempotency-Key: the-same";
        match send_with(&gateway, "POST /metrics", &[key], &padded("d_key 1\n")).status {
            503 => Ok(()),
            status => Err(status.to_string()),
        }
    });
    disk.free();
    let key = "Idempotency-Key: the-same";
    wait_for("room again", DEADLINE, || {
        match send_with(&gateway, "POST /metrics", &[key], &padded("d_key 1\n")).status {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    });
    served(&gateway, "d_key", &["d_key 1"]);
}

/// Too long for what may be left of the disk's last page.
fn padded(body: &str) -> String {
    format!("# HELP d_total {}\n{body}", "x".repeat(8192))
}

#[cfg(feature = "failpoints")]
#[test]
fn errors_of_every_kind_at_every_write() {
    let _turn = turn::shared();
    for (point, kind, error) in JOURNAL_FAULTS {
        let redis = RedisServer::start(&[]);
        let faults = format!("{point}=2*off->3*return({kind})");
        let mut gateway = Gateway::of(&redis).set("FAILPOINTS", &faults).start();
        let (mut taken, mut refused) = (0, 0);
        wait_for("pushes are taken again", DEADLINE, || {
            let answer = send(&gateway, "POST /metrics", "e_total 1\n");
            match answer.status {
                200 => taken += 1,
                // 504 as long as what the disk has of it could not be cut off.
                503 | 504 => {
                    assert!(answer.body.contains(error), "{point} {kind}: {answer:?}");
                    refused += 1;
                }
                _ => panic!("{point} {kind}: {answer:?}"),
            }
            let served = gateway.page().value("e_total", &[]).unwrap_or(0.0);
            assert_eq!(served, f64::from(taken), "{point} {kind}");
            if taken >= 5 { Ok(()) } else { Err(format!("{taken} taken, {refused} refused")) }
        });
        // The journal's own repairs may meet some of the errors.
        assert!(refused > 0, "{point} {kind}: none refused");
        gateway.kill();
        gateway.unassign("FAILPOINTS");
        gateway.launch();
        gateway.wait_ready();
        served(&gateway, "e_total", &[&format!("e_total {taken}")]);
    }
}
