//! URLs of every scheme, and what is refused.

use super::*;
use crate::config::RedisTarget;

fn tcp(host: &str, port: u16) -> RedisTarget {
    RedisTarget::to(vec![Endpoint::Tcp { host: host.into(), port }])
}

fn secret(text: &str) -> Option<Secret> {
    Some(Secret(text.into()))
}

#[test]
fn every_form() {
    let user = Some("alice".to_owned());
    let socket = RedisTarget::to(vec![Endpoint::Unix("/run/redis.sock".into())]);
    for (text, expected) in [
        ("redis://localhost", tcp("localhost", 6379)),
        ("REDIS://localhost/", tcp("localhost", 6379)),
        ("redis://h:7000/3", RedisTarget { database: 3, ..tcp("h", 7000) }),
        ("redis://[::1]:7000", tcp("::1", 7000)),
        ("redis://[::1]", tcp("::1", 6379)),
        ("redis://:pw@h", RedisTarget { password: secret("pw"), ..tcp("h", 6379) }),
        ("redis://alice@h", RedisTarget { user: user.clone(), ..tcp("h", 6379) }),
        (
            "redis://alice:p%40ss%2Fw%2Cord%25@h",
            RedisTarget { user: user.clone(), password: secret("p@ss/w,ord%"), ..tcp("h", 6379) },
        ),
        ("redis://:p,a=b+c@h", RedisTarget { password: secret("p,a=b+c"), ..tcp("h", 6379) }),
        ("rediss://h:6380", RedisTarget { tls: true, ..tcp("h", 6380) }),
        (
            "rediss://h/1#insecure",
            RedisTarget { tls: true, tls_insecure: true, database: 1, ..tcp("h", 6379) },
        ),
        ("valkey://h:7000/3", RedisTarget { database: 3, ..tcp("h", 7000) }),
        ("tcp://:pw@h", RedisTarget { password: secret("pw"), ..tcp("h", 6379) }),
        ("valkeys://h", RedisTarget { tls: true, ..tcp("h", 6379) }),
        ("tls://h", RedisTarget { tls: true, ..tcp("h", 6379) }),
        ("unix:///run/redis.sock", socket.clone()),
        ("redis+unix:///run/redis.sock?db=2", RedisTarget { database: 2, ..socket.clone() }),
        (
            "unix:///run/redis.sock?user=alice&pass=p%26w",
            RedisTarget { user, password: secret("p&w"), ..socket },
        ),
    ] {
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }
}

#[test]
fn what_may_be_a_password_is_neither_used_as_something_else_nor_shown() {
    use ConnectionStringError::{OptionsInUrl, UnencodedPassword};
    for (text, expected) in [
        ("redis://alice:12/hunter2@h", UnencodedPassword),
        ("redis://alice:12?hunter2@h", UnencodedPassword),
        ("rediss://alice:12#hunter2@h", UnencodedPassword),
        ("redis://h,password=hunter2", OptionsInUrl),
        ("redis://h:6379/0, Password = hunter2", OptionsInUrl),
        ("redis://h,password=hun@ter2", OptionsInUrl),
        ("unix:///run/redis.sock,password=hunter2", OptionsInUrl),
        ("unix:///run/redis.sock,password=hun@ter2", OptionsInUrl),
        ("unix:///run/redis.sock?user=alice,password=hunter2", OptionsInUrl),
    ] {
        assert_eq!(text.parse::<RedisTarget>(), Err(expected), "{text}");
    }
    let error = "unix:///s?db=?pass=hunter2".parse::<RedisTarget>().expect_err("no number");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let socket = "unix:///run/a,b@c=d.sock".parse::<RedisTarget>().expect("a path");
    assert_eq!(socket.endpoints, [Endpoint::Unix("/run/a,b@c=d.sock".into())]);
    let password = "redis://:%+f%2@h".parse::<RedisTarget>().expect("no escapes").password;
    assert_eq!(password, secret("%+f%2"));
}

#[test]
fn mistakes_are_explained_without_the_password() {
    for (text, expected) in [
        (
            "http://h",
            r#"scheme "http": expected redis, rediss (also spelled valkey, valkeys, tcp, tls), unix or redis+unix"#,
        ),
        ("redis://", "no endpoint given: expected host[:port], such as localhost:6379"),
        ("redis://h:99999", "not a valid URL: invalid port number"),
        (
            "redis://:hunter2@h/x",
            "not a valid URL: the path /x: expected a database number, 0 or above",
        ),
        ("redis://h/-1", "not a valid URL: the path /-1: expected a database number, 0 or above"),
        (
            "redis://:hunter2@h#insecure",
            "not a valid URL: after #, only rediss://…#insecure has a meaning",
        ),
        ("redis://h?timeout=5", r#"not a valid URL: parameter "timeout" is not known"#),
        (
            "unix://run/redis.sock",
            "not a valid URL: expected an absolute path: unix:///path/of/redis.sock",
        ),
        ("unix:///s?pas=hunter2", r#"not a valid URL: parameter "pas": expected db, user or pass"#),
        ("unix:///s?db=x", "not a valid URL: db=x: expected a database number, 0 or above"),
        ("redis://:%FF@h", "not a valid URL: percent-escapes that are not UTF-8"),
    ] {
        let error = text.parse::<RedisTarget>().expect_err(text).to_string();
        assert_eq!(error, expected, "{text}");
    }
}
