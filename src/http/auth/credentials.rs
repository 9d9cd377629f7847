//! What an `Authorization` header says: `Basic` and base64 of `user:password`, or a bare password.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

pub(super) struct Credentials {
    /// `user:password`, or the password alone.
    bytes: Vec<u8>,
    /// Where the colon stands.
    colon: Option<usize>,
}

impl Credentials {
    /// `None` for `Basic` with what is not base64 of a user and a password.
    pub(super) fn parse(header: &[u8]) -> Option<Self> {
        const SCHEME: &[u8] = b"basic ";
        match header.split_at_checked(SCHEME.len()) {
            Some((scheme, encoded)) if scheme.eq_ignore_ascii_case(SCHEME) => {
                let bytes = BASE64_STANDARD.decode(encoded.trim_ascii()).ok()?;
                let colon = Some(bytes.iter().position(|byte| *byte == b':')?);
                Some(Self { bytes, colon })
            }
            _ => Some(Self { bytes: header.to_vec(), colon: None }),
        }
    }

    /// `user:password`, if both were given.
    pub(super) fn pair(&self) -> Option<&[u8]> {
        self.colon.map(|_| &*self.bytes)
    }

    pub(super) fn user(&self) -> Option<&[u8]> {
        self.colon.map(|colon| &self.bytes[..colon])
    }

    pub(super) fn password(&self) -> &[u8] {
        self.colon.map_or(&*self.bytes, |colon| &self.bytes[colon + 1..])
    }
}
