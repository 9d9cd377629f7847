//! Every mistake is found, in one run, and told with key, origin, value and expectation.

use super::*;

#[test]
fn values_that_are_not_valid() {
    const LISTEN: &str = "address:port, such as 0.0.0.0:9091, [::]:9091 or :9091";
    const ORIGINS: &str = "origins such as https://example.org or http://localhost:3000, or *: an \
                           array, or separated by commas";
    const HOSTS: &str = "host names such as gateway.example.org, without port or *, and no \
                         addresses, which are allowed anyway: an array, or separated by commas";
    const IDENTITY: &str =
        "1 to 128 of the characters A-Z, a-z, 0-9, '.', '_' and '-', not beginning with '.'";
    const LOCATION: &str = "a path, file:///path, s3://bucket/prefix, gs://bucket/prefix, \
                            az://container/prefix or memory:///";
    const LEVEL: &str = "one of off, error, warn, info, debug, trace, or a filter such as \
                         info,prom_stream_gateway::source=debug";
    const NAMES: &str = "names, none of them empty: an array, or separated by commas";
    const INTERVAL: &str = "a duration such as 500ms, 5s, 5m or 1h, 100ms or longer";
    const COUNT: &str = "a whole number from 1 to 100000";
    let long = "x".repeat(129);
    for (key, value, expected) in [
        ("Gateway.Identity", ".x", IDENTITY),
        ("Gateway.Identity", "", IDENTITY),
        ("Gateway.Identity", "a/b", IDENTITY),
        ("Gateway.Identity", "..", IDENTITY),
        ("Gateway.Identity", &long, IDENTITY),
        ("Http.Listen", "somewhere", LISTEN),
        ("Http.Listen", "0.0.0.0", LISTEN),
        ("Http.Listen", ":65536", LISTEN),
        ("Http.LifecycleListen", "somewhere", LISTEN),
        ("Http.CorsOrigins", "shop.example", ORIGINS),
        ("Http.CorsOrigins", "https://shop.example/path", ORIGINS),
        ("Http.CorsOrigins", "https://shop.example?query", ORIGINS),
        ("Http.CorsOrigins", "data:text/plain", ORIGINS),
        ("Http.AllowedHosts", "gateway:9091", HOSTS),
        ("Http.AllowedHosts", "https://gateway", HOSTS),
        ("Http.AllowedHosts", "*", HOSTS),
        ("Http.AllowedHosts", "10.0.0.1", HOSTS),
        ("Push.MaxBodyBytes", "64MiB", "a whole number from 1 to 1073741824"),
        ("Redis.MetricQueueEnabled", "perhaps", "true or false"),
        ("Redis.MetricQueueKey", "", "text that is not empty"),
        ("Redis.MetricQueueDatabase", "-2", "a whole number from 0 to 2147483647"),
        ("Redis.MetricQueueWorkers", "0", "a whole number from 1 to 64"),
        ("Redis.MetricQueueWorkers", "65", "a whole number from 1 to 64"),
        ("Redis.MetricQueuePopCount", "0", COUNT),
        ("Redis.MetricQueuePopCount", "100001", COUNT),
        ("Stream.Mode", "solo", "one of off, group, reader"),
        ("Stream.Keys", "a,,b", NAMES),
        ("Stream.Group", "", "text that is not empty"),
        ("Stream.BatchSize", "many", COUNT),
        ("Stream.ClaimIdle", "0", "a duration such as 500ms, 5s, 5m or 1h, 1s or longer"),
        ("Snapshot.Url", "", LOCATION),
        ("Snapshot.Url", "ftp://host/path", LOCATION),
        ("Snapshot.Url", "s3:///path", LOCATION),
        ("Snapshot.Url", "file://relative/path", LOCATION),
        ("Snapshot.Interval", "50ms", INTERVAL),
        ("Snapshot.Keep", "0", "a whole number from 1 to 10000"),
        ("Metrics.SortIncomingLabels", "", "true or false"),
        ("Metrics.MaxSeries", "0", "a whole number, 1 or above"),
        ("DeadLetters.Stream", "", "text that is not empty"),
        ("DeadLetters.MaxLength", "0", "a whole number, 1 or above"),
        ("DeadLetters.MaxBytes", "1000", "a whole number, 2097152 or above"),
        ("Logging.Level", "", LEVEL),
        ("Logging.Level", "loud", LEVEL),
        ("Logging.Level", "info,loud", LEVEL),
        ("Logging.Level", "a=loud", LEVEL),
        ("Logging.Format", "xml", "one of json, text"),
    ] {
        assert_eq!(
            problems(from_flags(&[&format!("{key}={value}")])),
            [format!("{key} = {value:?} (flag --set): expected {expected}")]
        );
    }
}

