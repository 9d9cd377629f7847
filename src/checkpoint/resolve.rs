//! Which snapshot to start from: facts in, decision out, no I/O.
//!
//! | head | snapshots | decision |
//! |---|---|---|
//! | missing | none | start empty |
//! | names snapshots | any | the newest named one that verifies; none: refuse |
//! | missing, corrupt, or names none | some | the newest of the last `keep` that verifies; none: refuse |
//! | names none | none | start empty: an owner took over and never finished a checkpoint |
//! | corrupt | none | refuse: a head means that there was state once |
//!
//! Without a head, older files than the last `keep` are not looked at: newer ones may build upon
//! them, but as snapshots of their own they are retained no more, and Redis may have forgotten what
//! came after them.
//!
//! The rule behind the table: a snapshot that exists and cannot be read is
//! never treated as empty. Examining a snapshot is expensive, so the decision
//! is asked for again after each: as long as it is [`Decision::Examine`], the
//! caller verifies that one, adds the verdict to the facts, and asks again.
//! A read that failed without an answer (a network that is down) is no verdict:
//! the caller has to stop with that error.

use super::head::{Generation, Head, HeadEntry};

/// What was read of `head`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadFact {
    Present(Head),
    Missing,
    /// It is there and cannot be understood; why.
    Corrupt(String),
}

/// What examining one snapshot brought: `Err` says why it cannot be used.
pub type Verdict = Result<(), String>;

/// Everything known so far.
#[derive(Clone, Debug)]
pub struct Facts {
    pub head: HeadFact,
    /// How many snapshots are retained.
    pub keep: usize,
    /// The snapshots that exist, in any order.
    pub listed: Vec<Generation>,
    /// The snapshots examined so far.
    pub examined: Vec<(Generation, Verdict)>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing exists: start empty.
    Fresh,
    /// Verify this one and ask again.
    Examine(Candidate),
    /// Start from this one.
    Restore {
        which: Generation,
        /// Newer ones that cannot be used, and why.
        skipped: Vec<Unusable>,
    },
    /// There is state, and none of it can be read.
    Refuse { unusable: Vec<Unusable> },
}

/// A snapshot to verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub generation: Generation,
    /// What `head` says of it; `None` when it was found by listing.
    pub entry: Option<HeadEntry>,
}

/// An object that exists or should, and cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    pub name: String,
    pub why: String,
}

/// Decides by the table above.
pub fn resolve(facts: &Facts) -> Decision {
    let mut unusable = Vec::new();
    for candidate in candidates(facts) {
        let generation = candidate.generation;
        match facts.examined.iter().find(|(examined, _)| *examined == generation) {
            None => return Decision::Examine(candidate),
            Some((_, Ok(()))) => {
                return Decision::Restore { which: generation, skipped: unusable };
            }
            Some((_, Err(why))) => {
                unusable.push(Unusable { name: generation.file_name(), why: why.clone() });
            }
        }
    }
    if let HeadFact::Corrupt(why) = &facts.head {
        unusable.insert(0, Unusable { name: "head".into(), why: why.clone() });
    }
    if unusable.is_empty() { Decision::Fresh } else { Decision::Refuse { unusable } }
}

/// Newest first.
fn candidates(facts: &Facts) -> Vec<Candidate> {
    if let HeadFact::Present(head) = &facts.head
        && !head.retained.is_empty()
    {
        let named = head.retained.iter();
        return named
            .map(|entry| Candidate { generation: entry.generation(), entry: Some(entry.clone()) })
            .collect();
    }
    let mut listed = facts.listed.clone();
    listed.sort_unstable_by(|a, b| b.cmp(a));
    listed
        .into_iter()
        .take(facts.keep)
        .map(|generation| Candidate { generation, entry: None })
        .collect()
}

