//! Certificates and users that change while connections stand.

use rustix::process::Signal;

use super::*;
use crate::harness::tls_client::TlsClient;
use crate::harness::turn;

fn basic(gateway: &Gateway, user: &str) -> u16 {
    curl(gateway, "https", PAGE, &["-k", "-u", user]).status
}

fn install(gateway: &Gateway, certificates: &Certificates) {
    for (name, path) in [("now.crt", &certificates.certificate), ("now.key", &certificates.key)] {
        let text = std::fs::read_to_string(path).expect("openssl has written it");
        write(gateway.directory(), name, &text);
    }
}

#[test]
fn a_new_certificate_and_new_users_count_at_once_and_connections_stay() {
    let _turn = turn::shared();
    let ((_old_directory, old), (_new_directory, new)) = (authority(), authority());
    let users = |password: &str| format!("basic_auth_users: {{alice: '{}'}}\n", hash(password));
    let files = "tls_server_config: {cert_file: now.crt, key_file: now.key}\n";
    let mut gateway = gateway(&format!("{files}{}", users("before")));
    install(&gateway, &old);
    gateway.launch();
    let mut before = wait_for("the first certificate", DEADLINE, || {
        TlsClient::connect(gateway.port(), &old.authority).map_err(|error| error.to_string())
    });
    // alice:before and alice:after
    let (first, second) =
        ("Authorization: Basic YWxpY2U6YmVmb3Jl\r\n", "Authorization: Basic YWxpY2U6YWZ0ZXI=\r\n");
    assert_eq!(before.get(PAGE, first).expect("an answer"), 200);
    assert_eq!(before.get(PAGE, second).expect("an answer"), 401);

    install(&gateway, &new);
    wait_for("the second certificate", DEADLINE, || {
        TlsClient::connect(gateway.port(), &new.authority).map_err(|error| error.to_string())
    });
    TlsClient::connect(gateway.port(), &old.authority).err().expect("the first is gone");
    assert_eq!(before.get(PAGE, first).expect("the connection stands"), 200);

    write(gateway.directory(), "web.yml", &format!("{files}{}", users("after")));
    wait_for("the new password", DEADLINE, || match before.get(PAGE, second) {
        Ok(200) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(before.get(PAGE, first).expect("the same connection"), 401, "forgotten");
}

#[test]
fn a_broken_file_changes_nothing_and_is_told_of() {
    let _turn = turn::shared();
    let (_directory, own) = authority();
    let good = format!("{}basic_auth_users: {{alice: '{}'}}\n", tls(&own, ""), hash("wonder"));
    let gateway = launched(gateway(&good));
    let page = |path: &str| curl(&gateway, "https", path, &["-k", "-u", "alice:wonder"]).text;
    let failed = |path: &str, part: &str| {
        wait_for(&format!("{part} on {path}"), DEADLINE, || match page(path) {
            text if text.contains(part) => Ok(()),
            text => Err(text),
        });
    };
    failed("/-/metrics", "prom_stream_gateway_web_config_reload_failed 0\n");
    for broken in [
        "",
        "tls_server_config: {cert_file",
        "basic_auth_users: {mallory: x}",
        &good.replace("cert_file", "cert_fil"),
        &good.replace("alice", "alice: x\n  bob"),
    ] {
        write(gateway.directory(), "web.yml", broken);
        failed("/-/metrics", "prom_stream_gateway_web_config_reload_failed 1\n");
        assert_eq!(basic(&gateway, "alice:wonder"), 200);
        assert_eq!(basic(&gateway, "mallory:x"), 401);
        failed("/api/v1/status", "\"web_config_error\":\"");
        // It lives, whatever the file says now.
        let healthy = gateway.command(&["healthcheck"]);
        assert!(healthy.status.success(), "{broken}: {healthy:?}");
        write(gateway.directory(), "web.yml", &good);
        failed("/-/metrics", "prom_stream_gateway_web_config_reload_failed 0\n");
    }
    assert!(gateway.log().contains("stay in force"), "{}", gateway.log());
}

#[test]
fn a_hangup_and_an_order_read_the_files_and_end_nothing() {
    let _turn = turn::shared();
    let users = format!("basic_auth_users: {{alice: '{}'}}\n", hash("wonder"));
    let gateway = launched(gateway(&users).set("Push__EnableLifecycle", "true"));
    // A gateway that serves listens to the signal.
    assert_eq!(curl(&gateway, "http", PAGE, &["-u", "alice:wonder"]).status, 200);
    for count in 1..=2 {
        gateway.signal(Signal::HUP);
        wait_for("the reload", DEADLINE, || {
            match gateway.log().matches("TLS and user files read again").count() {
                reloads if reloads >= count => Ok(()),
                reloads => Err(format!("{reloads} reloads")),
            }
        });
        assert_eq!(curl(&gateway, "http", PAGE, &["-u", "alice:wonder"]).status, 200);
    }
    let order = |user| curl(&gateway, "http", "/-/reload", &["-X", "PUT", "-u", user]);
    let changed = users.replace("{", &format!("{{bob: '{}', ", hash("build")));
    write(gateway.directory(), "web.yml", &changed);
    assert_eq!(order("alice:wonder").status, 200);
    assert_eq!(order("bob:build").status, 200, "in force with the answer");
    write(gateway.directory(), "web.yml", &changed.replace("basic", "base"));
    let refused = order("bob:build");
    assert_eq!(refused.status, 500, "{refused:?}");
    assert!(refused.text.contains("base_auth_users"), "{refused:?}");
}
