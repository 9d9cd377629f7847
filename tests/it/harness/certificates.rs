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
    let path = |name: &str| directory.join(name);
    let text = |name: &str| path(name).display().to_string();
    std::fs::write(path("extensions"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        .expect("the directory can be written to");
    let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let (ca_key, ca) = (text("ca.key"), text("ca.crt"));
    let (key, request, certificate) = (text("tls.key"), text("tls.csr"), text("tls.crt"));
    let extensions = text("extensions");
    let mut authority = vec!["req", "-x509", "-days", "2", "-subj", "/CN=Test authority"];
    authority.extend(new_key);
    authority.extend(["-keyout", &ca_key, "-out", &ca]);
    let mut ask = vec!["req", "-subj", "/CN=localhost"];
    ask.extend(new_key);
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
    openssl(&authority);
    openssl(&ask);
    openssl(&sign);
    Certificates { authority: path("ca.crt"), certificate: path("tls.crt"), key: path("tls.key") }
}

#[track_caller]
fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().unwrap_or_else(|error| {
        panic!("cannot start openssl: {error}. `make test` installs what the tests need")
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
