//! Deployments of the C# gateway start this one unchanged.

use std::fs;

use crate::harness::{Gateway, LIST, RedisServer, turn};

/// What the predecessor's producers push.
const EVENT: &str =
    r#"{"type":"Counter","name":"requests_total","value":1,"labels":{"b":"2","a":"1"}}"#;

#[track_caller]
fn assert_works(redis: &RedisServer, queue: &str, gateway: &Gateway) {
    redis.run::<u64>(&["LPUSH", queue, EVENT]);
    gateway.wait_value("requests_total", &[("a", "1"), ("b", "2")], 1.0);
    assert!(gateway.page().value("prom_stream_gateway_info", &[]).is_some(), "{}", gateway.text());
}

#[test]
fn the_compose_environment() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::bare()
        .set("Redis__ConnectionString", &redis.address())
        .set("Redis__MetricQueueWorkers", "4")
        .set("Redis__MetricQueueDatabase", "0")
        .set("Redis__MetricQueueKey", LIST)
        .set("Metrics__SortIncomingLabels", "true")
        // The predecessor's own compose file has it here, where nothing reads it.
        .set("Metrics__MetricQueuePopCount", "25")
        .start();
    assert_works(&redis, LIST, &gateway);
}

#[test]
fn every_setting_of_the_environment() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::bare()
        .set("REDIS__CONNECTION_STRING", &format!("{},abortConnect=false", redis.address()))
        .set("Redis__MetricQueueWorkers", "2")
        .set("Redis__MetricQueueKey", "another-queue")
        .set("Redis__MetricQueuePopCount", "25")
        .set("Metrics__SortIncomingLabels", "false")
        .set("Metrics__DisableMetaMetrics", "true")
        .start();
    assert_works(&redis, "another-queue", &gateway);
    let text = gateway.text();
    assert!(!text.contains("processed_metrics_total"), "meta metrics are disabled:\n{text}");
    assert!(text.contains(r#"requests_total{b="2",a="1"} 1"#), "labels as they came:\n{text}");
}

#[test]
fn another_database() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::bare()
        .set("Redis__ConnectionString", &redis.address())
        .set("Redis__MetricQueueDatabase", "3")
        .start();
    redis.run::<u64>(&["LPUSH", LIST, EVENT]);
    redis.run::<bool>(&["MOVE", LIST, "3"]);
    gateway.wait_value("requests_total", &[("a", "1"), ("b", "2")], 1.0);
}

#[test]
fn appsettings_json() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let gateway = Gateway::bare();
    let file = gateway.directory().join("appsettings.json");
    let settings = format!(
        r#"{{
  "Logging": {{ "LogLevel": {{ "Default": "Information", "Microsoft.AspNetCore": "Warning" }} }},
  "AllowedHosts": "*",
  "Redis": {{
    "ConnectionString": "{}",
    "MetricQueueKey": "queue-of-file",
    "MetricQueueDatabase": 0,
    "MetricQueueWorkers": 2,
    "MetricQueuePopCount": 25
  }},
  "Metrics": {{ "SortIncomingLabels": true, "DisableMetaMetrics": false }}
}}"#,
        redis.address()
    );
    fs::write(&file, settings).expect("the directory can be written to");
    let path = file.display().to_string();
    let gateway = gateway.argument("--config").argument(&path).start();
    assert_works(&redis, "queue-of-file", &gateway);
}
