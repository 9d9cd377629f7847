//! `[http]`: who may ask, and over what.
//!
//! Three notations of three predecessors, which may be combined: the `web.config.file` of the
//! Prometheus family, a file of bcrypt hashes, and a list of users with passwords in the clear.
//! Whoever one of them knows is let in. What the files say is read when the gateway starts, and
//! again when they change; here stand only their names.

use std::path::PathBuf;

use super::connection_string::Secret;
use super::settings::Settings;
use super::users::{HIDDEN, pairs, without_passwords};
use super::value::{Names, Raw, Rule, Text};

/// What is asked by those who only want to know whether the gateway lives.
const HEALTH: [&str; 2] = ["/-/healthy", "/-/ready"];

#[derive(Clone, Debug, Default)]
pub struct HttpSecurityConfig {
    /// TLS, users and headers in the format of the Prometheus family.
    pub web_config_file: Option<PathBuf>,
    /// One bcrypt hash a line.
    pub basic_auth_file: Option<PathBuf>,
    pub basic_auth_users: Vec<PlainUser>,
    /// Paths that may be read without credentials.
    pub auth_exempt: Vec<String>,
}

/// A user whose password stands in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainUser {
    pub name: String,
    pub password: Secret,
}

impl HttpSecurityConfig {
    pub(super) fn take(settings: &mut Settings) -> Self {
        Self {
            web_config_file: settings.take_optional("Http.WebConfigFile", Text).map(PathBuf::from),
            basic_auth_file: settings.take_optional("Http.BasicAuthFile", Text).map(PathBuf::from),
            basic_auth_users: settings.take("Http.BasicAuthUsers", PlainUsers, Vec::new()),
            auth_exempt: settings.take("Http.AuthExempt", Exempt, Vec::new()),
        }
    }
}

/// `user=password`, several of them as an array or separated by commas.
struct PlainUsers;

impl Rule for PlainUsers {
    type Value = Vec<PlainUser>;

    fn parse(&self, raw: &Raw) -> Option<Vec<PlainUser>> {
        pairs(raw, |name, password| {
            // In the credentials of a request, a colon ends the name.
            let valid = !name.is_empty() && !name.contains(':') && !password.is_empty();
            valid.then(|| PlainUser { name: name.into(), password: password.into() })
        })
    }

    fn expected(&self) -> String {
        "user=password, several as an array or separated by commas, no colon in a user".into()
    }

    fn show(&self, value: &Vec<PlainUser>) -> String {
        without_passwords(value.iter().map(|user| &*user.name))
    }

    fn show_refused(&self, _raw: &Raw) -> String {
        HIDDEN.into()
    }
}

/// `none`, or `health` and paths.
struct Exempt;

impl Rule for Exempt {
    type Value = Vec<String>;

    fn parse(&self, raw: &Raw) -> Option<Vec<String>> {
        let words = Names.parse(raw)?;
        let mut paths = Vec::new();
        for word in &words {
            match word.as_str() {
                "none" if words.len() == 1 => {}
                "health" => paths.extend(HEALTH.map(str::to_owned)),
                path if path.starts_with('/') => paths.push(path.to_owned()),
                _ => return None,
            }
        }
        Some(paths)
    }

    fn expected(&self) -> String {
        "none, or a list of: health (for /-/healthy and /-/ready), paths that begin with /".into()
    }

    fn show(&self, value: &Vec<String>) -> String {
        match value.is_empty() {
            true => "none".into(),
            false => value.join(","),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Raw {
        Raw::Text(text.into())
    }

    #[test]
    fn users_are_told_from_their_passwords_and_shown_without() {
        let users = PlainUsers.parse(&text("alice=a=b, bob=pa:ss")).expect("valid");
        let pairs: Vec<_> = users.iter().map(|u| (&*u.name, u.password.exposed())).collect();
        assert_eq!(pairs, [("alice", "a=b"), ("bob", "pa:ss")]);
        assert_eq!(PlainUsers.show(&users), "alice=***,bob=***");
        assert!(!format!("{users:?}").contains("pa:ss"), "{users:?}");
        let list = Raw::List(vec!["carol=x,y".into()]);
        assert_eq!(PlainUsers.parse(&list).expect("valid")[0].password.exposed(), "x,y");
        assert_eq!(PlainUsers.parse(&text("")), Some(Vec::new()));
        for refused in ["alice", "=secret", "alice=", "a:b=secret", "alice=secret,bob"] {
            assert_eq!(PlainUsers.parse(&text(refused)), None, "{refused}");
            assert_eq!(PlainUsers.show_refused(&text(refused)), "***");
        }
    }

    #[test]
    fn exempt_are_words_and_paths() {
        for (given, expected) in [
            ("none", Some("none")),
            ("", Some("none")),
            ("health", Some("/-/healthy,/-/ready")),
            ("health,/metrics", Some("/-/healthy,/-/ready,/metrics")),
            ("metrics", None),
            ("none,health", None),
        ] {
            let parsed = Exempt.parse(&text(given)).map(|paths| Exempt.show(&paths));
            assert_eq!(parsed.as_deref(), expected, "{given}");
        }
    }
}
