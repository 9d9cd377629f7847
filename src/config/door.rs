//! `[redis]`, where producers connect to the gateway itself: `Redis.Listen` and who may push there.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::connection_string::Secret;
use super::listen::{Listen, NotAnAddress};
use super::settings::Settings;
use super::users::{HIDDEN, pairs, without_passwords};
use super::value::{Bool, Raw, Rule, Text, Whole};

/// A producer that logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorUser {
    pub name: String,
    pub password_sha256: [u8; 32],
    /// The keys it may push to; `None`: all of them.
    pub keys: Option<Vec<String>>,
}

impl DoorUser {
    /// The password, or `sha256:` and the hexadecimal digits of its hash.
    pub fn new(name: &str, password: &Secret, keys: Option<Vec<String>>) -> Option<Self> {
        let password = password.exposed();
        let password_sha256 = match password.strip_prefix("sha256:") {
            Some(digits) => from_hexadecimal(digits)?,
            None if password.is_empty() => return None,
            None => Sha256::digest(password).into(),
        };
        let valid = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        valid.then(|| Self { name: name.into(), password_sha256, keys })
    }
}

fn from_hexadecimal(digits: &str) -> Option<[u8; 32]> {
    let valid = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
    bytes.filter(|_| valid)?.try_into().ok()
}

/// Where producers connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DoorPlace {
    Tcp(Listen),
    Unix(PathBuf),
}

impl fmt::Display for DoorPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listen) => listen.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for DoorPlace {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => Err(NotAnAddress),
            None => text.parse().map(Self::Tcp),
        }
    }
}

/// Where to listen for producers, if at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DoorListen {
    Off,
    /// At the default place, if nothing names a Redis and events of lists or streams are wanted.
    Auto,
    At(DoorPlace),
}

/// The Redis-protocol port.
#[derive(Clone, Debug)]
pub struct DoorConfig {
    pub place: DoorPlace,
    /// Somebody asked for it; else it is there because nothing names a Redis.
    pub is_asked_for: bool,
    pub lists: Vec<String>,
    pub streams: Vec<String>,
    pub users: Vec<DoorUser>,
    pub users_file: Option<PathBuf>,
    /// With the certificate of `Http.WebConfigFile`.
    pub tls: bool,
    pub max_connections: usize,
}

/// What the settings say, before it is known whether a Redis is read.
pub(super) struct DoorSettings {
    pub(super) listen: DoorListen,
    pub(super) default_place: DoorPlace,
    pub(super) users: Vec<DoorUser>,
    pub(super) users_file: Option<PathBuf>,
    pub(super) tls: bool,
    pub(super) max_connections: usize,
}

/// Redis' port, which clients try when they are told nothing.
const DEFAULT: &str = "127.0.0.1:6379";

impl DoorSettings {
    pub(super) fn take(settings: &mut Settings) -> Self {
        Self {
            listen: settings.take("Redis.Listen", ListenRule, DoorListen::Auto),
            default_place: settings.take(
                "Redis.ListenDefault",
                Place,
                DEFAULT.parse().expect("an address"),
            ),
            users: settings.take("Redis.ListenUsers", Users, Vec::new()),
            users_file: settings.take_optional("Redis.ListenUsersFile", Text).map(PathBuf::from),
            tls: settings.take("Redis.ListenTls", Bool, false),
            max_connections: settings.take(
                "Redis.ListenMaxConnections",
                Whole(1..=1_000_000),
                10_000,
            ) as usize,
        }
    }

    /// The port, if there is one.
    pub(super) fn door(
        &self,
        redis_is_named: bool,
        lists: Vec<String>,
        streams: Vec<String>,
        reads: bool,
    ) -> Option<DoorConfig> {
        let (place, is_asked_for) = match &self.listen {
            DoorListen::Off => return None,
            DoorListen::Auto if redis_is_named || !reads => return None,
            DoorListen::Auto => (&self.default_place, false),
            DoorListen::At(place) => (place, true),
        };
        Some(DoorConfig {
            place: place.clone(),
            is_asked_for,
            lists,
            streams,
            users: self.users.clone(),
            users_file: self.users_file.clone(),
            tls: self.tls,
            max_connections: self.max_connections,
        })
    }
}

struct Place;

impl Rule for Place {
    type Value = DoorPlace;

    fn parse(&self, raw: &Raw) -> Option<DoorPlace> {
        raw.text()?.parse().ok()
    }

    fn expected(&self) -> String {
        "host:port, :port or unix:/path".into()
    }

    fn show(&self, value: &DoorPlace) -> String {
        value.to_string()
    }
}

struct ListenRule;

impl Rule for ListenRule {
    type Value = DoorListen;

    fn parse(&self, raw: &Raw) -> Option<DoorListen> {
        match raw.text()? {
            "off" | "false" => Some(DoorListen::Off),
            "auto" => Some(DoorListen::Auto),
            _ => Place.parse(raw).map(DoorListen::At),
        }
    }

    fn expected(&self) -> String {
        format!("{}, off, or auto", Place.expected())
    }

    fn show(&self, value: &DoorListen) -> String {
        match value {
            DoorListen::Off => "off".into(),
            DoorListen::Auto => "auto".into(),
            DoorListen::At(place) => place.to_string(),
        }
    }
}

/// `user=password`, several of them as an array or separated by commas.
struct Users;

impl Rule for Users {
    type Value = Vec<DoorUser>;

    fn parse(&self, raw: &Raw) -> Option<Vec<DoorUser>> {
        pairs(raw, |name, password| DoorUser::new(name, &Secret::from(password), None))
    }

    fn expected(&self) -> String {
        "user=password or user=sha256:<64 hexadecimal digits>, several as an array or separated by \
         commas; whoever gives only a password is the user default"
            .into()
    }

    fn show(&self, value: &Vec<DoorUser>) -> String {
        without_passwords(value.iter().map(|user| &*user.name))
    }

    fn show_refused(&self, _raw: &Raw) -> String {
        HIDDEN.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Raw {
        Raw::Text(text.into())
    }

    #[test]
    fn places_are_read_and_shown() {
        for (given, shown) in [
            ("auto", Some("auto")),
            ("off", Some("off")),
            (":6380", Some(":6380")),
            ("localhost:1", Some("127.0.0.1:1")),
            ("unix:/run/a.sock", Some("unix:/run/a.sock")),
            ("unix:a.sock", None),
            ("somewhere", None),
            ("", None),
        ] {
            let parsed = ListenRule.parse(&text(given)).map(|value| ListenRule.show(&value));
            assert_eq!(parsed.as_deref(), shown, "{given}");
        }
    }

    #[test]
    fn passwords_are_kept_as_their_hash() {
        let hash = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let users = Users.parse(&text(&format!("a=secret,b={hash}"))).expect("valid");
        assert_eq!(users[0].password_sha256, users[1].password_sha256);
        assert_eq!(Users.show(&users), "a=***,b=***");
        for refused in ["a", "=secret", "a=", "a b=secret", "a=sha256:00"] {
            assert_eq!(Users.parse(&text(refused)), None, "{refused}");
        }
    }
}
