//! TLS and client certificates.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;

use super::*;
use crate::harness::ports::free_port;
use crate::harness::process::Process;
use crate::harness::{http, turn};

#[test]
fn tls_is_served_and_nothing_else() {
    let _turn = turn::shared();
    let (_directory, own) = authority();
    let (_other_directory, other) = authority();
    let headers = "http_server_config: {headers: {Strict-Transport-Security: max-age=60}}\n";
    let gateway = launched(gateway(&(tls(&own, "  min_version: TLS12\n") + headers)));
    let (ca, wrong) = (own.authority.display().to_string(), other.authority.display().to_string());
    for arguments in [&["--cacert", &ca][..], &["--cacert", &ca, "--tls-max", "1.2"]] {
        let seen = curl(&gateway, "https", PAGE, arguments);
        assert_eq!((seen.code, seen.status), (0, 200), "{arguments:?}: {seen:?}");
        assert!(seen.text.contains("strict-transport-security: max-age=60"), "{seen:?}");
        assert!(seen.text.starts_with("HTTP/1.1 "), "{seen:?}");
    }
    // 60: the server's certificate is not known.
    assert_eq!(curl(&gateway, "https", PAGE, &["--cacert", &wrong]).code, 60);
    let plain = curl(&gateway, "http", PAGE, &[]);
    assert!(plain.code != 0 && plain.status == 0, "{plain:?}");
    let healthy = gateway.command(&["healthcheck"]);
    assert!(healthy.status.success(), "{healthy:?}");
}

#[test]
fn old_clients_are_refused_where_only_tls_1_3_is_served() {
    let _turn = turn::shared();
    let (_directory, own) = authority();
    let gateway = launched(gateway(&tls(&own, "  min_version: TLS13\n")));
    assert_eq!(curl(&gateway, "https", PAGE, &["-k"]).status, 200);
    // 35: no agreement.
    assert_eq!(curl(&gateway, "https", PAGE, &["-k", "--tls-max", "1.2"]).code, 35);
}

#[test]
fn client_certificates_are_asked_for_as_configured() {
    let _turn = turn::shared();
    let (directory, own) = authority();
    let (other_directory, _other) = authority();
    let names = "DNS:job.example,URI:spiffe://example/job";
    let known = certificates::issue(directory.path(), "client", names);
    let stranger = certificates::issue(other_directory.path(), "client", names);
    let ca = format!("  client_ca_file: {}\n", own.authority.display());
    let verify = format!("  client_auth_type: RequireAndVerifyClientCert\n{ca}");
    for (section, none, of_stranger, of_known) in [
        ("".to_owned(), true, true, true),
        ("  client_auth_type: RequestClientCert\n".to_owned(), true, true, true),
        ("  client_auth_type: RequireAnyClientCert\n".to_owned(), false, true, true),
        (format!("  client_auth_type: VerifyClientCertIfGiven\n{ca}"), true, false, true),
        (verify.clone(), false, false, true),
        (format!("{verify}  client_allowed_sans: ['spiffe://example/job']\n"), false, false, true),
        (format!("{verify}  client_allowed_sans: [other.example]\n"), false, false, false),
    ] {
        let gateway = launched(gateway(&tls(&own, &section)));
        for version in ["1.2", "1.3"] {
            for (client, expected) in
                [(None, none), (Some(&stranger), of_stranger), (Some(&known), of_known)]
            {
                let mut arguments = vec!["-k".to_owned(), "--tls-max".into(), version.into()];
                if let Some(client) = client {
                    let [certificate, key] =
                        [&client.certificate, &client.key].map(|path| path.display().to_string());
                    arguments.extend(["--cert".into(), certificate, "--key".into(), key]);
                }
                let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
                let seen = curl(&gateway, "https", PAGE, &arguments);
                let case = format!("{section}{version} {arguments:?}: {seen:?}");
                assert_eq!(seen.status == 200, expected, "{case}");
                assert_eq!(seen.code == 0, expected, "{case}");
            }
        }
        // It has no certificate; a refusal is a sign of life, and no more.
        let alive = gateway.command(&["healthcheck"]);
        assert!(alive.status.success(), "{section}: {alive:?}");
        if !none {
            let ready = gateway.command(&["healthcheck", "--ready"]);
            assert_eq!(ready.status.code(), Some(1), "{section}: {ready:?}");
        }
    }
}

#[test]
fn handshakes_that_never_finish_are_cut_and_keep_nobody_waiting() {
    let _turn = turn::shared();
    let (_directory, own) = authority();
    let gateway = launched(gateway(&tls(&own, "")).set("Http__HeaderTimeout", "3s"));
    let connect = |number: usize| {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).expect("it listens");
        if number % 2 == 1 {
            // The beginning of a greeting.
            stream.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00]).expect("it is open");
        }
        stream.set_read_timeout(Some(DEADLINE)).expect("a limit");
        stream
    };
    let idle: Vec<_> = (0..200).map(connect).collect();
    for _ in 0..3 {
        let seen = curl(&gateway, "https", PAGE, &["-k"]);
        assert_eq!(seen.status, 200, "beside 200 that say nothing: {seen:?}");
    }
    for (number, mut stream) in idle.into_iter().enumerate() {
        let mut rest = Vec::new();
        let end = stream.read_to_end(&mut rest).map_err(|error| error.kind());
        let closed = matches!(end, Ok(_) | Err(ErrorKind::ConnectionReset));
        assert!(closed, "connection {number} is still open: {end:?}");
    }
}

#[test]
fn prometheus_scrapes_over_tls_with_a_password() {
    let _turn = turn::shared();
    let (directory, own) = authority();
    let client = certificates::issue(directory.path(), "prometheus", "DNS:prometheus");
    let section = format!(
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {}\n",
        own.authority.display()
    );
    let users = format!("basic_auth_users: {{prometheus: {}}}\n", hash("scrape"));
    let gateway = launched(gateway(&(tls(&own, &section) + &users)));
    let port = free_port();
    let target = |job: &str, password: &str| {
        format!(
            "  - job_name: {job}\n    scheme: https\n    metrics_path: /-/metrics\n    \
             basic_auth: {{username: prometheus, password: {password}}}\n    \
             tls_config: {{ca_file: {}, cert_file: {}, key_file: {}}}\n    \
             static_configs: [{{targets: ['127.0.0.1:{}']}}]\n",
            own.authority.display(),
            client.certificate.display(),
            client.key.display(),
            gateway.port()
        )
    };
    let configuration = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n{}{}",
        target("right", "scrape"),
        target("wrong", "guess")
    );
    let file = directory.path().join("prometheus.yml");
    std::fs::write(&file, configuration).expect("the directory can be written to");
    let mut command = Command::new("prometheus");
    command.arg(format!("--config.file={}", file.display()));
    command.arg(format!("--storage.tsdb.path={}", directory.path().join("tsdb").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let _prometheus = Process::spawn(&mut command, &directory.path().join("log"));
    for (job, up) in [("right", "1"), ("wrong", "0")] {
        wait_for(&format!("up of {job} = {up}"), DEADLINE, || {
            let query = format!("/api/v1/query?query=up%7Bjob%3D%22{job}%22%7D");
            let answer = http::get(port, &query).map_err(|error| error.to_string())?;
            let json: Value =
                serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
            match &json["data"]["result"][0]["value"][1] {
                found if found == up => Ok(()),
                _ => Err(answer.body),
            }
        });
    }
}