#[test]
fn all_problems_are_told_at_once_with_their_origin() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.toml");
    std::fs::write(&file, "[snapshot]\nkeep = 0\n[stream]\nmod = 'off'").unwrap();
    let loaded = Config::load(Sources {
        file: Some(file.clone()),
        environment: environment(&[("REDIS__METRIC_QUEUE_WORKERS", "x")]),
        flags: set(&["Http.Listen=x"]),
    });
    let path = file.display();
    assert_eq!(
        loaded.unwrap_err().to_string(),
        format!(
            r#"the configuration is not valid:
  Http.Listen = "x" (flag --set): expected address:port, such as 0.0.0.0:9091, [::]:9091 or :9091
  Redis.MetricQueueWorkers = "x" (environment variable REDIS__METRIC_QUEUE_WORKERS): expected a whole number from 1 to 64
  Snapshot.Keep = "0" (file {path}): expected a whole number from 1 to 10000
  unknown key stream.mod (file {path}): did you mean Stream.Mode?"#
        )
    );
}

#[test]
fn unknown_keys_in_our_own_file_and_flags_are_errors() {
    for (text, expected) in [
        (
            "[redis]\nmetric_queue_wrkers = 1",
            "redis.metric_queue_wrkers (file g.toml): did you mean Redis.MetricQueueWorkers?",
        ),
        (
            "[redis]\nworkers = 1",
            "redis.workers (file g.toml): did you mean Redis.MetricQueueWorkers?",
        ),
        (
            "[redsi]\nconnection_string = 'h'",
            "redsi.connection_string (file g.toml): Redis.ConnectionString is meant",
        ),
        (
            "[metrics]\nmetric_queue_pop_count = 1",
            "metrics.metric_queue_pop_count (file g.toml): Redis.MetricQueuePopCount is meant",
        ),
        ("colour = 'red'", "colour (file g.toml)"),
        ("[stream]\nkeys = [['a']]", ""),
        ("[http.tls]\nx = 1", "http.tls.x (file g.toml)"),
        ("[logging.loglevel]\nsystem = 'x'", "logging.loglevel.system (file g.toml)"),
    ] {
        let loaded = from_file("g.toml", text);
        let error = loaded.expect_err(text);
        if expected.is_empty() {
            assert!(error.contains("Stream.Keys = "), "{error}");
        } else {
            assert_eq!(error, format!("the configuration is not valid:\n  unknown key {expected}"));
        }
    }
    assert_eq!(
        problems(from_flags(&["Redis.MetricQueueKye=x"])),
        ["unknown key Redis.MetricQueueKye (flag --set): did you mean Redis.MetricQueueKey?"]
    );
}

#[test]
fn unknown_keys_elsewhere_are_warnings_when_the_section_is_ours() {
    let (_, warnings) =
        from_environment(&[("REDIS__METRIC_QUEUE_KYE", "x"), ("PUSH__NOVELTY", "x")]).unwrap();
    let warnings: Vec<String> = warnings.iter().map(Warning::to_string).collect();
    assert_eq!(
        warnings,
        [
            "PUSH.NOVELTY (environment variable PUSH__NOVELTY) is not a setting of this gateway \
             and does nothing",
            "REDIS.METRIC_QUEUE_KYE (environment variable REDIS__METRIC_QUEUE_KYE) is not a \
             setting of this gateway and does nothing: did you mean Redis.MetricQueueKey?",
        ]
    );
    let text = r#"{"Http": {"Http2": true}, "Kestrel": {"Limits": {"X": 1}}, "Push": "x"}"#;
    assert_eq!(
        from_file("a.json", text).unwrap().1,
        [
            "Http.Http2 (file a.json) is not a setting of this gateway and does nothing",
            "Push (file a.json) is not a setting of this gateway and does nothing: did you mean \
             Push.Via?",
        ]
    );
}

