//! Who is let in, by table, and what that costs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prometheus::IntGauge;
use tokio::time::timeout;

use super::checks::PasswordChecks;
use super::*;

/// No test waits longer, unless it fails; and what must wait is given as long.
const MOMENT: Duration = Duration::from_secs(5);

fn hash(password: &str, cost: u32) -> String {
    bcrypt::hash(password, cost).expect("a valid cost")
}

fn users() -> Arc<Users> {
    let named = [("alice", hash("wonder", 4)), ("bob", hash("build", 5))];
    let plain = PlainUser { name: "carol".into(), password: "sing:ing".into() };
    let named = named.map(|(name, hash)| (name.to_owned(), hash)).into();
    Arc::new(Users::new(named, vec![hash("push", 4), hash("pull", 4)], &[plain]))
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const THERE: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn checks(at_a_time: usize) -> PasswordChecks {
    let waiting = IntGauge::new("waiting", "Requests.").expect("a name");
    PasswordChecks::new(at_a_time, waiting)
}

async fn admits(users: &Arc<Users>, header: &str, checks: &PasswordChecks) -> bool {
    admits_from(HERE, users, header, checks).await
}

async fn admits_from(
    address: IpAddr,
    users: &Arc<Users>,
    header: &str,
    checks: &PasswordChecks,
) -> bool {
    let header = HeaderValue::from_str(header).expect("a header");
    let turn = async { Some(checks.turn(address).await) };
    Arc::clone(users).admit(&header, turn).await.expect("its turn comes")
}

#[tokio::test]
async fn any_user_that_matches_is_let_in() {
    let (users, checks) = (users(), checks(2));
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
    let (users, checks) = (users(), checks(1));
    assert!(admits(&users, &basic("alice", "wonder"), &checks).await);
    assert!(!admits(&users, &basic("alice", "wrong"), &checks).await);
    let busy = checks.turn(THERE).await;
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

/// A hundred wrong passwords from one address cost another address one check.
#[tokio::test]
async fn one_address_does_not_wait_for_the_queue_of_another() {
    let (users, checks) = (users(), checks(1));
    let busy = checks.turn(HERE).await;
    let flood = async {
        let wrong = (0..100).map(|number| basic("alice", &format!("wrong{number}")));
        let checks = &checks;
        let users = &users;
        let asked = wrong.map(|header| async move { admits(users, &header, checks).await });
        futures_util::future::join_all(asked).await
    };
    let mut flood = Box::pin(flood);
    // All of them are in the queue before the other one comes.
    assert!(timeout(Duration::from_millis(1), flood.as_mut()).await.is_err(), "they wait");
    drop(busy);
    let right = basic("bob", "build");
    let other = admits_from(THERE, &users, &right, &checks);
    let first = futures_util::future::select(flood, Box::pin(other)).await;
    let futures_util::future::Either::Right((true, _)) = first else {
        panic!("the right password waited for all of the wrong ones");
    };
}

#[tokio::test]
async fn other_users_remember_nothing() {
    let checks = checks(1);
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
