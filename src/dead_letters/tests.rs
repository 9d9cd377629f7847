//! Bounds, order and waiting.

use std::time::Duration;

use tokio::time::timeout;

use super::*;

fn letter(position: usize, payload_bytes: usize) -> DeadLetter {
    DeadLetter {
        reason: Reason::InvalidJson,
        detail: "expected a value".into(),
        source: "list:queue".into(),
        position: position.to_string(),
        payload: vec![b'x'; payload_bytes],
        at: Timestamp(1),
    }
}

fn positions(letters: &[Arc<DeadLetter>]) -> Vec<&str> {
    letters.iter().map(|letter| letter.position.as_str()).collect()
}

#[test]
fn the_newest_thousand_are_served_newest_first() {
    let letters = DeadLetters::new(10_000);
    for position in 0..1_005 {
        letters.push(letter(position, 10));
    }
    let newest = letters.newest(usize::MAX);
    assert_eq!(newest.len(), 1_000);
    assert_eq!(newest[0].letter.position, "1004");
    assert_eq!(newest[999].letter.position, "5");
    assert_eq!(letters.newest(2).len(), 2);
}

#[test]
fn the_newest_are_bounded_in_bytes_and_long_payloads_are_cut() {
    let letters = DeadLetters::new(10_000);
    for position in 0..20 {
        letters.push(letter(position, 3 << 20));
    }
    let newest = letters.newest(usize::MAX);
    assert_eq!(newest.len(), 15, "16 MiB hold fifteen of a little over 1 MiB");
    assert_eq!(newest[0].letter.position, "19");
    assert_eq!(newest[0].letter.payload.len(), 1 << 20);
    assert_eq!(newest[0].payload_bytes, 3 << 20);
    assert_eq!(letters.take_pending(1)[0].payload.len(), 3 << 20, "the stream gets it whole");
}

#[test]
fn the_oldest_waiting_are_discarded_and_counted() {
    let letters = DeadLetters::new(3);
    for position in 0..5 {
        letters.push(letter(position, 10));
    }
    assert_eq!(
        letters.counts(),
        DeadLetterCounts { pending: 3, discarded: 2, ..Default::default() }
    );
    assert_eq!(positions(&letters.take_pending(2)), ["2", "3"]);
    assert_eq!(positions(&letters.take_pending(2)), ["4"]);
    assert_eq!(letters.counts().pending, 0);
}

#[test]
fn the_waiting_are_bounded_in_bytes() {
    let letters = DeadLetters::new(10_000);
    for position in 0..10 {
        letters.push(letter(position, 8 << 20));
    }
    assert_eq!(letters.counts().pending, 7, "64 MiB hold seven of a little over 8 MiB");
    assert_eq!(letters.counts().discarded, 3);
    letters.push(letter(10, 65 << 20));
    assert_eq!(letters.counts().pending, 0, "a letter over the bound fits nowhere");
    assert_eq!(letters.counts().discarded, 11);
}

#[test]
fn what_could_not_be_written_waits_again_in_order() {
    let letters = DeadLetters::new(3);
    for position in 0..3 {
        letters.push(letter(position, 10));
    }
    let taken = letters.take_pending(2);
    letters.push(letter(3, 10));
    letters.put_back(taken);
    assert_eq!(letters.counts().discarded, 1, "the oldest gives way");
    assert_eq!(positions(&letters.take_pending(9)), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_writer_wakes_for_letters_pushed_before_and_after_it_waits() {
    let limit = Duration::from_secs(10);
    let letters = DeadLetters::new(3);
    letters.push(letter(0, 10));
    timeout(limit, letters.wait_pending()).await.expect("a letter waits");
    letters.take_pending(1);

    let waiting = tokio::spawn({
        let letters = letters.clone();
        async move { letters.wait_pending().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "nothing waits");
    letters.push(letter(1, 10));
    timeout(limit, waiting).await.expect("it wakes").expect("it does not panic");
}
