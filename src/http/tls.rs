//! From `tls_server_config` to what rustls serves with.
//!
//! The section has the names of Go's `crypto/tls`; what rustls has of them is mapped, the rest is
//! refused by name: a gateway that silently offered something else than it was told would be
//! worse than one that does not start. Cryptography is aws-lc's, chosen here and not by a default
//! of the process.

use std::sync::Arc;

use serde::Deserialize;
use tokio_rustls::rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{
    self, RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version,
};

mod client_certificates;
mod subject_names;

pub(super) use client_certificates::ClientAuthType;

/// What the section asks for, with the contents of the files it names.
#[derive(Debug, Default)]
pub(super) struct TlsSettings {
    /// PEM.
    pub(super) certificate: Vec<u8>,
    /// PEM.
    pub(super) key: Vec<u8>,
    /// PEM.
    pub(super) client_ca: Option<Vec<u8>>,
    pub(super) client_auth_type: ClientAuthType,
    pub(super) client_allowed_sans: Option<Vec<String>>,
    pub(super) min_version: Option<TlsVersion>,
    pub(super) max_version: Option<TlsVersion>,
    pub(super) cipher_suites: Vec<String>,
    pub(super) curve_preferences: Vec<String>,
}

/// As the section names them; rustls has no older ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) enum TlsVersion {
    #[serde(rename = "TLS12")]
    Tls12,
    #[serde(rename = "TLS13")]
    Tls13,
}

/// Why a connection could not be secured as asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("{what}: {reason}: expected PEM")]
    Pem { what: &'static str, reason: rustls::pki_types::pem::Error },
    #[error("{what}: holds no certificate: expected PEM with BEGIN CERTIFICATE")]
    NoCertificate { what: &'static str },
    #[error("client_ca: a certificate cannot be an authority: {0}")]
    Authority(rustls::Error),
    #[error("cert and key cannot be served together: {0}")]
    Pair(rustls::Error),
    #[error("min_version is above max_version")]
    NoVersion,
    #[error("cipher_suites: {name:?} is not supported: expected some of {}", suite_names().join(", "))]
    CipherSuite { name: String },
    #[error("curve_preferences: {name:?} is not supported: expected some of {}", CURVES.map(|(name, _)| name).join(", "))]
    Curve { name: String },
    #[error("client_auth_type: {0:?} needs client_ca_file or client_ca")]
    NoAuthority(ClientAuthType),
    #[error(
        "a client CA is given, and client_auth_type is NoClientCert: expected a type that asks \
         for certificates"
    )]
    AuthorityUnused,
    #[error(
        "client_allowed_sans: expected client_auth_type RequireAnyClientCert or \
         RequireAndVerifyClientCert, for with others a client may have no certificate"
    )]
    NamesUnused,
    #[error("client_ca: {0}")]
    Verifier(rustls::server::VerifierBuilderError),
}

const CURVES: [(&str, &dyn SupportedKxGroup); 4] = [
    ("CurveP256", aws_lc_rs::kx_group::SECP256R1),
    ("CurveP384", aws_lc_rs::kx_group::SECP384R1),
    ("X25519", aws_lc_rs::kx_group::X25519),
    ("X25519MLKEM768", aws_lc_rs::kx_group::X25519MLKEM768),
];

/// The only cryptography of this side.
pub(crate) fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

impl TlsSettings {
    pub(super) fn build(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(CryptoProvider {
            cipher_suites: self.suites()?,
            kx_groups: self.curves()?,
            ..provider()
        });
        let verifier = client_certificates::verifier(self, &provider)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|reason| TlsError::Pem { what: "key", reason })?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions()?)
            .map_err(TlsError::Pair)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates("cert", &self.certificate)?, key)
            .map_err(TlsError::Pair)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
        let low = self.min_version.unwrap_or(TlsVersion::Tls12);
        let high = self.max_version.unwrap_or(TlsVersion::Tls13);
        let all = [(TlsVersion::Tls12, &version::TLS12), (TlsVersion::Tls13, &version::TLS13)];
        let chosen: Vec<_> =
            all.iter().filter(|(v, _)| (low..=high).contains(v)).map(|(_, v)| *v).collect();
        if chosen.is_empty() { Err(TlsError::NoVersion) } else { Ok(chosen) }
    }

    /// In the order given. As in Go, TLS 1.3 has all of its suites whatever is listed.
    fn suites(&self) -> Result<Vec<SupportedCipherSuite>, TlsError> {
        if self.cipher_suites.is_empty() {
            return Ok(aws_lc_rs::DEFAULT_CIPHER_SUITES.to_vec());
        }
        let all = aws_lc_rs::ALL_CIPHER_SUITES;
        let of_tls13 = |suite: &&SupportedCipherSuite| suite.tls13().is_some();
        let mut chosen: Vec<_> = all.iter().filter(of_tls13).copied().collect();
        for name in &self.cipher_suites {
            let suite = all.iter().find(|suite| suite_name(suite) == *name);
            let suite = suite.ok_or_else(|| TlsError::CipherSuite { name: name.clone() })?;
            if !chosen.contains(suite) {
                chosen.push(*suite);
            }
        }
        Ok(chosen)
    }

    fn curves(&self) -> Result<Vec<&'static dyn SupportedKxGroup>, TlsError> {
        if self.curve_preferences.is_empty() {
            return Ok(aws_lc_rs::DEFAULT_KX_GROUPS.to_vec());
        }
        let find = |name: &String| {
            let known = CURVES.iter().find(|(known, _)| known == name);
            known.map(|(_, curve)| *curve).ok_or_else(|| TlsError::Curve { name: name.clone() })
        };
        self.curve_preferences.iter().map(find).collect()
    }
}

/// Go's name, which is IANA's.
fn suite_name(suite: &SupportedCipherSuite) -> String {
    suite.suite().as_str().unwrap_or_default().replace("TLS13_", "TLS_")
}

fn suite_names() -> Vec<String> {
    aws_lc_rs::ALL_CIPHER_SUITES.iter().map(suite_name).collect()
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|reason| TlsError::Pem { what, reason })?;
    if found.is_empty() { Err(TlsError::NoCertificate { what }) } else { Ok(found) }
}

/// Those that client certificates may be signed by.
fn authorities(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("client_ca", pem)? {
        roots.add(certificate).map_err(TlsError::Authority)?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests;
