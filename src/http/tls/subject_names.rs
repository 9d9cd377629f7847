//! The subject alternative names of a certificate, as text.
//!
//! rustls checks names it is given, and only host names; here a list of hosts, addresses, e-mail
//! addresses and URIs is to be compared with what the certificate says, exactly. So the way to
//! the extension is walked here: DER is elements of a tag, a length and that many bytes.

use std::net::IpAddr;

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
/// `[3]` of a certificate's body.
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.17
const SUBJECT_ALTERNATIVE_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

const EMAIL: u8 = 0x81;
const HOST: u8 = 0x82;
const URI: u8 = 0x86;
const ADDRESS: u8 = 0x87;

/// Empty for what is not a certificate.
pub(super) fn subject_names(certificate: &[u8]) -> Vec<String> {
    let extension = alternative_names(certificate).unwrap_or_default();
    Elements(extension).filter_map(|(tag, content)| name(tag, content)).collect()
}

/// The content of the extension's sequence.
fn alternative_names(certificate: &[u8]) -> Option<&[u8]> {
    let whole = first(certificate, SEQUENCE)?;
    let body = first(whole, SEQUENCE)?;
    let extensions = first(first(body, EXTENSIONS)?, SEQUENCE)?;
    Elements(extensions)
        .find(|(_, extension)| {
            first(extension, OBJECT_IDENTIFIER) == Some(&SUBJECT_ALTERNATIVE_NAME)
        })
        .and_then(|(_, extension)| first(first(extension, OCTET_STRING)?, SEQUENCE))
}

fn name(tag: u8, content: &[u8]) -> Option<String> {
    match tag {
        EMAIL | HOST | URI => Some(std::str::from_utf8(content).ok()?.to_owned()),
        ADDRESS => {
            let v4 = <[u8; 4]>::try_from(content).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(content).map(IpAddr::from)).ok()?;
            Some(address.to_string())
        }
        _ => None,
    }
}

/// The content of the first element with the tag.
fn first(der: &[u8], wanted: u8) -> Option<&[u8]> {
    Elements(der).find(|(tag, _)| *tag == wanted).map(|(_, content)| content)
}

/// Elements one after another, up to the first that is not whole.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (tag, rest) = self.0.split_first()?;
        let (short, rest) = rest.split_first()?;
        let (length, rest) = match short {
            0..=0x7f => (usize::from(*short), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
                (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }
}
