//! Every keyword, and every way to get it wrong.

use super::*;

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp { host: host.into(), port }
}

fn parsed(text: &str) -> RedisTarget {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    match text.parse::<RedisTarget>() {
        Ok(target) => panic!("{text} was read as {target}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn endpoints() {
    for (text, expected) in [
        ("localhost", vec![tcp("localhost", 6379)]),
        ("redis:6379", vec![tcp("redis", 6379)]),
        (" a:1 , b:2,c ", vec![tcp("a", 1), tcp("b", 2), tcp("c", 6379)]),
        ("a,ssl=true,b:7000", vec![tcp("a", 6380), tcp("b", 7000)]),
        ("a,serviceName=m", vec![tcp("a", 26379)]),
        ("a,ssl=true,serviceName=m", vec![tcp("a", 26379)]),
        ("[::1]:7000,[::2],::3", vec![tcp("::1", 7000), tcp("::2", 6379), tcp("::3", 6379)]),
        ("10.0.0.1:6390,", vec![tcp("10.0.0.1", 6390)]),
        ("my_redis.svc-1", vec![tcp("my_redis.svc-1", 6379)]),
        ("!/run/redis.sock", vec![Endpoint::Unix("/run/redis.sock".into())]),
    ] {
        assert_eq!(parsed(text).endpoints, expected, "{text}");
    }
}

#[test]
fn without_options_every_default_holds() {
    assert_eq!(parsed("localhost"), RedisTarget::default());
    assert!(!RedisTarget::default().abort_connect);
    assert_eq!(RedisTarget::default().connect_timeout, Duration::from_secs(5));
}

#[test]
fn every_option_we_honour() {
    type Change = fn(&mut RedisTarget);
    let cases: [(&str, Change); 14] = [
        ("password=pw", |t| t.password = Some(Secret("pw".into()))),
        ("password=a=b==", |t| t.password = Some(Secret("a=b==".into()))),
        ("password=a://b", |t| t.password = Some(Secret("a://b".into()))),
        ("password=", |_| {}),
        ("user=alice", |t| t.user = Some("alice".into())),
        ("SSL = True", |t| t.tls = true),
        ("ssl=false", |_| {}),
        ("sslHost=redis.example", |t| t.tls_host = Some("redis.example".into())),
        ("DEFAULTDATABASE=3", |t| t.database = 3),
        ("name=gateway", |t| t.client_name = Some("gateway".into())),
        ("connectTimeout=1500", |t| t.connect_timeout = Duration::from_millis(1500)),
        ("abortConnect=true", |t| t.abort_connect = true),
        ("abortConnect=False", |_| {}),
        ("serviceName=primary", |t| t.service_name = Some("primary".into())),
    ];
    for (option, change) in cases {
        let mut expected = RedisTarget::to(vec![tcp("h", 1)]);
        change(&mut expected);
        assert_eq!(parsed(&format!("h:1,{option}")), expected, "{option}");
        assert_eq!(parsed(&format!("{option} , h:1")), expected, "{option} first");
    }
}

#[test]
fn what_concerns_the_dotnet_client_only_changes_nothing() {
    for keyword in IGNORED {
        for keyword in [keyword.to_owned(), keyword.to_ascii_uppercase()] {
            assert_eq!(parsed(&format!("localhost,{keyword}=anything")), RedisTarget::default());
        }
    }
    assert_eq!(parsed("localhost,$CLIENT=,$CONFIG=config"), RedisTarget::default());
}

#[test]
fn mistakes_name_the_keyword_and_the_value() {
    for (text, expected) in [
        ("", "no endpoint given: expected host[:port], such as localhost:6379"),
        ("ssl=true", "no endpoint given: expected host[:port], such as localhost:6379"),
        ("h,pasword=x", r#"unknown keyword "pasword": did you mean password?"#),
        ("h,abortConect=x", r#"unknown keyword "abortConect": did you mean abortConnect?"#),
        ("h,frobnicate=x", r#"unknown keyword "frobnicate""#),
        ("h,ssl=maybe", "ssl=maybe: expected true or false"),
        ("h,abortConnect=", "abortConnect=: expected true or false"),
        ("h,defaultDatabase=-1", "defaultDatabase=-1: expected a database number, 0 or above"),
        ("h,defaultDatabase=one", "defaultDatabase=one: expected a database number, 0 or above"),
        ("h,connectTimeout=0", "connectTimeout=0: expected milliseconds, 1 or above"),
        ("h,connectTimeout=5s", "connectTimeout=5s: expected milliseconds, 1 or above"),
        ("h,$KEYS=SEYK", "$KEYS: renamed Redis commands are not supported"),
        ("h:0", r#"endpoint "h:0": expected a port from 1 to 65535 after the colon"#),
        ("h:65536", r#"endpoint "h:65536": expected a port from 1 to 65535 after the colon"#),
        ("h:", r#"endpoint "h:": expected a port from 1 to 65535 after the colon"#),
        ("[::1", r#"endpoint "[::1": expected a closing bracket: [address]:port"#),
        ("[h]:1", r#"endpoint "[h]:1": expected an IPv6 address between the brackets"#),
        ("[::1]1", r#"endpoint "[::1]1": expected a port after the address: [address]:port"#),
        (
            ":6379",
            r#"endpoint ":6379": expected host[:port], [IPv6 address][:port] or !path of a Unix socket"#,
        ),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn no_error_and_no_text_shows_a_password() {
    for text in ["h,password=hun,ter2!", "h,password=hun,ter2=x", "h,password=hun,ter2:x"] {
        let error = error(text);
        assert!(!error.contains("hun") && !error.contains("ter2"), "{error}");
        assert!(error.contains("%2C"), "{error}");
    }
    let target = parsed("h,user=u,password=hunter2");
    assert_eq!(target.to_string(), "h:6379,user=u,password=***");
    assert!(!format!("{target:?}").contains("hunter2"));
}

#[test]
fn the_printed_form_reads_back_as_the_same_target() {
    for text in [
        "localhost:6379",
        "[::1]:7000,b:2,ssl=true,sslHost=x,defaultDatabase=2,name=n,connectTimeout=10",
        "s:26379,serviceName=m,user=u,abortConnect=true",
    ] {
        assert_eq!(parsed(text).to_string().parse(), Ok(parsed(text)), "{text}");
    }
}
