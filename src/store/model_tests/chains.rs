//! Snapshots of what changed: put together with those that they build upon, they are the whole one.

use super::*;
use crate::checkpoint::tests::chain::Files;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_chain_restores_what_a_whole_snapshot_does(
        steps in inputs::steps(),
        keep in 1..4_usize,
        fates in prop::collection::vec(0..10_u8, 25),
    ) {
        let mut run = with_ballast();
        // Keys are forgotten, too.
        run.store.set_idempotency_window(Duration::from_secs(60));
        let mut files = Files::new(keep);
        for (step, fate) in steps.iter().zip(fates) {
            run.step(step);
            match fate {
                // No checkpoint.
                0 | 1 => continue,
                // One that fails.
                2 | 3 => files.fail(&run.store.cut(run.now)),
                // A cut that nobody saw.
                4 => drop(run.store.cut(run.now)),
                _ => {}
            }
            let cut = run.store.cut(run.now);
            files.write(&cut);
            let newest = files.retained().next().expect("just written");
            prop_assert_eq!(newest.restored(), newest.expected());
        }
        for one in files.retained() {
            prop_assert_eq!(one.restored(), one.expected());
        }
    }
}

/// As long as nobody wipes it, there is so much that does not change that what does is small.
fn with_ballast() -> Run {
    let mut run = Run { store: Store::new(10_000), ..Run::new() };
    run.store.reposition(&journal(), |position| {
        *position = Some(Position::Push(PushPosition { next: 1 }));
        0
    });
    let batch = BatchBuilder::new(run.store.hasher());
    let batch = (0..600_u64).fold(batch, |batch, row| {
        let text = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        batch.counter("ballast", &format!("text=\"{text}\""), 1.0)
    });
    let advance = Advance::Push { from: 1, to: 2 };
    run.store.apply(&journal(), &batch.build(), &advance, START, START).expect("the next");
    run.next = 2;
    run
}
