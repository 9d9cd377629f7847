//! Random lives of a journal, beside a plain list of what it should hold.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// So many records.
    Append(u64),
    Release(u64),
    /// Killed in the middle of a write: so many bytes of a further batch are on the disk.
    Kill(usize),
    Restart,
    /// The disk is full once.
    Full,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..6_u64).prop_map(Step::Append),
        1 => (0..60_u64).prop_map(Step::Release),
        2 => (0..120_usize).prop_map(Step::Kill),
        1 => Just(Step::Restart),
        1 => Just(Step::Full),
    ];
    proptest::collection::vec(step, 1..40)
}

/// The bytes that appending would write, from a journal that does append them.
fn further_bytes(directory: &Path, next: u64) -> (PathBuf, Vec<u8>) {
    let copy = copy(directory);
    let mut journal = Journal::open(copy.path()).unwrap();
    let path = segments(copy.path()).pop().unwrap();
    let before = path.metadata().unwrap().len() as usize;
    journal.append(&records(next..next + 3)).unwrap();
    (directory.join(path.file_name().unwrap()), fs::read(path).unwrap().split_off(before))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn it_holds_what_the_model_holds(steps in steps()) {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = open(directory.path());
        let (mut first, mut next) = (0_u64, 0_u64);
        for step in steps {
            match step {
                Step::Append(count) => {
                    let batch = records(next..next + count);
                    prop_assert_eq!(journal.append(&batch).unwrap(), next);
                    next += count;
                }
                Step::Release(below) => {
                    journal.release(below).unwrap();
                    first = first.max(below.min(next));
                }
                Step::Kill(bytes) => {
                    drop(journal);
                    let (path, further) = further_bytes(directory.path(), next);
                    let written = &further[..bytes.min(further.len())];
                    fs::write(&path, [fs::read(&path).unwrap(), written.to_vec()].concat()).unwrap();
                    journal = open(directory.path());
                    // Records that were on the disk wholly, though nobody was promised them.
                    let survived = journal.next() - next;
                    let sizes: Vec<_> = records(next..next + 3).iter().map(|r| r.len() + 28).collect();
                    let whole = (0..=3).rev().find(|n| sizes[..*n].iter().sum::<usize>() <= bytes);
                    prop_assert_eq!(Some(survived as usize), whole);
                    next += survived;
                }
                Step::Restart => {
                    drop(journal);
                    journal = open(directory.path());
                }
                Step::Full => {
                    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
                    let sound = std::mem::replace(&mut journal.tail, full);
                    // It may begin a new segment on the way, and then it works.
                    if journal.append(&records(next..next + 1)).is_ok() {
                        next += 1;
                    } else {
                        journal.tail = sound;
                    }
                }
            }
            prop_assert_eq!((journal.next(), journal.damage()), (next, &[][..]));
            prop_assert!(journal.first() <= first);
            prop_assert_eq!(read_all(&journal, 0), numbered(journal.first()..next));
            prop_assert_eq!(read_all(&journal, first), numbered(first..next));
        }
    }
}
