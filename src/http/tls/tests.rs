//! What is served with, by table. Handshakes are tried with the whole gateway.

use super::subject_names::subject_names;
use super::*;

const CERTIFICATE: &[u8] = include_bytes!("fixture/certificate.pem");
const KEY: &[u8] = include_bytes!("fixture/key.pem");
const AUTHORITY: &[u8] = include_bytes!("fixture/authority.pem");

fn settings() -> TlsSettings {
    TlsSettings { certificate: CERTIFICATE.into(), key: KEY.into(), ..TlsSettings::default() }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// What is wrong; empty if nothing is.
fn fault(change: impl FnOnce(&mut TlsSettings)) -> String {
    let mut settings = settings();
    change(&mut settings);
    settings.build().err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn what_can_be_served_is_served() {
    type Change = fn(&mut TlsSettings);
    let changes: [Change; 8] = [
        |_| {},
        |s| s.min_version = Some(TlsVersion::Tls13),
        |s| s.max_version = Some(TlsVersion::Tls12),
        |s| {
            s.cipher_suites =
                texts(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"])
        },
        |s| s.curve_preferences = texts(&["CurveP256", "X25519"]),
        |s| s.client_auth_type = ClientAuthType::RequestClientCert,
        |s| {
            s.client_auth_type = ClientAuthType::RequireAndVerifyClientCert;
            s.client_ca = Some(AUTHORITY.into());
            s.client_allowed_sans = Some(texts(&["x"]));
        },
        |s| {
            s.client_auth_type = ClientAuthType::VerifyClientCertIfGiven;
            s.client_ca = Some(AUTHORITY.into());
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert_eq!(fault(change), "", "change {number}");
    }
}

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    let expect = |change: &dyn Fn(&mut TlsSettings), part: &str| {
        let fault = fault(change);
        assert!(fault.contains(part), "{part:?} in {fault:?}");
    };
    expect(&|s| s.certificate = b"none".into(), "cert: holds no certificate");
    expect(&|s| s.certificate = KEY.into(), "cert: holds no certificate");
    expect(&|s| s.key = CERTIFICATE.into(), "key: ");
    let other = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";
    expect(&|s| s.key = other.into(), "key: ");
    expect(
        &|s| (s.min_version, s.max_version) = (Some(TlsVersion::Tls13), Some(TlsVersion::Tls12)),
        "min_version is above max_version",
    );
    expect(
        &|s| s.cipher_suites = texts(&["TLS_RSA_WITH_AES_128_CBC_SHA"]),
        "\"TLS_RSA_WITH_AES_128_CBC_SHA\" is not supported: expected some of TLS_",
    );
    expect(&|s| s.curve_preferences = texts(&["CurveP521"]), "expected some of CurveP256, ");
    expect(&|s| s.client_ca = Some(AUTHORITY.into()), "NoClientCert");
    expect(
        &|s| s.client_auth_type = ClientAuthType::RequireAndVerifyClientCert,
        "RequireAndVerifyClientCert needs client_ca_file",
    );
    expect(
        &|s| s.client_auth_type = ClientAuthType::VerifyClientCertIfGiven,
        "VerifyClientCertIfGiven needs client_ca_file",
    );
    expect(
        &|s| {
            s.client_auth_type = ClientAuthType::RequireAndVerifyClientCert;
            s.client_ca = Some(KEY.into());
        },
        "client_ca: holds no certificate",
    );
    for kind in [ClientAuthType::NoClientCert, ClientAuthType::RequestClientCert] {
        expect(
            &|s| {
                s.client_auth_type = kind;
                s.client_allowed_sans = Some(texts(&["x"]));
            },
            "client_allowed_sans: expected client_auth_type",
        );
    }
}

#[test]
fn listed_suites_are_those_of_tls_1_2_alone() {
    let name = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
    let given = TlsSettings { cipher_suites: texts(&[name, name]), ..settings() };
    let suites = given.suites().expect("known");
    let (new, old): (Vec<_>, Vec<_>) = suites.iter().partition(|suite| suite.tls13().is_some());
    assert_eq!(new.len(), 3);
    assert_eq!(old.into_iter().map(suite_name).collect::<Vec<_>>(), [name]);
}

#[test]
fn versions_are_a_range() {
    use TlsVersion::{Tls12, Tls13};
    for (min, max, expected) in [
        (None, None, &[&version::TLS12, &version::TLS13][..]),
        (Some(Tls13), None, &[&version::TLS13]),
        (Some(Tls12), Some(Tls12), &[&version::TLS12]),
    ] {
        let given = TlsSettings { min_version: min, max_version: max, ..settings() };
        assert_eq!(given.versions().expect("a range"), expected, "{min:?} {max:?}");
    }
}

#[test]
fn every_kind_of_subject_name_is_found() {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate");
    let names = subject_names(&certificate);
    let expected =
        ["client.example", "192.0.2.7", "2001:db8::7", "ops@example.com", "spiffe://example/job"];
    assert_eq!(names, expected);
    let authority = CertificateDer::from_pem_slice(AUTHORITY).expect("a certificate");
    assert_eq!(subject_names(&authority), [""; 0]);
}

#[test]
fn a_damaged_certificate_has_names_or_none() {
    let whole = CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate").to_vec();
    for length in 0..whole.len() {
        assert_eq!(subject_names(&whole[..length]), [""; 0], "cut to {length}");
    }
    for at in 0..whole.len() {
        for byte in [0x00, 0x7f, 0x80, 0x84, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = byte;
            assert!(subject_names(&damaged).len() <= 5, "byte {at} is {byte:#x}");
        }
    }
}
