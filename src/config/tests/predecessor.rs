//! The C# gateway's settings, as its users have them today, must start this one.

use super::*;

const APP_SETTINGS: &str = include_str!("appsettings.json");

/// The environment of its docker-compose.yml, with the key that stands in the wrong section.
const COMPOSE: [(&str, &str); 6] = [
    ("Redis__ConnectionString", "redis:6379"),
    ("Redis__MetricQueueWorkers", "4"),
    ("Redis__MetricQueueDatabase", "0"),
    ("Redis__MetricQueueKey", "prom-stream-gateway:metric-queue"),
    ("Metrics__SortIncomingLabels", "true"),
    ("Metrics__MetricQueuePopCount", "25"),
];

#[test]
fn its_appsettings_loads_without_a_warning() {
    let (config, warnings) = from_file("appsettings.json", APP_SETTINGS).unwrap();
    assert_eq!(warnings, [""; 0]);
    assert_eq!(config.redis.metric_queue_pop_count, 25);
    assert_eq!(config.redis.metric_queue_workers, 2);
    for (key, value) in [
        ("Logging.Level", "info"),
        ("Logging.Format", "json"),
        ("Redis.ConnectionString", "localhost:6379"),
        ("Redis.MetricQueueDatabase", "0"),
        ("Redis.MetricQueueKey", "prom-stream-gateway:metric-queue"),
        ("Metrics.SortIncomingLabels", "true"),
        ("Metrics.DisableMetaMetrics", "false"),
    ] {
        let (shown, origin) = resolved(&config, key);
        assert_eq!(shown, value, "{key}");
        assert!(origin.ends_with("/appsettings.json"), "{key}: {origin}");
    }
}

#[test]
fn its_compose_environment_starts_and_the_misplaced_key_is_explained() {
    let (config, warnings) = from_environment(&COMPOSE).unwrap();
    let expected = Endpoint::Tcp { host: "redis".into(), port: 6379 };
    assert_eq!(config.redis.target.endpoints, [expected]);
    assert_eq!(config.redis.metric_queue_workers, 4);
    assert_eq!(config.redis.metric_queue_pop_count, 1000, "the misplaced key does nothing");
    let warnings: Vec<String> = warnings.iter().map(Warning::to_string).collect();
    assert_eq!(
        warnings,
        ["Metrics.MetricQueuePopCount (environment variable Metrics__MetricQueuePopCount) is not \
          a setting of this gateway and does nothing: Redis.MetricQueuePopCount is meant"]
    );
}

#[test]
fn its_environment_overrides_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("appsettings.json");
    std::fs::write(&file, format!("\u{feff}{APP_SETTINGS}")).unwrap();
    let environment = environment(&COMPOSE);
    let sources = Sources { file: Some(file), environment, ..Sources::default() };
    let (config, _) = Config::load(sources).unwrap();
    assert_eq!(config.redis.metric_queue_workers, 4);
    assert_eq!(config.redis.metric_queue_pop_count, 25);
}

#[test]
fn dotnet_booleans_are_understood() {
    let variables =
        [("Metrics__SortIncomingLabels", "False"), ("Metrics__DisableMetaMetrics", "True")];
    let (config, _) = from_environment(&variables).unwrap();
    assert!(!config.metrics.sort_incoming_labels);
    assert!(config.metrics.disable_meta_metrics);
}

#[test]
fn dotnet_log_settings_stand_in_for_ours() {
    const DEFAULT: &str = "Logging__LogLevel__Default";
    for (variables, level) in [
        (&[(DEFAULT, "Trace")][..], "trace"),
        (&[(DEFAULT, "Debug")], "debug"),
        (&[(DEFAULT, "Information")], "info"),
        (&[(DEFAULT, "Warning")], "warn"),
        (&[(DEFAULT, "Error")], "error"),
        (&[(DEFAULT, "Critical")], "error"),
        (&[(DEFAULT, "None")], "off"),
        (&[(DEFAULT, "Debug"), ("Logging__Level", "error")], "error"),
        (&[("Logging__LogLevel__Microsoft.AspNetCore", "Debug")], "info"),
    ] {
        let (config, warnings) = from_environment(variables).unwrap();
        assert_eq!((config.logging.level.as_str(), warnings), (level, vec![]), "{variables:?}");
    }
    for (name, format) in [("json", LogFormat::Json), ("simple", LogFormat::Text)] {
        let (config, _) = from_environment(&[("Logging__Console__FormatterName", name)]).unwrap();
        assert_eq!(config.logging.format, format);
    }
}

#[test]
fn dotnet_listen_variables_count_when_ours_is_unset() {
    const URLS: &str = "ASPNETCORE_URLS";
    const PORTS: &str = "ASPNETCORE_HTTP_PORTS";
    for (variables, expected) in [
        (&[(URLS, "http://+:8080")][..], ":8080"),
        (&[(URLS, "http://*:8080/")], ":8080"),
        (&[(URLS, "https://+:8443;http://localhost:5000")], "127.0.0.1:5000"),
        (&[(URLS, "http://[::]:8080")], "[::]:8080"),
        (&[(URLS, "http://+")], ":80"),
        (&[(PORTS, "8080;8081")], ":8080"),
        (&[(PORTS, "8080"), (URLS, "http://+:5000")], ":5000"),
        (&[(URLS, "http://+:8080"), ("HTTP__LISTEN", ":9000")], ":9000"),
    ] {
        let (config, warnings) = from_environment(variables).unwrap();
        assert_eq!(config.http.listen.to_string(), expected, "{variables:?}");
        assert_eq!(warnings, []);
    }
    let (config, _) = from_environment(&[(PORTS, "8080")]).unwrap();
    let origin = "environment variable ASPNETCORE_HTTP_PORTS".to_owned();
    assert_eq!(resolved(&config, "Http.Listen"), (":8080".into(), origin));
}

#[test]
fn dotnet_listen_variables_that_cannot_be_followed_are_warnings() {
    for (name, value, expected) in [
        ("ASPNETCORE_URLS", "https://+:8443", "a URL such as http://+:8080 (no https)"),
        ("ASPNETCORE_URLS", "http://gateway.example:80", "a URL such as http://+:8080 (no https)"),
        ("ASPNETCORE_HTTP_PORTS", "http", "a port, such as 8080"),
    ] {
        let (config, warnings) = from_environment(&[(name, value)]).unwrap();
        assert_eq!(config.http.listen.to_string(), ":9091");
        let warnings: Vec<String> = warnings.iter().map(Warning::to_string).collect();
        let message =
            format!("environment variable {name} = {value:?} does nothing: expected {expected}");
        assert_eq!(warnings, [message]);
    }
}
