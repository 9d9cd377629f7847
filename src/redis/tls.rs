//! TLS towards Redis: whom we trust, and what we show.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::ConnectError;
use crate::config::RedisTarget;

/// Read anew for each connection, so that renewed files are used.
pub(super) fn client_config(target: &RedisTarget) -> Result<ClientConfig, ConnectError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let files = &target.tls_files;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(ConnectError::Tls)?;
    let builder = if target.tls_insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
    } else {
        builder.with_root_certificates(roots(files.ca_file.as_deref())?)
    };
    let mut config = match (&files.cert_file, &files.key_file) {
        (Some(cert), Some(key)) => {
            let key = read(key, PrivateKeyDer::from_pem_slice)?;
            builder.with_client_auth_cert(certificates(cert)?, key).map_err(ConnectError::Tls)?
        }
        _ => builder.with_no_client_auth(),
    };
    config.enable_sni = !target.tls_insecure;
    Ok(config)
}

/// The authorities of the file; without one, those of the operating system.
fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, ConnectError> {
    let mut roots = RootCertStore::empty();
    let authorities = match ca_file {
        Some(file) => certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let (added, _) = roots.add_parsable_certificates(authorities);
    if added == 0 {
        let file = ca_file.map_or_else(|| "the operating system".into(), shown);
        return Err(ConnectError::NoAuthority { file });
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    read(file, |pem| CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>())
}

fn read<T, E: std::fmt::Display>(
    file: &Path,
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, ConnectError> {
    let failed = |error| ConnectError::TlsFile { file: shown(file), error };
    let pem = std::fs::read(file).map_err(failed)?;
    parse(&pem).map_err(|error| {
        failed(std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()))
    })
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}

/// Takes every server for the right one, as configured. That it has the key of the certificate
/// that it shows is checked all the same.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
