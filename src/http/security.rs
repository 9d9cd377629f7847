//! Who may ask and over what, as it is in force, and how that changes while the gateway runs.
//!
//! The files are read when the gateway starts: one that cannot be used ends the start. Later they
//! are looked at every second, and read again when one of them has changed, at SIGHUP and on
//! request. A new state that cannot be used leaves the old one in force and is told of. So does
//! one that would open the gateway: a file that is being written is empty for a moment, and must
//! not let everybody in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::HeaderMap;
use parking_lot::{Mutex, RwLock};
use tokio_rustls::rustls::ServerConfig;

use super::auth::{Users, cost};
use super::tls::TlsError;
use super::web_config::{WebConfig, WebConfigError};
use crate::config::HttpSecurityConfig;
use crate::status::Status;

mod files;
mod watch;

pub(super) use files::Files;

/// Shared by everything that asks; clones share it. The default lets everybody in.
#[derive(Clone, Default)]
pub struct Security {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    config: HttpSecurityConfig,
    rules: RwLock<Arc<Rules>>,
    /// What was read last, in force or not. Locked while reading: one reload at a time.
    files: Mutex<Files>,
    status: Status,
}

/// What is in force, read at one time.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) tls: Option<Arc<ServerConfig>>,
    client_certificates: bool,
    pub(super) users: Arc<Users>,
    /// Paths that may be read without credentials.
    pub(super) exempt: Vec<String>,
    /// For every answer.
    pub(super) headers: HeaderMap,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SecurityError(#[from] Fault);

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("Http.WebConfigFile {}: {reason}", path.display())]
    WebConfig { path: PathBuf, reason: WebConfigError },
    #[error("Http.WebConfigFile {}: tls_server_config: {reason}", path.display())]
    Tls { path: PathBuf, reason: TlsError },
    #[error(
        "Http.WebConfigFile {}: basic_auth_users: what stands for {user:?} is not a bcrypt hash; \
         `htpasswd -nB {user}` makes one", path.display()
    )]
    User { path: PathBuf, user: String },
    #[error("Http.BasicAuthFile {}: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: std::io::Error },
    #[error("Http.BasicAuthFile {}: line {line} is not a bcrypt hash", path.display())]
    Line { path: PathBuf, line: usize },
    #[error("Http.BasicAuthFile {}: holds no bcrypt hash: expected one a line", path.display())]
    Empty { path: PathBuf },
    #[error("{0} would end: a restart does that, a reload does not")]
    Weaker(&'static str),
}

impl Security {
    /// Reads the files; what becomes of later reads is told to `status`.
    pub fn load(config: HttpSecurityConfig, status: Status) -> Result<Self, SecurityError> {
        let mut files = Files::default();
        let rules = Rules::read(&config, &mut files)?;
        let (rules, files) = (RwLock::new(Arc::new(rules)), Mutex::new(files));
        Ok(Self { inner: Arc::new(Inner { config, rules, files, status }) })
    }

    /// Reads the files again; they are in force for the next connection and the next request. An
    /// error leaves everything as it was.
    pub async fn reload(&self) -> Result<(), SecurityError> {
        self.on_blocking_thread(|this| this.reload_from(&mut this.inner.files.lock())).await
    }

    /// As `reload`, if what is in the files differs from what was read last.
    async fn reload_if_changed(&self) {
        let result = self.on_blocking_thread(|this| {
            let mut files = this.inner.files.lock();
            if files.have_changed() { this.reload_from(&mut files) } else { Ok(()) }
        });
        // It is logged and told to the status.
        result.await.ok();
    }

    async fn on_blocking_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let this = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&this)).await;
        done.expect("reading files does not panic")
    }

    fn reload_from(&self, files: &mut Files) -> Result<(), SecurityError> {
        let mut read = Files::default();
        let result = Rules::read(&self.inner.config, &mut read).and_then(|new| {
            let mut rules = self.inner.rules.write();
            new.is_as_strict_as(&rules)?;
            *rules = Arc::new(new);
            Ok(())
        });
        *files = read;
        match &result {
            Ok(()) => {
                self.inner.status.set_web_config_error(None);
                tracing::info!(now = self.describe(), "TLS and user files read again");
            }
            Err(error) => {
                self.inner.status.set_web_config_error(Some(error.to_string()));
                tracing::error!(
                    %error,
                    "the changed TLS and user files cannot be used; those read before stay in \
                     force: correct the file, it is read again when it changes"
                );
            }
        }
        Ok(result?)
    }

    /// What TLS is spoken with, if it is.
    pub fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.rules().tls.clone()
    }

    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.inner.rules.read())
    }

    /// What is in force, for a person.
    pub fn describe(&self) -> String {
        let rules = self.rules();
        let tls = match (&rules.tls, rules.client_certificates) {
            (None, _) => "plain HTTP",
            (Some(_), false) => "TLS",
            (Some(_), true) => "TLS, client certificates required",
        };
        match rules.users.count() {
            0 => format!("{tls}, no passwords"),
            1 => format!("{tls}, one user or password"),
            count => format!("{tls}, {count} users and passwords"),
        }
    }
}

impl Rules {
    fn read(config: &HttpSecurityConfig, files: &mut Files) -> Result<Self, Fault> {
        let mut rules = Self { exempt: config.auth_exempt.clone(), ..Self::default() };
        let mut named = Default::default();
        if let Some(path) = &config.web_config_file {
            let read = WebConfig::read(path, files);
            let web = read.map_err(|reason| Fault::WebConfig { path: path.clone(), reason })?;
            if let Some((user, _)) = web.users.iter().find(|(_, hash)| cost(hash).is_none()) {
                return Err(Fault::User { path: path.clone(), user: user.clone() });
            }
            if let Some(settings) = web.tls {
                let built = settings.build();
                let tls = built.map_err(|reason| Fault::Tls { path: path.clone(), reason })?;
                rules.tls = Some(tls);
                rules.client_certificates = settings.client_auth_type.is_mandatory();
            }
            (named, rules.headers) = (web.users, web.headers);
        }
        let anyone = match &config.basic_auth_file {
            Some(path) => hashes(path, files)?,
            None => Vec::new(),
        };
        rules.users = Arc::new(Users::new(named, anyone, &config.basic_auth_users));
        Ok(rules)
    }

    fn is_as_strict_as(&self, old: &Self) -> Result<(), Fault> {
        if old.tls.is_some() && self.tls.is_none() {
            return Err(Fault::Weaker("TLS"));
        }
        if old.client_certificates && !self.client_certificates {
            return Err(Fault::Weaker("the need of a client certificate"));
        }
        if !old.users.is_empty() && self.users.is_empty() {
            return Err(Fault::Weaker("the need of a password"));
        }
        Ok(())
    }
}

/// One a line; blank lines and those that begin with `#` say nothing.
fn hashes(path: &Path, files: &mut Files) -> Result<Vec<String>, Fault> {
    let bytes = files.read(path);
    let bytes = bytes.map_err(|reason| Fault::Unreadable { path: path.into(), reason })?;
    let text = String::from_utf8_lossy(&bytes);
    let mut hashes = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match line.trim() {
            line if line.is_empty() || line.starts_with('#') => {}
            hash if cost(hash).is_some() => hashes.push(hash.to_owned()),
            _ => return Err(Fault::Line { path: path.into(), line: index + 1 }),
        }
    }
    if hashes.is_empty() { Err(Fault::Empty { path: path.into() }) } else { Ok(hashes) }
}

#[cfg(test)]
mod tests;
