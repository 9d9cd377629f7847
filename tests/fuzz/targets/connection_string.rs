//! Where Redis is: whatever was written, a password never shows, and the printed form
//! says the same as the one that was read.

use prom_stream_gateway::config::{Endpoint, RedisTarget};

/// Stands where a password stands, and nowhere else.
const PASSWORD: &str = "c4n4ry-7f3a";

pub(super) fn target(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if text.contains(PASSWORD) {
        return;
    }
    if let Ok(target) = text.parse::<RedisTarget>() {
        if !text.contains("://") {
            printed_reads_back(&target);
        }
        let other = RedisTarget { password: Some(PASSWORD.into()), ..target.clone() };
        shows_no_password(&other.to_string());
        shows_no_password(&format!("{other:?}"));
        assert!(!target.endpoints.is_empty(), "{target:?}");
    }
    let (before, after) = text.split_once('\0').unwrap_or((text, ""));
    let (path, _) = before.split_once('?').unwrap_or((before, ""));
    for with_password in [
        format!("{before},password={PASSWORD}{after}"),
        format!("{before},password={PASSWORD},{after}"),
        format!("redis://{before}:{PASSWORD}@{after}"),
        format!("rediss://:{PASSWORD}@{text}"),
        format!("unix://{path}?pass={PASSWORD}&{after}"),
    ] {
        match with_password.parse::<RedisTarget>() {
            Ok(target) => {
                shows_no_password(&target.to_string());
                shows_no_password(&format!("{target:?}"));
            }
            Err(error) => {
                shows_no_password(&error.to_string());
                shows_no_password(&format!("{error:?}"));
            }
        }
    }
}

fn shows_no_password(text: &str) {
    assert!(!text.contains(PASSWORD), "the password shows: {text}");
}

/// In the notation without a scheme. A password is not printed, and the path of a socket is printed
/// as a URL.
fn printed_reads_back(target: &RedisTarget) {
    let is_socket = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Unix(_));
    if target.password.is_none() && !target.endpoints.iter().any(is_socket) {
        let printed = target.to_string();
        assert_eq!(printed.parse().as_ref(), Ok(target), "{printed}");
    }
}
