use super::*;

fn add(fixture: &mut Fixture, key: u8, fingerprint: u64, at: Timestamp) -> Result<bool, Reason> {
    let push = fixture.builder().key(key, fingerprint).family(Counter, "c");
    let push = push.scalar(Combine::Add, "", 1.0).build(at);
    fixture.push(push).map(|applied| applied.repeated)
}

#[test]
fn a_key_is_applied_once_within_the_window() {
    let mut fixture = Fixture::new(10);
    assert_eq!(add(&mut fixture, 1, 7, NOW), Ok(false));
    assert_eq!(add(&mut fixture, 1, 7, later(600)), Ok(true));
    assert_eq!(add(&mut fixture, 1, 8, later(1)), Err(Reason::KeyReused));
    assert_eq!(add(&mut fixture, 2, 8, later(2)), Ok(false));
    assert_eq!(fixture.scalar("c", NOW), 2.0);
    let keys = fixture.store.cut(NOW).idempotency_keys;
    assert_eq!(keys.len(), 2);
    fixture.store = Store::restore(fixture.store.cut(NOW), 10);
    assert_eq!(fixture.store.cut(NOW).idempotency_keys, keys);
    assert!(fixture.store.scrape(NOW).idempotency_keys.is_empty());
    assert_eq!(add(&mut fixture, 2, 8, later(3)), Ok(true));
    // Forgotten, and with another request.
    assert_eq!(add(&mut fixture, 1, 8, later(601)), Ok(false));
    assert_eq!(fixture.store.cut(NOW).idempotency_keys.len(), 2);
    fixture.store.set_idempotency_window(Duration::from_secs(1000));
    assert_eq!(add(&mut fixture, 2, 8, later(1002)), Ok(true));
    // Received before, applied after: a clock that jumped back.
    assert_eq!(add(&mut fixture, 2, 9, NOW), Err(Reason::KeyReused));
}

#[test]
fn a_refused_push_leaves_its_key_free() {
    let mut fixture = Fixture::new(10);
    let push = fixture.builder().key(1, 1).family(Counter, "c").scalar(Combine::Add, "", -1.0);
    assert_eq!(fixture.push(push.build(NOW)), Err(Reason::NegativeCounter));
    assert_eq!(add(&mut fixture, 1, 7, NOW), Ok(false));
    fixture.push(push_of(Operation::Wipe, NOW)).expect("nothing can be wrong");
    assert_eq!(add(&mut fixture, 1, 7, NOW), Ok(true));
}
