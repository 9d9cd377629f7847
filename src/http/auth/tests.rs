//! Who is let in, by table, and what that costs.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::time::timeout;

use super::*;
use crate::config::Secret;

/// No test waits longer, unless it fails; and what must wait is given as long.
const MOMENT: Duration = Duration::from_secs(5);

fn hash(password: &str, cost: u32) -> String {
    bcrypt::hash(password, cost).expect("a valid cost")
}

fn users() -> Arc<Users> {
    let named = [("alice", hash("wonder", 4)), ("bob", hash("build", 5))];
    let plain = PlainUser { name: "carol".into(), password: Secret("sing:ing".into()) };
    let named = named.map(|(name, hash)| (name.to_owned(), hash)).into();
    Arc::new(Users::new(named, vec![hash("push", 4), hash("pull", 4)], &[plain]))
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

async fn admits(users: &Arc<Users>, header: &str, checks: &Arc<Semaphore>) -> bool {
    let header = HeaderValue::from_str(header).expect("a header");
    Arc::clone(users).admit(&header, checks).await
}

#[tokio::test]
async fn any_user_that_matches_is_let_in() {
    let (users, checks) = (users(), Arc::new(Semaphore::new(2)));
    assert_eq!(users.count(), 5);
    for (header, expected) in [
        (basic("alice", "wonder"), true),
        (basic("alice", "wonder").replace("Basic", "bAsIc"), true),
        (basic("bob", "build"), true),
        (basic("bob", "wonder"), false),
        (basic("alice", ""), false),
        (basic("carol", "sing:ing"), true),
        (basic("carol", "sing"), false),
        (basic("caro", "l:sing:ing"), false),
        // These passwords go with any user, and with none.
        (basic("anybody", "push"), true),
        (basic("", "pull"), true),
        (basic("alice", "push"), true),
        ("push".into(), true),
        // The others need their user.
        ("wonder".into(), false),
        ("sing:ing".into(), false),
        ("carol:sing:ing".into(), false),
        ("".into(), false),
        ("Basic ".into(), false),
        ("Basic push".into(), false),
        (format!("Basic {}", BASE64_STANDARD.encode("push")), false),
        (format!("Bearer {}", BASE64_STANDARD.encode("alice:wonder")), false),
        (basic("nobody", "wonder"), false),
    ] {
        // Once checked, once remembered.
        for time in ["first", "second"] {
            assert_eq!(admits(&users, &header, &checks).await, expected, "{header} {time}");
        }
    }
}

#[tokio::test]
async fn a_check_is_remembered_and_others_wait_for_their_turn() {
    let (users, checks) = (users(), Arc::new(Semaphore::new(1)));
    assert!(admits(&users, &basic("alice", "wonder"), &checks).await);
    assert!(!admits(&users, &basic("alice", "wrong"), &checks).await);
    let busy = checks.clone().acquire_owned().await.expect("open");
    for (password, expected) in [("wonder", true), ("wrong", false)] {
        let header = basic("alice", password);
        let known = timeout(MOMENT, admits(&users, &header, &checks)).await;
        assert_eq!(known, Ok(expected), "{password}: no check is needed");
    }
    let plain = timeout(MOMENT, admits(&users, &basic("carol", "sing:ing"), &checks)).await;
    assert_eq!(plain, Ok(true), "this one never needs a check");
    let other = basic("bob", "build");
    let waiting = timeout(Duration::from_millis(50), admits(&users, &other, &checks)).await;
    assert!(waiting.is_err(), "no more checks at a time than allowed");
    drop(busy);
    let served = timeout(MOMENT, admits(&users, &other, &checks)).await;
    assert_eq!(served, Ok(true));
}

#[tokio::test]
async fn other_users_remember_nothing() {
    let checks = Arc::new(Semaphore::new(1));
    let header = basic("alice", "wonder");
    assert!(admits(&users(), &header, &checks).await);
    let changed = [("alice".to_owned(), hash("changed", 4))].into();
    let changed = Arc::new(Users::new(changed, Vec::new(), &[]));
    assert!(!admits(&changed, &header, &checks).await);
}

#[test]
fn an_unknown_user_costs_as_much_as_the_most_expensive_known() {
    let users = users();
    assert_eq!(cost(&users.dummy), Some(5));
    assert!(!bcrypt::verify("anything", &users.dummy).expect("a valid hash"));
}

#[test]
fn only_bcrypt_hashes_are_hashes() {
    let good = hash("x", 4);
    assert_eq!(cost(&good), Some(4));
    assert_eq!(cost(&good.replace("$2b$", "$2y$")), Some(4));
    for wrong in ["", "plain", &good[1..], &format!("{good}x"), &good.replace("$04$", "$03$")] {
        assert_eq!(cost(wrong), None, "{wrong}");
    }
}
