//! Defaults, spellings, and which layer wins.

use super::*;

#[test]
fn the_defaults() {
    let config = Config::default();
    let mut rows: Vec<String> = config
        .redacted()
        .into_iter()
        .map(|(key, value, origin)| {
            assert_eq!(origin, "default", "{key}");
            format!("{key}={value}")
        })
        .collect();
    rows.sort();
    assert_eq!(
        rows,
        [
            "DeadLetters.MaxBytes=67108864",
            "DeadLetters.MaxLength=10000",
            "DeadLetters.Stream=prom-stream-gateway:dead-letters",
            "Gateway.Identity=default",
            "Http.AllowedHosts=",
            "Http.AuthExempt=none",
            "Http.BasicAuthFile=",
            "Http.BasicAuthUsers=",
            "Http.ConcurrentScrapes=4",
            "Http.CorsOrigins=",
            "Http.ExternalUrl=",
            "Http.HeaderTimeout=75s",
            "Http.LifecycleListen=",
            "Http.Listen=:9091",
            "Http.MaxConnections=512",
            "Http.StallTimeout=30s",
            "Http.WebConfigFile=",
            "Logging.Format=json",
            "Logging.Level=info",
            "Metrics.CreatedSamples=false",
            "Metrics.DisableMetaMetrics=false",
            "Metrics.MaxSeries=1000000",
            "Metrics.SortIncomingLabels=true",
            "Metrics.Utf8Names=false",
            "Push.Dialect=aggregate",
            "Push.EnableAdminApi=false",
            "Push.EnableLifecycle=false",
            "Push.Enabled=true",
            "Push.IdempotencyWindow=10m",
            "Push.Journal=default",
            "Push.MaxBodyBytes=67108864",
            "Push.MaxBufferedBytes=268435456",
            "Push.RequestTimeout=30s",
            "Push.Via=journal",
            "Redis.ConnectionString=localhost:6379",
            "Redis.Listen=auto",
            "Redis.ListenDefault=127.0.0.1:6379",
            "Redis.ListenMaxConnections=10000",
            "Redis.ListenTls=false",
            "Redis.ListenUsers=",
            "Redis.ListenUsersFile=",
            "Redis.MetricQueueDatabase=0",
            "Redis.MetricQueueEnabled=true",
            "Redis.MetricQueueKey=prom-stream-gateway:metric-queue",
            "Redis.MetricQueueKeys=",
            "Redis.MetricQueuePopCount=1000",
            "Redis.MetricQueueWorkers=2",
            "Redis.TlsCaFile=",
            "Redis.TlsCertFile=",
            "Redis.TlsKeyFile=",
            "Snapshot.Interval=5s",
            "Snapshot.Keep=2",
            "Snapshot.LeaseTtl=15s",
            "Snapshot.Url=./data",
            "Stream.BatchSize=1000",
            "Stream.ClaimIdle=5m",
            "Stream.Group=prom-stream-gateway",
            "Stream.Keys=prom-stream-gateway:metric-stream",
            "Stream.Mode=group",
            "Stream.Trim=true",
        ]
    );
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.toml");
    std::fs::write(&file, "[stream]\ngroup = 'file'\nkeys = ['a', 'b']\nbatch_size = 10").unwrap();
    let sources = Sources {
        file: Some(file.clone()),
        environment: environment(&[("STREAM__GROUP", "env"), ("STREAM__KEYS", "c")]),
        flags: set(&["Stream.Group=one", "stream.group=two"]),
    };
    let (config, warnings) = Config::load(sources).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(resolved(&config, "Stream.Group"), ("two".into(), "flag --set".into()));
    assert_eq!(
        resolved(&config, "Stream.Keys"),
        ("c".into(), "environment variable STREAM__KEYS".into())
    );
    assert_eq!(
        resolved(&config, "Stream.BatchSize"),
        ("10".into(), format!("file {}", file.display()))
    );
    assert_eq!(resolved(&config, "Stream.Trim"), ("true".into(), "default".into()));
}

