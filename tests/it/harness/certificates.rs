//! A throw-away certificate authority and a server certificate, made by openssl.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct Certificates {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Makes them in the directory, for `localhost` and 127.0.0.1.
#[track_caller]
pub(crate) fn make(directory: &Path) -> Certificates {
    let (key, certificate) = (text(directory, "ca.key"), text(directory, "ca.crt"));
    let mut authority = vec!["req", "-x509", "-days", "2", "-subj", "/CN=Test authority"];
    authority.extend(NEW_KEY);
    authority.extend(["-keyout", &key, "-out", &certificate]);
    openssl(&authority);
    issue(directory, "tls", "DNS:localhost,IP:127.0.0.1")
}

/// Another certificate of the authority in the directory, as `<name>.crt` and `<name>.key`.
#[track_caller]
pub(crate) fn issue(directory: &Path, name: &str, subject_names: &str) -> Certificates {
    let file = |end: &str| text(directory, &format!("{name}.{end}"));
    let (key, request, certificate) = (file("key"), file("csr"), file("crt"));
    let (ca_key, ca, extensions) =
        (text(directory, "ca.key"), text(directory, "ca.crt"), file("ext"));
    std::fs::write(&extensions, format!("subjectAltName={subject_names}\n"))
        .expect("the directory can be written to");
    let mut ask = vec!["req", "-subj", "/CN=localhost"];
    ask.extend(NEW_KEY);
    ask.extend(["-keyout", &key, "-out", &request]);
    let sign = [
        "x509",
        "-req",
        "-days",
        "2",
        "-in",
        &request,
        "-CA",
        &ca,
        "-CAkey",
        &ca_key,
        "-CAcreateserial",
        "-extfile",
        &extensions,
        "-out",
        &certificate,
    ];
    openssl(&ask);
    openssl(&sign);
    Certificates { authority: ca.into(), certificate: certificate.into(), key: key.into() }
}

const NEW_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

fn text(directory: &Path, name: &str) -> String {
    directory.join(name).display().to_string()
}

#[track_caller]
fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().unwrap_or_else(|error| {
        panic!("cannot start openssl: {error}. `make test` installs what the tests need")
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
