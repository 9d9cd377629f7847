//! Who makes room, on paused time.

use std::time::Duration;

use tokio::time::{advance, timeout};

use super::*;

const A_MOMENT: Duration = Duration::from_millis(1);

fn places(limit: usize) -> Places {
    Places::new(limit, HttpMetrics::default())
}

/// One after the other, so that it is clear who came first.
async fn take(places: &Places) -> Arc<Place> {
    advance(A_MOMENT).await;
    timeout(A_MOMENT, places.take()).await.expect("a place")
}

fn has_left(place: &Place) -> bool {
    place.connection.leave.is_cancelled()
}

async fn serving(place: &Arc<Place>, reads: bool) -> Serving {
    let serving = timeout(A_MOMENT, Arc::clone(place).serve(reads)).await;
    serving.expect("at once").expect("its turn")
}

#[tokio::test(start_paused = true)]
async fn the_one_that_is_idle_longest_makes_room_and_nobody_else() {
    let places = places(3);
    let [first, second, third] = [take(&places).await, take(&places).await, take(&places).await];
    let answered = serving(&first, true).await;
    let served = serving(&second, false).await;
    advance(A_MOMENT).await;
    drop(answered);
    third.set_writing(true);
    let early = timeout(A_MOMENT, places.take()).await.expect("one of the reserve");
    assert!(!has_left(&first), "it may be about to ask again");
    drop(early);
    advance(ABOUT_TO_ASK).await;
    let fourth = take(&places).await;
    assert!(has_left(&first), "the others are busy");
    assert!(![&second, &third, &fourth].into_iter().any(|place| has_left(place)));
    assert_eq!(places.inner.metrics.idle_connections_closed.get(), 1);
    // It is still here, and counts as gone.
    advance(ABOUT_TO_ASK).await;
    let fifth = take(&places).await;
    assert!(has_left(&fourth), "the longest idle of those that stay");
    assert!(!has_left(&fifth));
    assert_eq!(places.inner.metrics.connections.get(), 5);
    drop((first, fourth));
    drop(served);
    third.set_writing(false);
    assert_eq!(places.inner.metrics.connections.get(), 3);
    advance(ABOUT_TO_ASK).await;
    take(&places).await;
    assert!(has_left(&third), "idle since it came");
}

#[tokio::test(start_paused = true)]
async fn pushes_leave_the_reserve_to_those_who_read() {
    let places = places(2);
    let pushers = [take(&places).await, take(&places).await];
    let _served = [serving(&pushers[0], false).await, serving(&pushers[1], false).await];
    let mut waiting = Vec::new();
    for _ in 0..RESERVE {
        let place = take(&places).await;
        let turn = tokio::spawn(Arc::clone(&place).serve(false));
        tokio::task::yield_now().await;
        waiting.push((place, turn));
    }
    // No place is left: the one that has waited longest is told so.
    let newcomer = tokio::spawn({
        let places = places.clone();
        async move { places.take().await }
    });
    let (place, turn) = waiting.remove(0);
    assert!(turn.await.expect("no panic").is_none(), "sent away");
    drop(place);
    let reader = newcomer.await.expect("no panic");
    serving(&reader, true).await;
    assert_eq!(places.inner.metrics.requests_turned_away.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_push_waits_for_its_turn_but_not_for_ever() {
    let places = places(1);
    let first = take(&places).await;
    let served = serving(&first, false).await;
    let second = take(&places).await;
    let mut turn = tokio::spawn(Arc::clone(&second).serve(false));
    assert!(timeout(PATIENCE / 2, &mut turn).await.is_err(), "it waits");
    drop(served);
    let served = turn.await.expect("no panic").expect("its turn");
    assert!(Arc::clone(&take(&places).await).serve(false).await.is_none(), "too long");
    assert_eq!(places.inner.metrics.requests_turned_away.get(), 1);
    drop(served);
}

#[tokio::test(start_paused = true)]
async fn while_everybody_is_served_a_newcomer_waits_for_the_first_that_is_idle() {
    let places = places(1);
    let mut taken = Vec::new();
    for _ in 0..1 + RESERVE {
        let place = take(&places).await;
        let served = serving(&place, true).await;
        taken.push((place, served));
    }
    let newcomer = places.take();
    tokio::pin!(newcomer);
    assert!(timeout(A_MOMENT, newcomer.as_mut()).await.is_err(), "all are busy");
    let (place, served) = taken.remove(5);
    drop(served);
    assert!(timeout(A_MOMENT, newcomer.as_mut()).await.is_err(), "it may be about to ask again");
    assert!(!has_left(&place));
    assert!(timeout(2 * ABOUT_TO_ASK, newcomer.as_mut()).await.is_err(), "it has not gone yet");
    assert!(has_left(&place));
    drop(place);
    timeout(A_MOMENT, newcomer).await.expect("its place");
}