#[test]
fn settings_that_do_not_go_together() {
    for (assignments, expected) in [
        (
            &["Redis.MetricQueueEnabled=false", "Stream.Mode=off", "Push.Enabled=false"][..],
            "nothing to read: Push.Enabled is false, Redis.MetricQueueEnabled is false and \
             Stream.Mode off, or Redis.Listen is off and no Redis.ConnectionString names a Redis; \
             expected at least one of them",
        ),
        (
            &["Push.Via=stream", "Redis.Listen=off"],
            "Push.Via=stream keeps pushes in a Redis: expected a Redis.ConnectionString",
        ),
        (
            &["Push.Via=stream", "Redis.Listen=:6380", "Redis.ConnectionString=h"],
            "Push.Via=stream keeps pushes in a Redis, and Redis.Listen what comes there in a \
             journal: expected Push.Via=journal for both, or Redis.Listen=off",
        ),
        (
            &["Stream.Mode=off", "Push.Via=stream"],
            "Push.Via=stream needs a stream: expected Stream.Mode=group or reader",
        ),
        (
            &["Push.MaxBodyBytes=100", "Push.MaxBufferedBytes=199"],
            "Push.MaxBufferedBytes = 199 is less than twice Push.MaxBodyBytes = 100: expected room \
             for one body and its compressed form",
        ),
        (&["Stream.Keys="], "Stream.Keys is empty: expected at least one key, or Stream.Mode=off"),
        (&["Stream.Keys=a,b,a"], r#"Stream.Keys names "a" twice: expected distinct keys"#),
        (
            &["Stream.Keys=a,b", "Redis.MetricQueueKey=b"],
            r#""b" is Redis.MetricQueueKey and one of Stream.Keys: a key holds a list or a stream, expected different keys"#,
        ),
        (
            &["DeadLetters.Stream=a", "Stream.Keys=a"],
            r#"DeadLetters.Stream = "a" is also read for events: expected a key that is neither Redis.MetricQueueKey nor one of Stream.Keys"#,
        ),
        (
            &["DeadLetters.Stream=a", "Redis.MetricQueueKey=a"],
            r#"DeadLetters.Stream = "a" is also read for events: expected a key that is neither Redis.MetricQueueKey nor one of Stream.Keys"#,
        ),
        (
            &["Redis.MetricQueueKey=a}b"],
            r#"Redis.MetricQueueKey names "a}b", beside which no other key can be kept in the same slot of a cluster: expected a name without "}", or with a hash tag as in "{jobs}:metrics""#,
        ),
        (
            &["Redis.MetricQueueKeys=a,b,a"],
            r#"Redis.MetricQueueKeys names "a" twice: expected distinct keys"#,
        ),
        (
            &["Redis.MetricQueueKeys=a,b", "Redis.MetricQueueKey=c"],
            r#"Redis.MetricQueueKey = "c" is set and not one of Redis.MetricQueueKeys, which are read in its place: expected it among them, or not set"#,
        ),
        (
            &["Redis.MetricQueueKeys=jobs,other,{jobs}"],
            r#"Redis.MetricQueueKeys names "jobs" and "{jobs}", whose segments would have the same names: expected keys that differ in more than their braces"#,
        ),
        (
            &["Redis.MetricQueueKeys=a,b", "Stream.Keys=b,c"],
            r#""b" is one of Redis.MetricQueueKeys and one of Stream.Keys: a key holds a list or a stream, expected different keys"#,
        ),
        (
            &["Redis.MetricQueueKeys=a,b", "DeadLetters.Stream=b"],
            r#"DeadLetters.Stream = "b" is also read for events: expected a key that is neither one of Redis.MetricQueueKeys nor one of Stream.Keys"#,
        ),
        (
            &["Redis.MetricQueueKeys=a,b}c"],
            r#"Redis.MetricQueueKeys names "b}c", beside which no other key can be kept in the same slot of a cluster: expected a name without "}", or with a hash tag as in "{jobs}:metrics""#,
        ),
        (
            &["Stream.Keys=a,{}x"],
            r#"Stream.Keys names "{}x", beside which no other key can be kept in the same slot of a cluster: expected a name without "}", or with a hash tag as in "{jobs}:metrics""#,
        ),
        (
            &["Redis.TlsCertFile=/c", "Redis.ConnectionString=h,ssl=true"],
            "Redis.TlsCertFile and Redis.TlsKeyFile: expected both or neither",
        ),
    ] {
        assert_eq!(problems(from_flags(assignments)), [expected], "{assignments:?}");
    }
}

#[test]
fn what_is_switched_off_is_in_nobodys_way() {
    for assignments in [
        &["Stream.Mode=off", "Stream.Keys="][..],
        &["Stream.Mode=false", "Stream.Keys=a,a"],
        &["Stream.Mode=off", "Stream.Keys=a", "Redis.MetricQueueKey=a"],
        &["Redis.MetricQueueEnabled=false", "Stream.Keys=a", "Redis.MetricQueueKey=a"],
        &["Redis.MetricQueueEnabled=false", "Redis.MetricQueueKey=a}b"],
        &["Redis.MetricQueueEnabled=false", "Redis.MetricQueueKeys=a,a,{a},b}c"],
        &["Redis.MetricQueueEnabled=false", "Redis.MetricQueueKeys=a", "Redis.MetricQueueKey=b"],
        &["Stream.Mode=reader", "Stream.Keys=a}b"],
    ] {
        if let Err(error) = from_flags(assignments) {
            panic!("{assignments:?}: {error}");
        }
    }
}

#[test]
fn a_connection_string_is_never_shown() {
    for (value, expected) in [
        ("h,password=hunter2,abrtConnect=true", "cannot read what follows the password"),
        ("h:x,password=hunter2", r#"endpoint "h:x": expected a port"#),
        ("redis://:hunter2@h/x", "not a valid URL"),
    ] {
        let problems = problems(from_environment(&[("REDIS__CONNECTION_STRING", value)]));
        let start =
            "Redis.ConnectionString (environment variable REDIS__CONNECTION_STRING): ".to_owned();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with(&(start + expected)), "{}", problems[0]);
        assert!(!problems[0].contains("hunter2"), "{}", problems[0]);
    }
    let error = from_file("g.toml", "redis.connection_string = ['hunter2']").unwrap_err();
    assert!(error.contains("Redis.ConnectionString") && !error.contains("hunter2"), "{error}");
    let [problem] = &problems(from_flags(&["Snapshot.Url=ftp://hunter2@h/p"]))[..] else {
        panic!("expected one problem")
    };
    assert!(problem.starts_with(r#"Snapshot.Url = "ftp://***@h/p""#), "{problem}");
}

#[test]
fn a_key_set_twice_in_one_layer_is_ambiguous() {
    assert_eq!(
        problems(from_environment(&[("STREAM__GROUP", "a"), ("Stream__Group", "b")])),
        ["Stream.Group is set twice in one place, by environment variable STREAM__GROUP and by \
          environment variable Stream__Group"]
    );
    let error = from_file("g.toml", "[http]\nlisten = ':1'\n[Http]\nListen = ':2'").unwrap_err();
    assert!(error.contains("is set twice in one place"), "{error}");
    assert!(error.contains("http.listen (file g.toml)"), "{error}");
    let [problem] =
        &problems(from_environment(&[("Stream__Keys", "a"), ("Stream__Keys__0", "b")]))[..]
    else {
        panic!("expected one problem")
    };
    assert!(problem.contains("Stream__Keys__0"), "{problem}");
}

#[test]
fn assignments_need_section_key_and_value() {
    for (text, expected) in [
        ("Http.Listen", r#""Http.Listen" (flag --set): expected Section.Key=value"#),
        ("Password=hunter2", r#""Password=…" (flag --set): expected Section.Key=value"#),
    ] {
        assert_eq!(problems(from_flags(&[text])), [expected]);
    }
}

#[test]
fn files_that_cannot_be_read() {
    let missing = Sources { file: Some("/nowhere/g.toml".into()), ..Sources::default() };
    let error = Config::load(missing).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the configuration file /nowhere/g.toml");
    for (name, text, expected) in [
        ("g.yaml", "", "configuration file g.yaml: expected a name that ends in .toml or .json"),
        (
            "g.toml",
            "[redis]\nconnection_string = 'h,password=hunter2\n",
            "configuration file g.toml, line 2: not valid TOML: invalid literal string, expected `'`",
        ),
        ("g.json", "{\"a\": }", "configuration file g.json is not valid JSON"),
    ] {
        assert_eq!(from_file(name, text).unwrap_err(), expected);
    }
}

#[cfg(unix)]
#[test]
fn a_variable_of_ours_must_be_unicode() {
    use std::os::unix::ffi::OsStringExt;
    let value = OsString::from_vec(vec![0xff]);
    let environment = vec![("HTTP__LISTEN".into(), value.clone()), ("OTHER".into(), value)];
    let loaded = Config::load(Sources { environment, ..Sources::default() });
    assert_eq!(problems(loaded), ["environment variable HTTP__LISTEN: expected a value in UTF-8"]);
}
