//! Scripts with curl, written for three gateways.

use std::process::Command;

use super::{expect, runner};

#[track_caller]
fn run(port: u16, gateway: &str) {
    let mut command = Command::new("sh");
    command.arg(runner::script("curl.sh")).arg(format!("127.0.0.1:{port}")).arg(gateway);
    let output = runner::run(&mut command);
    assert!(output.status.success(), "{gateway}: {output:?}");
}

pub(super) fn pushgateway(port: u16) {
    run(port, "pushgateway");
    let db1 = |table: &'static str| [("job", "backup"), ("instance", "db1"), ("table", table)];
    expect(
        port,
        "curl_",
        &[],
        &[
            ("curl_backup_size_bytes", &[("job", "backup"), ("instance", "")], 3.25),
            ("curl_rows", &db1("users"), 42.0),
            ("curl_duration_seconds", &db1("")[..2], 2398.283),
            ("curl_put", &[("job", "backup/db"), ("instance", "")], 1.0),
        ],
    );
}

pub(super) fn gravel(port: u16) {
    run(port, "gravel");
    expect(
        port,
        "curl_",
        &[],
        &[
            ("curl_requests_total", &[], 6.0),
            ("curl_last_total", &[], 3.0),
            ("curl_workers", &[], 4.0),
            ("curl_temperature", &[], 20.0),
            ("curl_version", &[("version", "0.0.2")], 1.0),
            ("curl_lookups", &[("job", "dns"), ("zone", "example.org")], 1.0),
        ],
    );
}

pub(super) fn aggregation(port: u16) {
    run(port, "aggregation");
    let nginx = [("domain", "example.org"), ("instance", "nginx-1")];
    let with = |code: &'static str| [nginx[0], nginx[1], ("code", code)];
    expect(
        port,
        "curl_",
        &[],
        &[
            ("curl_requests_total", &[("method", "post"), ("code", "200")], 2054.0),
            ("curl_hits_total", &with("200"), 20.0),
            ("curl_errors_total", &with("500"), 12.0),
            ("curl_tabs", &[("job", "browser")], 4.0),
        ],
    );
}