#[test]
fn keys_match_whatever_their_case_and_separators() {
    for name in [
        "Redis__MetricQueueWorkers",
        "REDIS__METRIC_QUEUE_WORKERS",
        "redis__metricqueueworkers",
        "redis__metric-queue-workers",
    ] {
        let (config, warnings) = from_environment(&[(name, "7")]).unwrap();
        assert_eq!((config.redis.metric_queue_workers, warnings), (7, vec![]), "{name}");
    }
    for text in [
        "[redis]\nmetric_queue_workers = 7",
        "[Redis]\nMetricQueueWorkers = \"7\"",
        "redis.metric-queue-workers = 7",
    ] {
        let (config, _) = from_file("gateway.toml", text).unwrap();
        assert_eq!(config.redis.metric_queue_workers, 7, "{text}");
    }
    let (config, _) = from_environment(&[("DEAD_LETTERS__MAX_LENGTH", "5")]).unwrap();
    assert_eq!(config.dead_letters.max_length, 5);
}

#[test]
fn lists_in_every_notation() {
    let expected = ["a", "b"];
    for variables in [
        &[("Stream__Keys", "a, b")][..],
        &[("Stream__Keys", r#"["a", "b"]"#)],
        &[("STREAM__KEYS__1", "b"), ("STREAM__KEYS__0", "a")],
    ] {
        assert_eq!(from_environment(variables).unwrap().0.stream.keys, expected);
    }
    for (name, text) in [
        ("a.toml", "stream.keys = ['a', 'b']"),
        ("a.toml", "stream.keys = 'a,b'"),
        ("a.json", r#"{"Stream": {"Keys": ["a", "b"]}}"#),
        ("a.json", r#"{"Stream:Keys:0": "a", "Stream": {"Keys": {"1": "b"}}}"#),
    ] {
        assert_eq!(from_file(name, text).unwrap().0.stream.keys, expected, "{text}");
    }
    let assignments = ["Stream.Keys.0=a", "Stream.Keys.1=b"];
    assert_eq!(from_flags(&assignments).unwrap().0.stream.keys, expected);
}

#[test]
fn more_than_ten_numbered_items_keep_their_order() {
    let variables: Vec<(String, String)> =
        (0..12).map(|n| (format!("Stream__Keys__{n}"), format!("k{n}"))).collect();
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let keys = from_environment(&variables).unwrap().0.stream.keys;
    assert_eq!(keys, (0..12).map(|n| format!("k{n}")).collect::<Vec<_>>());
}

#[test]
fn several_lists_take_the_place_of_the_one() {
    let of = |flags: &[&str]| from_flags(flags).unwrap().0;
    let config = of(&[]);
    assert_eq!(config.redis.queues(), ["prom-stream-gateway:metric-queue"]);

    let config = of(&["Redis.MetricQueueKeys=a, b"]);
    assert_eq!(config.redis.queues(), ["a", "b"]);
    assert_eq!(resolved(&config, "Redis.MetricQueueKeys"), ("a,b".into(), "flag --set".into()));
    let replaced = (String::new(), "Redis.MetricQueueKeys".into());
    assert_eq!(resolved(&config, "Redis.MetricQueueKey"), replaced);

    let config = of(&["Redis.MetricQueueKeys=a,b", "Redis.MetricQueueKey=b"]);
    assert_eq!(config.redis.queues(), ["a", "b"]);
    assert_eq!(resolved(&config, "Redis.MetricQueueKey"), ("b".into(), "flag --set".into()));

    let config = of(&["Redis.MetricQueueKeys=", "Redis.MetricQueueKey=c"]);
    assert_eq!(config.redis.queues(), ["c"], "an empty list is none");

    let config = of(&["Redis.MetricQueueEnabled=false", "Redis.MetricQueueKeys=a,b"]);
    assert_eq!(config.redis.queues(), [""; 0]);

    let (config, _) = from_file("g.toml", "[redis]\nmetric_queue_keys = ['a', 'b']").unwrap();
    assert_eq!(config.redis.queues(), ["a", "b"]);
    let numbered = [("Redis__MetricQueueKeys__0", "a"), ("Redis__MetricQueueKeys__1", "b")];
    assert_eq!(from_environment(&numbered).unwrap().0.redis.queues(), ["a", "b"]);
}

#[test]
fn the_whole_of_a_toml_file() {
    let (config, warnings) = from_file(
        "gateway.toml",
        "\u{feff}gateway.identity = 'blue'
        [http]
        listen = '[::1]:8080'
        [redis]
        connection_string = 'redis://redis/1'
        metric_queue_enabled = false
        [stream]
        mode = 'reader'
        claim_idle = 90
        trim = false
        [snapshot]
        url = 's3://bucket/state'
        interval = '00:00:10'
        keep = 3
        [metrics]
        sort_incoming_labels = false
        [dead_letters]
        stream = 'dead'
        [logging]
        level = 'info,prom_stream_gateway::source=debug'
        format = 'text'",
    )
    .unwrap();
    assert_eq!(warnings, [""; 0]);
    assert_eq!(config.gateway.identity, "blue");
    assert_eq!(config.http.listen.to_string(), "[::1]:8080");
    assert_eq!(config.redis.target.database, 1);
    assert!(!config.redis.metric_queue_enabled);
    assert_eq!(config.stream.mode, StreamMode::Reader);
    assert_eq!(config.stream.claim_idle, Duration::from_secs(90));
    assert!(!config.stream.trim);
    assert_eq!(config.snapshot.url.to_string(), "s3://bucket/state");
    assert_eq!(config.snapshot.interval, Duration::from_secs(10));
    assert_eq!(config.snapshot.keep, 3);
    assert!(!config.metrics.sort_incoming_labels);
    assert_eq!(config.dead_letters.stream, "dead");
    assert_eq!(config.logging.level, "info,prom_stream_gateway::source=debug");
    assert_eq!(config.logging.format, LogFormat::Text);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let variables = [("Redis__MetricQueueWorkers", ""), ("Stream__Keys", " "), ("Http__Bogus", "")];
    let (config, warnings) = from_environment(&variables).unwrap();
    assert_eq!(config.redis.metric_queue_workers, 2);
    assert_eq!(config.stream.keys, ["prom-stream-gateway:metric-stream"]);
    assert_eq!(warnings, []);
}

#[test]
fn variables_of_others_are_theirs() {
    let variables = [
        ("REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("HTTP_PROXY", "http://proxy"),
        ("http", "x"),
        ("OTHER__KEY", "x"),
        ("__", "x"),
    ];
    assert_eq!(from_environment(&variables).unwrap().1, []);
}

#[test]
fn the_database_of_the_setting_wins_over_the_connection_string() {
    const STRING: (&str, &str) = ("Redis__ConnectionString", "h,defaultDatabase=4");
    const KEY: &str = "Redis__MetricQueueDatabase";
    for (variables, database, origin) in [
        (&[][..], 0, "default".to_owned()),
        (&[STRING], 4, "Redis.ConnectionString".into()),
        (&[STRING, (KEY, "0")], 0, format!("environment variable {KEY}")),
        (&[STRING, (KEY, "2")], 2, format!("environment variable {KEY}")),
        (&[STRING, (KEY, "-1")], 4, "Redis.ConnectionString".into()),
    ] {
        let (config, warnings) = from_environment(variables).unwrap();
        assert_eq!(config.redis.target.database, database, "{variables:?}");
        let shown = resolved(&config, "Redis.MetricQueueDatabase");
        assert_eq!(shown, (database.to_string(), origin), "{variables:?}");
        assert_eq!(warnings, []);
    }
}

#[test]
fn listen_addresses() {
    for (text, expected) in [
        ("127.0.0.1:80", "127.0.0.1:80"),
        (":9091", ":9091"),
        ("8080", ":8080"),
        ("0.0.0.0:1", "0.0.0.0:1"),
        ("*:0", ":0"),
        ("localhost:1", "127.0.0.1:1"),
        ("[::]:9091", "[::]:9091"),
    ] {
        let (config, _) = from_flags(&[&format!("Http.Listen={text}")]).unwrap();
        assert_eq!(config.http.listen.to_string(), expected, "{text}");
    }
}

#[test]
fn log_levels_of_both_worlds() {
    for (text, expected) in [
        ("debug", "debug"),
        ("WARN", "warn"),
        ("Trace", "trace"),
        ("Information", "info"),
        ("Warning", "warn"),
        ("Critical", "error"),
        ("None", "off"),
        ("off", "off"),
        ("warn,tower=debug", "warn,tower=debug"),
    ] {
        let (config, _) = from_flags(&[&format!("Logging.Level={text}")]).unwrap();
        assert_eq!(config.logging.level, expected, "{text}");
    }
}

#[test]
fn no_secret_is_printed() {
    let (config, _) = from_flags(&[
        "Redis.ConnectionString=h,password=hunter2",
        "Snapshot.Url=s3://hunter2:hunter2@bucket/path?token=hunter2",
    ])
    .unwrap();
    assert_eq!(resolved(&config, "Redis.ConnectionString").0, "h:6379,password=***");
    assert_eq!(resolved(&config, "Snapshot.Url").0, "s3://***@bucket/path?***");
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
}

#[test]
fn tls_files_travel_with_the_target() {
    let (config, warnings) = from_flags(&[
        "Redis.ConnectionString=h,ssl=true",
        "Redis.TlsCaFile=/ca.pem",
        "Redis.TlsCertFile=/cert.pem",
        "Redis.TlsKeyFile=/key.pem",
    ])
    .unwrap();
    let files = &config.redis.target.tls_files;
    assert_eq!(files.ca_file.as_deref(), Some(Path::new("/ca.pem")));
    assert_eq!(files.cert_file.as_deref(), Some(Path::new("/cert.pem")));
    assert_eq!(files.key_file.as_deref(), Some(Path::new("/key.pem")));
    assert_eq!(warnings, []);

    let (config, warnings) = from_flags(&["Redis.TlsCaFile=/ca.pem", "Redis.TlsKeyFile="]).unwrap();
    assert_eq!(config.redis.target.tls_files.key_file, None);
    let [Warning::WithoutTls { key: "Redis.TlsCaFile", .. }] = &warnings[..] else {
        panic!("expected one warning, got {warnings:?}")
    };
}

#[test]
fn origins_are_what_browsers_send() {
    for (text, expected) in [
        ("", &[][..]),
        ("*", &["*"]),
        ("https://Shop.Example/", &["https://shop.example"]),
        ("https://a:443, http://localhost:3000", &["https://a", "http://localhost:3000"]),
        (r#"["http://b:80"]"#, &["http://b"]),
    ] {
        let (config, _) = from_flags(&[&format!("Http.CorsOrigins={text}")]).unwrap();
        assert_eq!(config.http.cors_origins, expected, "{text}");
    }
}

#[test]
fn host_names_are_what_browsers_ask_for() {
    for (text, expected) in [
        ("", &[][..]),
        ("Gateway, metrics.example.org.", &["gateway", "metrics.example.org"]),
        (r#"["bücher.example"]"#, &["xn--bcher-kva.example"]),
    ] {
        let (config, _) = from_flags(&[&format!("Http.AllowedHosts={text}")]).unwrap();
        assert_eq!(config.http.allowed_hosts, expected, "{text}");
    }
}