/// The epoch of the next owner: above every one that was ever seen.
pub fn next_epoch(facts: &Facts) -> u64 {
    let head = match &facts.head {
        HeadFact::Present(head) => {
            head.retained.iter().map(|entry| entry.epoch).fold(head.epoch, u64::max)
        }
        HeadFact::Missing | HeadFact::Corrupt(_) => 0,
    };
    let listed = facts.listed.iter().map(|generation| generation.epoch).max().unwrap_or(0);
    head.max(listed).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: Option<&str> = Some("checksum mismatch");
    const GOOD: Option<&str> = None;

    fn generation(sequence: u64) -> Generation {
        Generation { epoch: 1, sequence }
    }

    fn head(retained: &[u64]) -> HeadFact {
        let retained = retained.iter().map(|&sequence| HeadEntry {
            epoch: 1,
            sequence,
            sha256: String::new(),
            size_bytes: 0,
            parents: Vec::new(),
        });
        let sequence = 9;
        let nonce = "n".into();
        HeadFact::Present(Head {
            epoch: 4,
            sequence,
            nonce,
            retained: retained.collect(),
            ..Head::default()
        })
    }

    fn corrupt() -> HeadFact {
        HeadFact::Corrupt("not JSON".into())
    }

    /// Examines what is asked for, in the order asked, until there is a decision.
    fn decide(
        head: HeadFact,
        listed: &[u64],
        verdict: impl Fn(u64) -> Option<&'static str>,
    ) -> (Decision, Vec<u64>) {
        let listed = listed.iter().map(|&sequence| generation(sequence)).collect();
        let mut facts = Facts { head, keep: 2, listed, examined: Vec::new() };
        loop {
            match resolve(&facts) {
                Decision::Examine(candidate) => {
                    let verdict = verdict(candidate.generation.sequence);
                    let verdict = verdict.map_or(Ok(()), |why| Err(why.to_owned()));
                    facts.examined.push((candidate.generation, verdict));
                }
                decision => {
                    let asked = facts.examined.iter().map(|(g, _)| g.sequence).collect();
                    return (decision, asked);
                }
            }
        }
    }

    fn unusable(names: &[u64]) -> Vec<Unusable> {
        let unusable = |&sequence: &u64| Unusable {
            name: generation(sequence).file_name(),
            why: "checksum mismatch".into(),
        };
        names.iter().map(unusable).collect()
    }

    #[test]
    fn the_truth_table() {
        let restore = |which, skipped: &[u64]| Decision::Restore {
            which: generation(which),
            skipped: unusable(skipped),
        };
        let refuse = |names: &[u64]| Decision::Refuse { unusable: unusable(names) };
        let all_bad = |_| BAD;
        let all_good = |_| GOOD;
        let newest_bad = |sequence| if sequence == 7 { BAD } else { GOOD };

        // Nothing exists, or only an owner that never finished a checkpoint.
        assert_eq!(decide(HeadFact::Missing, &[], all_good), (Decision::Fresh, vec![]));
        assert_eq!(decide(head(&[]), &[], all_good), (Decision::Fresh, vec![]));

        // A readable head is the truth: newest first, unnamed ones never looked at.
        assert_eq!(decide(head(&[7, 6]), &[8, 7, 6, 5], all_good), (restore(7, &[]), vec![7]));
        assert_eq!(decide(head(&[7, 6]), &[5, 6, 7], newest_bad), (restore(6, &[7]), vec![7, 6]));
        assert_eq!(decide(head(&[7, 6]), &[7, 6, 5], all_bad), (refuse(&[7, 6]), vec![7, 6]));
        // All its files are gone: not empty either.
        assert_eq!(decide(head(&[7, 6]), &[], all_bad), (refuse(&[7, 6]), vec![7, 6]));

        // Without a head that names any, what is listed counts.
        for head in [HeadFact::Missing, corrupt(), head(&[])] {
            let case = format!("{head:?}");
            let decided = decide(head.clone(), &[6, 5, 7], all_good);
            assert_eq!(decided, (restore(7, &[]), vec![7]), "{case}");
            let decided = decide(head, &[6, 5, 7], newest_bad);
            assert_eq!(decided, (restore(6, &[7]), vec![7, 6]), "{case}");
        }
        for head in [HeadFact::Missing, head(&[])] {
            assert_eq!(decide(head.clone(), &[6, 7], all_bad), (refuse(&[7, 6]), vec![7, 6]));
            // What newer ones build upon is not retained itself.
            assert_eq!(decide(head, &[4, 5, 6, 7], all_bad), (refuse(&[7, 6]), vec![7, 6]));
        }

        // A head that cannot be read is evidence of state.
        let (decision, _) = decide(corrupt(), &[], all_good);
        let why = Unusable { name: "head".into(), why: "not JSON".into() };
        assert_eq!(decision, Decision::Refuse { unusable: vec![why.clone()] });
        let (decision, _) = decide(corrupt(), &[7], all_bad);
        let both = [vec![why], unusable(&[7])].concat();
        assert_eq!(decision, Decision::Refuse { unusable: both });
    }

    #[test]
    fn the_next_epoch_is_above_every_one_seen() {
        let facts = |head, listed: &[u64]| Facts {
            head,
            keep: 2,
            listed: listed.iter().map(|&epoch| Generation { epoch, sequence: 1 }).collect(),
            examined: Vec::new(),
        };
        assert_eq!(next_epoch(&facts(HeadFact::Missing, &[])), 1);
        assert_eq!(next_epoch(&facts(head(&[]), &[2])), 5);
        assert_eq!(next_epoch(&facts(head(&[]), &[7, 2])), 8);
        assert_eq!(next_epoch(&facts(corrupt(), &[3])), 4);
        let HeadFact::Present(mut later) = head(&[7]) else { unreachable!("it is present") };
        later.retained[0].epoch = 6;
        assert_eq!(next_epoch(&facts(HeadFact::Present(later), &[])), 7, "named, and higher");
    }
}
