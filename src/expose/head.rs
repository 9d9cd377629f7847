//! Metric names as the text formats write them: `name{labels}`, or quoted `{"a name",labels}`.

use std::borrow::Cow;

use super::escaping::NameOf;
use crate::model::labels::push_escaped;

/// A name as `# TYPE` lines have it: quoted if it must be.
pub(super) fn written(name: &str) -> Cow<'_, str> {
    if NameOf::Metric.is_classic(name) {
        return Cow::Borrowed(name);
    }
    let mut quoted = String::from("\"");
    push_escaped(&mut quoted, name);
    quoted.push('"');
    Cow::Owned(quoted)
}

/// The samples of one name, up to and including the space before their value.
#[derive(Hash)]
pub(super) struct Head {
    /// Where there are no labels.
    bare: Vec<u8>,
    /// Up to where the labels follow.
    open: Vec<u8>,
}

impl Head {
    pub(super) fn new(name: &str) -> Self {
        let (bare, open) = match written(name) {
            Cow::Borrowed(name) => (format!("{name} "), format!("{name}{{")),
            Cow::Owned(quoted) => (format!("{{{quoted}}} "), format!("{{{quoted},")),
        };
        Self { bare: bare.into_bytes(), open: open.into_bytes() }
    }

    pub(super) fn push(&self, out: &mut Vec<u8>, labels: &str) {
        if labels.is_empty() {
            out.extend_from_slice(&self.bare);
        } else {
            out.extend_from_slice(&self.open);
            out.extend_from_slice(labels.as_bytes());
            out.extend_from_slice(b"} ");
        }
    }

    /// With one more label than the row's.
    pub(super) fn push_with(&self, out: &mut Vec<u8>, labels: &str, extra: &[u8]) {
        out.extend_from_slice(&self.open);
        if !labels.is_empty() {
            out.extend_from_slice(labels.as_bytes());
            out.push(b',');
        }
        out.extend_from_slice(extra);
        out.extend_from_slice(b"} ");
    }
}
