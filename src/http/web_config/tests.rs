//! Files that are taken, and files that are refused, by table.

use super::*;

fn read(text: &str) -> Result<WebConfig, String> {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["a.crt", "a.key"] {
        std::fs::write(directory.path().join(name), name).expect("written");
    }
    let file = directory.path().join("web.yml");
    std::fs::write(&file, text).expect("written");
    WebConfig::read(&file, &mut Files::default()).map_err(|error| error.to_string())
}

#[test]
fn everything_can_be_said() {
    let config = read(
        "# A comment.\n\
         tls_server_config:\n  cert_file: a.crt\n  key: |\n    line\n    line\n\
         \x20 client_auth_type: RequireClientCert\n  client_ca_file: a.key\n\
         \x20 client_allowed_sans: [x, y]\n  min_version: TLS12\n  max_version: TLS13\n\
         \x20 cipher_suites:\n    - A\n  prefer_server_cipher_suites: true\n\
         \x20 curve_preferences: [X25519]\n\
         http_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: sameorigin\n\
         \x20   Strict-Transport-Security: max-age=1; preload\n    X-XSS-Protection:\n\
         basic_auth_users:\n  alice: $2y$10$x\n  123: hash\n",
    )
    .expect("valid");
    let tls = config.tls.expect("a section");
    assert_eq!(tls.certificate, b"a.crt", "relative to the file");
    assert_eq!(tls.key, b"line\nline\n");
    assert_eq!(tls.client_ca.as_deref(), Some(&b"a.key"[..]));
    assert_eq!(tls.client_auth_type, ClientAuthType::RequireAnyClientCert);
    assert_eq!(tls.client_allowed_sans, Some(vec!["x".into(), "y".into()]));
    assert_eq!(
        (tls.min_version, tls.max_version),
        (Some(TlsVersion::Tls12), Some(TlsVersion::Tls13))
    );
    assert_eq!(tls.cipher_suites, ["A"]);
    assert_eq!(tls.curve_preferences, ["X25519"]);
    let headers: Vec<_> = config.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(headers, ["strict-transport-security", "x-frame-options"]);
    let users: Vec<_> = config.users.into_iter().collect();
    assert_eq!(users, [("123".into(), "hash".into()), ("alice".into(), "$2y$10$x".into())]);
}

#[test]
fn nothing_need_be_said() {
    for text in ["", "# Nothing.\n", "{}", "basic_auth_users:\n", "http_server_config: {}"] {
        let config = read(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert!(config.tls.is_none() && config.users.is_empty() && config.headers.is_empty());
    }
}

#[test]
fn mistakes_are_named() {
    for (text, part) in [
        ("tls_config: {}", "tls_config"),
        ("rate_limit: {burst: 1}", "rate_limit"),
        ("tls_server_config: {cert_fil: a.crt}", "cert_fil"),
        ("http_server_config: {http3: true}", "http3"),
        ("basic_auth_users: [alice]", "not a valid web configuration"),
        ("basic_auth_users: {a: x, a: y}", "not a valid web configuration"),
        ("tls_server_config: {", "not a valid web configuration"),
        ("tls_server_config: {}", "expected cert_file or cert"),
        ("tls_server_config: {cert_file: a.crt}", "expected key_file or key"),
        ("tls_server_config: {cert_file: a.crt, cert: x, key: x}", "cert_file and cert are both"),
        ("tls_server_config: {cert_file: no.crt, key: x}", "no.crt: No such file"),
        ("tls_server_config: {client_auth_type: Always}", "RequireAndVerifyClientCert"),
        ("tls_server_config: {min_version: TLS10}", "TLS12"),
        ("http_server_config: {headers: {Server: x}}", "\"Server\" cannot be set"),
        ("http_server_config: {headers: {X-Frame-Options: all}}", "expected deny or sameorigin"),
        ("http_server_config: {headers: {X-XSS-Protection: \"a\\nb\"}}", "visible ASCII"),
    ] {
        let error = read(text).err().unwrap_or_else(|| panic!("{text} is taken"));
        assert!(error.contains(part), "{part:?} in {error:?}");
    }
}

#[test]
fn errors_do_not_show_secrets() {
    for text in [
        "tls_server_config:\n  key: hunter2\n  kee: hunter2\n",
        "basic_auth_users:\n  alice: [hunter2]\n",
        "basic_auth_users:\n  - alice: hunter2\n",
        "basic_auth_users: hunter2\n",
        "tls_server_config: hunter2\n",
        "basic_auth_users:\n  alice: hunter2\n  alice: hunter2\n",
        "basic_auth_users:\n  alice: \"hunter2\nbob: x\n",
        "tls_server_config: {client_allowed_sans: hunter2}",
        "tls_server_config: {prefer_server_cipher_suites: hunter2}",
    ] {
        let error = read(text).expect_err("a mistake");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
