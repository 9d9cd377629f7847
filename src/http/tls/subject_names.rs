//! The subject alternative names of a certificate, as text.
//!
//! rustls checks names it is given, and only host names; here a list of hosts, addresses, e-mail
//! addresses and URIs is to be compared with what the certificate says, exactly.

use std::net::IpAddr;

use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Empty for what is not a certificate, or has names that cannot be read.
pub(super) fn subject_names(certificate: &[u8]) -> Vec<String> {
    let Ok(certificate) = Certificate::from_der(certificate) else { return Vec::new() };
    match certificate.tbs_certificate().get_extension() {
        Ok(Some((_critical, SubjectAltName(names)))) => names.iter().filter_map(text).collect(),
        Ok(None) | Err(_) => Vec::new(),
    }
}

fn text(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::Rfc822Name(name)
        | GeneralName::DnsName(name)
        | GeneralName::UniformResourceIdentifier(name) => Some(name.as_str().to_owned()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()?;
            Some(address.to_string())
        }
        _ => None,
    }
}
