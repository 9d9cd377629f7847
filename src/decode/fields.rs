//! A member's fields as they were sent, not yet interpreted.
//!
//! JSON members and flat stream fields meet here, so that both are validated by
//! the same code. Nothing is copied: a field is a slice of the entry.

use std::borrow::Cow;
use std::fmt;

use super::plain;
use super::refusal::{Quoted, Verbatim};

/// What an event may say; of a field given twice, the last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) metric_type: Input<'a>,
    pub(super) name: Input<'a>,
    pub(super) value: Input<'a>,
    pub(super) help: Input<'a>,
    pub(super) mode: Input<'a>,
    pub(super) labels: Input<'a>,
    pub(super) buckets: Input<'a>,
    pub(super) quantiles: Input<'a>,
    pub(super) epsilons: Input<'a>,
    /// Where the pairs stand in `labels`, if those have been read already.
    pub(super) label_pairs: Option<&'a [plain::Pair]>,
}

/// One field.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Input<'a> {
    #[default]
    Missing,
    /// JSON text: known to be well-formed when it is part of a payload, but not
    /// when it is a flat field.
    Json(&'a str),
    /// A flat field, or what is between the quotes of a JSON string, that stands for itself.
    Plain(&'a str),
}

/// A field that should be a single value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Missing,
    /// `null`: an optional field that is absent, but where a number is expected one that JSON has no
    /// form for, which is how encoders write NaN.
    Null,
    Text(Cow<'a, str>),
    /// A number or boolean as it stands in the JSON.
    Literal(&'a str),
    /// An array, an object, or a string that is no Unicode (half a surrogate pair).
    Unusable(&'a str),
}

impl<'a> Input<'a> {
    /// Reads the field as a single value. `Json` must be well-formed.
    pub(super) fn scalar(self) -> Scalar<'a> {
        match self {
            Self::Missing => Scalar::Missing,
            Self::Plain(text) => Scalar::Text(Cow::Borrowed(text)),
            Self::Json(json) => match json.as_bytes() {
                [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
                    Scalar::Text(Cow::Borrowed(&json[1..json.len() - 1]))
                }
                [b'"', ..] => match serde_json::from_str(json) {
                    Ok(text) => Scalar::Text(Cow::Owned(text)),
                    Err(_) => Scalar::Unusable(json),
                },
                [b'n', ..] => Scalar::Null,
                [b'{' | b'[', ..] => Scalar::Unusable(json),
                _ => Scalar::Literal(json),
            },
        }
    }
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("nothing"),
            Self::Null => f.write_str("null"),
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Literal(json) | Self::Unusable(json) => Verbatim(json).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_scalars_are_told_apart_and_plain_strings_are_not_copied() {
        let scalar = |json| Input::Json(json).scalar();
        assert!(matches!(scalar(r#""plain""#), Scalar::Text(Cow::Borrowed("plain"))));
        assert_eq!(scalar(r#""a\u0041\n""#), Scalar::Text("aA\n".into()));
        assert_eq!(scalar("null"), Scalar::Null);
        assert_eq!(scalar("-1.50"), Scalar::Literal("-1.50"));
        assert_eq!(scalar("true"), Scalar::Literal("true"));
        assert_eq!(scalar("[1]"), Scalar::Unusable("[1]"));
        assert_eq!(scalar(r#""\ud800""#), Scalar::Unusable(r#""\ud800""#));
        assert_eq!(scalar(r#""""#), Scalar::Text("".into()));
        assert_eq!(Input::Plain("null").scalar(), Scalar::Text("null".into()));
    }
}
