//! The `web.config.file` of the Prometheus family: TLS, headers and users in one YAML file.
//!
//! Somebody who has such a file for Prometheus, the Pushgateway or an exporter can use it as it
//! is. An unknown key is refused: it would be a protection that somebody believes in. Errors
//! never show the file's text, which may hold a key.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::security::Files;
use super::tls::{ClientAuthType, TlsSettings, TlsVersion};

/// The headers that may be set, and the values that each may have; none listed: any.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct WebConfig {
    pub(super) tls: Option<TlsSettings>,
    pub(super) headers: HeaderMap,
    /// bcrypt hashes by user.
    pub(super) users: BTreeMap<String, String>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum WebConfigError {
    #[error("{0}")]
    Unreadable(io::Error),
    #[error("not a valid web configuration: {0}")]
    Yaml(String),
    #[error("tls_server_config: {key}_file {}: {reason}", path.display())]
    File { key: &'static str, path: PathBuf, reason: io::Error },
    #[error("tls_server_config: expected {key}_file or {key}")]
    Missing { key: &'static str },
    #[error("tls_server_config: {key}_file and {key} are both given: expected one of them")]
    Twice { key: &'static str },
    #[error(
        "http_server_config: headers: {name:?} cannot be set: expected one of {}",
        HEADERS.map(|(name, _)| name).join(", ")
    )]
    Header { name: String },
    #[error("http_server_config: headers: {name} = {value:?}: expected {expected}")]
    HeaderValue { name: String, value: String, expected: String },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Document {
    tls_server_config: Option<TlsSection>,
    http_server_config: Option<HttpSection>,
    basic_auth_users: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TlsSection {
    cert: Option<String>,
    cert_file: Option<PathBuf>,
    key: Option<String>,
    key_file: Option<PathBuf>,
    client_ca: Option<String>,
    client_ca_file: Option<PathBuf>,
    client_auth_type: Option<ClientAuthType>,
    client_allowed_sans: Option<Vec<String>>,
    min_version: Option<TlsVersion>,
    max_version: Option<TlsVersion>,
    cipher_suites: Option<Vec<String>>,
    curve_preferences: Option<Vec<String>>,
    /// Does nothing, as in Go since 1.18.
    #[serde(rename = "prefer_server_cipher_suites")]
    _prefer_server_cipher_suites: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpSection {
    http2: Option<bool>,
    headers: Option<BTreeMap<String, Option<String>>>,
}

impl WebConfig {
    /// Names of files within it are relative to its directory.
    pub(super) fn read(path: &Path, files: &mut Files) -> Result<Self, WebConfigError> {
        let bytes = files.read(path).map_err(WebConfigError::Unreadable)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| WebConfigError::Yaml("expected text in UTF-8".into()))?;
        let options = serde_saphyr::options! { with_snippet: false };
        let document: Option<Document> = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| WebConfigError::Yaml(error.to_string()))?;
        let document = document.unwrap_or_default();
        let directory = path.parent().unwrap_or(Path::new(""));
        let http = document.http_server_config.unwrap_or_default();
        if http.http2 == Some(true) {
            tracing::info!("http_server_config: http2 does nothing; HTTP/1.1 is served");
        }
        let tls = document.tls_server_config.map(|section| section.settings(directory, files));
        Ok(Self {
            tls: tls.transpose()?,
            headers: headers(http.headers.unwrap_or_default())?,
            users: document.basic_auth_users.unwrap_or_default(),
        })
    }
}

impl TlsSection {
    fn settings(self, directory: &Path, files: &mut Files) -> Result<TlsSettings, WebConfigError> {
        let mut pem = |key, inline: Option<String>, file: Option<PathBuf>| {
            let inline = inline.filter(|text| !text.is_empty());
            let file = file.filter(|path| !path.as_os_str().is_empty());
            match (inline, file) {
                (Some(_), Some(_)) => Err(WebConfigError::Twice { key }),
                (Some(inline), None) => Ok(Some(inline.into_bytes())),
                (None, Some(file)) => {
                    let path = directory.join(file);
                    let read = files.read(&path).map(Some);
                    read.map_err(|reason| WebConfigError::File { key, path, reason })
                }
                (None, None) => Ok(None),
            }
        };
        let certificate = pem("cert", self.cert, self.cert_file)?;
        let key = pem("key", self.key, self.key_file)?;
        Ok(TlsSettings {
            certificate: certificate.ok_or(WebConfigError::Missing { key: "cert" })?,
            key: key.ok_or(WebConfigError::Missing { key: "key" })?,
            client_ca: pem("client_ca", self.client_ca, self.client_ca_file)?,
            client_auth_type: self.client_auth_type.unwrap_or_default(),
            client_allowed_sans: self.client_allowed_sans,
            min_version: self.min_version,
            max_version: self.max_version,
            cipher_suites: self.cipher_suites.unwrap_or_default(),
            curve_preferences: self.curve_preferences.unwrap_or_default(),
        })
    }
}

fn headers(given: BTreeMap<String, Option<String>>) -> Result<HeaderMap, WebConfigError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let known = HEADERS.iter().find(|(known, _)| *known == name);
        let Some((known, allowed)) = known else { return Err(WebConfigError::Header { name }) };
        // Blank leaves it unset.
        let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
        let refused = |expected: String| WebConfigError::HeaderValue {
            name: name.clone(),
            value: value.clone(),
            expected,
        };
        if !allowed.is_empty() && !allowed.contains(&value.as_str()) {
            return Err(refused(allowed.join(" or ")));
        }
        let name = HeaderName::from_bytes(known.as_bytes()).expect("the listed names are valid");
        let value = HeaderValue::from_str(&value).map_err(|_| refused("visible ASCII".into()))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
