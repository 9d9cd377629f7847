//! Where Redis is, and how to reach it.
//!
//! Two notations are read. The first is StackExchange.Redis', because the settings of the C#
//! gateway must keep working: comma-separated endpoints and options in any order, such as
//! `redis-0:6379,redis-1,password=secret,ssl=true`. The second is a URL: `redis://`, `rediss://`
//! (TLS) or `unix://`, or as clients of other makes spell these. Both end in the same [`RedisTarget`]; nothing behind this module knows
//! which one was used.
//!
//! One default differs from StackExchange.Redis: `abortConnect` is false, so a gateway that
//! starts before Redis waits for it.
//!
//! Nothing here prints a password: not the target, not an error.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::TlsFiles;

mod options;
mod url;

const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// A password or the like: it cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// For whoever must have it.
    pub fn exposed(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where and how to reach Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisTarget {
    pub endpoints: Vec<Endpoint>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub tls: bool,
    /// Certificates are checked against this name; the endpoint's host when absent.
    pub tls_host: Option<String>,
    /// Accept any certificate (`rediss://…#insecure`).
    pub tls_insecure: bool,
    pub tls_files: TlsFiles,
    pub database: i64,
    pub client_name: Option<String>,
    pub connect_timeout: Duration,
    /// Fail at start instead of waiting when Redis cannot be reached.
    pub abort_connect: bool,
    /// Sentinel: the endpoints are sentinels, and this names the primary.
    pub service_name: Option<String>,
}

/// Why a connection string cannot be used. Never holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    #[error("no endpoint given: expected host[:port], such as localhost:6379")]
    NoEndpoint,
    #[error("endpoint {endpoint:?}: expected {expected}")]
    Endpoint { endpoint: String, expected: &'static str },
    #[error("unknown keyword {keyword:?}{}", did_you_mean(.suggestion))]
    UnknownKeyword { keyword: String, suggestion: Option<&'static str> },
    #[error("{keyword}={value}: expected {expected}")]
    Value { keyword: String, value: String, expected: &'static str },
    #[error("${command}: renamed Redis commands are not supported")]
    RenamedCommand { command: String },
    #[error(
        "scheme {scheme:?}: expected redis, rediss (also spelled valkey, valkeys, tcp, tls), unix or redis+unix"
    )]
    Scheme { scheme: String },
    #[error("not a valid URL: {reason}")]
    Url { reason: String },
    /// The offending text follows a password with a comma in it, most likely, and would show its rest.
    #[error(
        "cannot read what follows the password: a password that holds a comma must be given \
         in a redis:// URL, with the comma written %2C"
    )]
    AfterPassword,
    #[error(
        "an @ stands behind the host of the URL, so part of a password would be taken for \
         something else: within a URL's password, / is written %2F, ? %3F, # %23 and @ %40"
    )]
    UnencodedPassword,
    #[error(
        "options such as password= follow a URL: expected either host:port,password=… without \
         redis://, or redis://user:password@host:port/database"
    )]
    OptionsInUrl,
}

fn did_you_mean(suggestion: &Option<&'static str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(": did you mean {name}?"))
}

impl RedisTarget {
    /// A target with every option at its default.
    fn to(endpoints: Vec<Endpoint>) -> Self {
        Self {
            endpoints,
            user: None,
            password: None,
            tls: false,
            tls_host: None,
            tls_insecure: false,
            tls_files: TlsFiles::default(),
            database: 0,
            client_name: None,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            abort_connect: false,
            service_name: None,
        }
    }
}

impl Default for RedisTarget {
    fn default() -> Self {
        Self::to(vec![Endpoint::Tcp { host: "localhost".into(), port: 6379 }])
    }
}

impl FromStr for RedisTarget {
    type Err = ConnectionStringError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        match text.split_once("://") {
            Some((scheme, _)) if is_scheme(scheme) => url::parse(scheme, text),
            _ => options::parse(text),
        }
    }
}

/// A password may hold `://`; what stands before it then is no scheme.
fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// In StackExchange.Redis' notation, with the password as `***`.
impl fmt::Display for RedisTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.endpoints.iter().map(Endpoint::to_string).collect();
        let mut option = |keyword: &str, value: Option<String>| {
            parts.extend(value.map(|value| format!("{keyword}={value}")));
        };
        option("serviceName", self.service_name.clone());
        option("user", self.user.clone());
        option("password", self.password.as_ref().map(|_| "***".into()));
        option("ssl", self.tls.then(|| "true".into()));
        option("sslHost", self.tls_host.clone());
        option("insecure", self.tls_insecure.then(|| "true".into()));
        option("defaultDatabase", (self.database != 0).then(|| self.database.to_string()));
        option("name", self.client_name.clone());
        let timeout = self.connect_timeout;
        option(
            "connectTimeout",
            (timeout != DEFAULT_CONNECT_TIMEOUT).then(|| timeout.as_millis().to_string()),
        );
        option("abortConnect", self.abort_connect.then(|| "true".into()));
        f.write_str(&parts.join(","))
    }
}
