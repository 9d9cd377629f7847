//! `head`: what reads as one is written and read as the same, and a start decides by it
//! in as many steps as there are snapshots.

use prom_stream_gateway::checkpoint::head::{Generation, Head};
use prom_stream_gateway::checkpoint::resolve::{Decision, Facts, HeadFact, next_epoch, resolve};

pub(super) fn target(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(generation) = Generation::from_file_name(&text) {
        assert_eq!(generation.file_name(), text);
    }
    let head = match serde_json::from_slice::<Head>(bytes) {
        Err(error) => {
            decides(HeadFact::Corrupt(error.to_string()), &[]);
            return;
        }
        Ok(head) => head,
    };
    let written = serde_json::to_vec_pretty(&head).expect("only text and numbers");
    assert_eq!(serde_json::from_slice::<Head>(&written).expect("written just now"), head);
    let named: Vec<_> = head.retained.iter().map(|entry| entry.generation()).collect();
    for generation in &named {
        let name = generation.file_name();
        assert_eq!(Generation::from_file_name(&name), Some(*generation), "{name}");
    }
    decides(HeadFact::Present(head.clone()), &[]);
    decides(HeadFact::Present(head), &named);
}

/// Whichever snapshots are readable: the decision comes, and restores none that is not.
fn decides(head: HeadFact, listed: &[Generation]) {
    let named = match &head {
        HeadFact::Present(head) => head.retained.len(),
        HeadFact::Missing | HeadFact::Corrupt(_) => 0,
    };
    for readable in [false, true] {
        let listed = listed.to_vec();
        let steps = named + listed.len() + 1;
        let mut facts = Facts { head: head.clone(), keep: 2, listed, examined: Vec::new() };
        let decision = (0..steps).find_map(|_| match resolve(&facts) {
            Decision::Examine(candidate) => {
                let verdict = if readable { Ok(()) } else { Err("damaged".to_owned()) };
                facts.examined.push((candidate.generation, verdict));
                None
            }
            decision => Some(decision),
        });
        let seen = facts.examined.iter().map(|(generation, _)| generation.epoch).max();
        assert!(next_epoch(&facts) >= seen.unwrap_or(0), "epochs go backwards");
        match decision.expect("a decision after the last snapshot was examined") {
            Decision::Restore { which, .. } => {
                assert!(readable && facts.examined.iter().any(|(one, _)| *one == which));
            }
            Decision::Refuse { unusable } => assert!(!unusable.is_empty()),
            Decision::Fresh => assert!(facts.examined.is_empty(), "state taken for none"),
            Decision::Examine(_) => unreachable!("looked for the others"),
        }
    }
}
