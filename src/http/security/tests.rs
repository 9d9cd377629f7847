//! What a reload changes, and what it leaves.

use std::path::Path;

use super::*;
use crate::config::PlainUser;

fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).expect("a valid cost")
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
}

struct Fixture {
    directory: tempfile::TempDir,
    status: Status,
    config: HttpSecurityConfig,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let config = HttpSecurityConfig {
            web_config_file: Some(directory.path().join("web.yml")),
            basic_auth_file: Some(directory.path().join("hashes")),
            basic_auth_users: vec![PlainUser { name: "a".into(), password: "b".into() }],
            auth_exempt: Vec::new(),
        };
        let fixture = Self { directory, status: Status::new(), config };
        fixture.write("web.yml", &format!("basic_auth_users: {{alice: {}}}", hash("x")));
        fixture.write("hashes", &format!("# Two.\n\n  {}  \n{}\n", hash("x"), hash("y")));
        fixture
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.directory.path().join(name), text);
    }

    fn load(&self) -> Result<Security, String> {
        let loaded = Security::load(self.config.clone(), self.status.clone());
        loaded.map_err(|error| error.to_string())
    }

    fn error(&self) -> Option<String> {
        self.status.report().web_config_error
    }
}

#[tokio::test]
async fn three_kinds_of_users_are_added_up() {
    let security = Fixture::new().load().expect("valid");
    assert_eq!(security.describe(), "plain HTTP, 4 users and passwords");
    assert_eq!(Security::default().describe(), "plain HTTP, no passwords");
}

#[tokio::test]
async fn what_cannot_be_used_ends_the_start() {
    for (name, text, part) in [
        ("web.yml", "nonsense: 1", "Http.WebConfigFile "),
        (
            "web.yml",
            "basic_auth_users: {alice: plain}",
            "what stands for \"alice\" is not a bcrypt",
        ),
        ("web.yml", "tls_server_config: {cert: x, key: y}", "tls_server_config: "),
        ("hashes", "", "holds no bcrypt hash"),
        ("hashes", "# None.\n", "holds no bcrypt hash"),
        ("hashes", "\n$2y$hunter2\n", "line 2 is not a bcrypt hash"),
    ] {
        let fixture = Fixture::new();
        fixture.write(name, text);
        let error = fixture.load().err().unwrap_or_else(|| panic!("{text:?} is taken"));
        assert!(error.contains(part) && error.contains(name), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let fixture = Fixture::new();
    std::fs::remove_file(fixture.directory.path().join("hashes")).expect("it is there");
    let error = fixture.load().err().expect("one is missing");
    assert!(error.contains("hashes: No such file"), "{error}");
}

#[tokio::test]
async fn a_changed_file_counts_and_a_broken_one_changes_nothing() {
    let fixture = Fixture::new();
    let security = fixture.load().expect("valid");
    let before = security.rules();
    security.reload_if_changed().await;
    assert!(Arc::ptr_eq(&before, &security.rules()), "nothing has changed");

    fixture.write("hashes", &hash("z"));
    security.reload_if_changed().await;
    assert_eq!(security.describe(), "plain HTTP, 3 users and passwords");

    let before = security.rules();
    fixture.write("web.yml", "basic_auth_users: {alice: broken}");
    security.reload_if_changed().await;
    assert!(Arc::ptr_eq(&before, &security.rules()));
    let error = fixture.error().expect("told to the status");
    assert!(error.contains("\"alice\""), "{error}");
    security.reload().await.expect_err("still broken");

    // Any of the files may be what corrects it, also one that is new.
    fixture.write("web.yml", "tls_server_config: {cert_file: new.crt, key_file: new.key}");
    security.reload_if_changed().await;
    assert!(fixture.error().expect("still broken").contains("new.crt"));
    fixture.write("new.crt", include_str!("../tls/fixture/certificate.pem"));
    security.reload_if_changed().await;
    assert!(fixture.error().expect("still broken").contains("new.key"));
    fixture.write("new.key", include_str!("../tls/fixture/key.pem"));
    security.reload_if_changed().await;
    assert_eq!(fixture.error(), None);
    assert_eq!(security.describe(), "TLS, 2 users and passwords");
}

#[tokio::test]
async fn a_reload_does_not_open_the_gateway() {
    let mut fixture = Fixture::new();
    fixture.config.basic_auth_users.clear();
    fixture.config.basic_auth_file = None;
    fixture.write("a.crt", include_str!("../tls/fixture/certificate.pem"));
    fixture.write("a.key", include_str!("../tls/fixture/key.pem"));
    let tls = "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n";
    let users = format!("basic_auth_users:\n  alice: {}\n", hash("x"));
    let mutual = "  client_auth_type: RequireAnyClientCert\n";
    for (before, after, ends) in [
        (users.clone(), String::new(), Some("the need of a password")),
        (format!("{tls}{users}"), users.clone(), Some("TLS")),
        (format!("{tls}{mutual}"), tls.into(), Some("the need of a client certificate")),
        (String::new(), users.clone(), None),
        (users.clone(), format!("{tls}{users}"), None),
    ] {
        fixture.write("web.yml", &before);
        let security = fixture.load().expect("valid");
        let in_force = security.describe();
        fixture.write("web.yml", &after);
        let error = security.reload().await.err().map(|error| error.to_string());
        let expected =
            ends.map(|what| format!("{what} would end: a restart does that, a reload does not"));
        assert_eq!(error, expected, "{before} → {after}");
        assert_eq!(security.describe() == in_force, ends.is_some());
    }
}
