//! What a push's headers and query say of it: dialect, format, encoding, key.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderName};

use super::decompress::Encoding;
use super::failure::Failure;
use crate::decode::push::{BodyFormat, Dialect};
use crate::model::Reason;

const DIALECT: HeaderName = HeaderName::from_static("dialect");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const PROTOBUF: &str = "application/vnd.google.protobuf";
const OPENMETRICS: &str = "application/openmetrics-text";
const METRIC_FAMILY: &str = "io.prometheus.client.MetricFamily";

/// The longest idempotency key.
const LONGEST_KEY: usize = 255;

/// A request's headers and query.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Head {
    headers: HeaderMap,
    query: String,
}

/// How a body is to be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) format: BodyFormat,
    pub(super) encoding: Encoding,
    pub(super) idempotency_key: Option<String>,
}

impl Head {
    pub(in crate::http) fn of(request: &http::request::Parts) -> Self {
        let query = request.uri.query().unwrap_or_default().to_owned();
        Self { headers: request.headers.clone(), query }
    }

    /// The query's `dialect=` counts first, then the header, then what is configured.
    pub(super) fn dialect(&self, configured: Dialect) -> Result<Dialect, Failure> {
        let mut query = url::form_urlencoded::parse(self.query.as_bytes());
        let asked = match query.find(|(name, _)| name == "dialect") {
            Some((_, value)) => value.into_owned(),
            None => match self.headers.get(DIALECT) {
                Some(value) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
                None => return Ok(configured),
            },
        };
        match asked.trim().to_ascii_lowercase().as_str() {
            "aggregate" => Ok(Dialect::Aggregate),
            "sum" => Ok(Dialect::Sum),
            "replace" => Ok(Dialect::Replace),
            _ => Err(Failure::bad(
                Reason::InvalidMode,
                format!("dialect {asked:?}: expected aggregate, sum or replace"),
            )),
        }
    }

    /// Whether it is certain, before a byte was read, that the body is too large.
    pub(super) fn declares_more_than(&self, bytes: usize) -> bool {
        let length = self.text(&CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        length.is_some_and(|length| length > bytes as u64)
    }

    /// The client sends its body only when it is told to go on.
    pub(super) fn waits_to_send(&self) -> bool {
        self.headers.contains_key(EXPECT)
    }

    /// The value of a header; none when it is absent or not text.
    fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Meaning {
    /// `format` where the path decides, whatever the Content-Type.
    pub(super) fn of(head: &Head, format: Option<BodyFormat>) -> Result<Self, Failure> {
        Ok(Self {
            format: match format {
                Some(format) => format,
                None => body_format(head.text(&CONTENT_TYPE).unwrap_or_default())?,
            },
            encoding: encoding(head)?,
            idempotency_key: idempotency_key(head)?,
        })
    }
}

/// Whatever is not known to be something else is the text format.
fn body_format(content_type: &str) -> Result<BodyFormat, Failure> {
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if media_type.eq_ignore_ascii_case(OPENMETRICS) {
        return Ok(BodyFormat::OpenMetrics);
    }
    if !media_type.eq_ignore_ascii_case(PROTOBUF) {
        return Ok(BodyFormat::Text);
    }
    for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'));
        let expected = match name.as_str() {
            "proto" => METRIC_FAMILY,
            "encoding" => "delimited",
            _ => continue,
        };
        if value != expected {
            return Err(Failure::unsupported(format!(
                "Content-Type {PROTOBUF} with {name}={value}: expected {name}={expected}"
            )));
        }
    }
    Ok(BodyFormat::Protobuf)
}

fn encoding(head: &Head) -> Result<Encoding, Failure> {
    let mut found = Encoding::Identity;
    for value in head.headers.get_all(CONTENT_ENCODING) {
        let unsupported = || {
            Failure::unsupported(format!(
                "Content-Encoding {value:?}: expected one of {}",
                Encoding::ACCEPTED
            ))
        };
        for name in value.to_str().map_err(|_| unsupported())?.split(',') {
            match Encoding::parse(name).ok_or_else(unsupported)? {
                Encoding::Identity => {}
                encoding if found == Encoding::Identity => found = encoding,
                // Compressed twice.
                _ => return Err(unsupported()),
            }
        }
    }
    Ok(found)
}

fn idempotency_key(head: &Head) -> Result<Option<String>, Failure> {
    let Some(value) = head.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(key) if visible && (1..=LONGEST_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Failure::bad(
            Reason::InvalidValue,
            format!(
                "Idempotency-Key {value:?}: expected 1 to {LONGEST_KEY} visible ASCII characters"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;

    fn of(headers: &[(&'static str, &str)]) -> Head {
        let mut head = Head::default();
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header");
            head.headers.append(*name, value);
        }
        head
    }

    #[test]
    fn the_content_type_decides_the_format() {
        let delimited = format!("{PROTOBUF}; proto={METRIC_FAMILY}; encoding=delimited");
        let cases = [
            ("", BodyFormat::Text),
            ("text/plain; version=0.0.4", BodyFormat::Text),
            ("application/x-www-form-urlencoded", BodyFormat::Text),
            ("nonsense", BodyFormat::Text),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", BodyFormat::OpenMetrics),
            ("APPLICATION/OpenMetrics-Text", BodyFormat::OpenMetrics),
            (delimited.as_str(), BodyFormat::Protobuf),
            (
                "application/vnd.google.protobuf;encoding=\"delimited\";escaping=underscores",
                BodyFormat::Protobuf,
            ),
        ];
        for (content_type, expected) in cases {
            assert_eq!(body_format(content_type), Ok(expected), "{content_type}");
        }
        for parameter in ["encoding=text", "encoding=compact-text", "proto=io.other.Message"] {
            let refused = body_format(&format!("{PROTOBUF}; {parameter}")).expect_err(parameter);
            assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
            assert!(refused.detail.contains(parameter), "{}", refused.detail);
        }
        let events = Meaning::of(&of(&[("content-type", PROTOBUF)]), Some(BodyFormat::Events));
        assert_eq!(events.expect("any type").format, BodyFormat::Events);
    }

    #[test]
    fn one_encoding_that_is_known() {
        let cases: [(&[&str], _); 8] = [
            (&[], Some(Encoding::Identity)),
            (&["identity"], Some(Encoding::Identity)),
            (&["GZIP"], Some(Encoding::Gzip)),
            (&["identity, x-gzip"], Some(Encoding::Gzip)),
            (&["identity", "zstd"], Some(Encoding::Zstd)),
            (&["snappy"], Some(Encoding::Snappy)),
            (&["br"], None),
            (&["gzip, zstd"], None),
        ];
        for (values, expected) in cases {
            let headers: Vec<_> = values.iter().map(|value| ("content-encoding", *value)).collect();
            match (encoding(&of(&headers)), expected) {
                (Ok(found), Some(expected)) => assert_eq!(found, expected, "{values:?}"),
                (Err(failure), None) => {
                    assert_eq!(failure.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{values:?}");
                }
                (found, _) => panic!("{values:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn the_query_decides_the_dialect_then_the_header_then_the_configuration() {
        let configured = Dialect::Aggregate;
        let mut head = Head::default();
        assert_eq!(head.dialect(configured), Ok(Dialect::Aggregate));
        head = of(&[("dialect", "Replace")]);
        assert_eq!(head.dialect(configured), Ok(Dialect::Replace));
        head.query = "x=1&dialect=sum".into();
        assert_eq!(head.dialect(configured), Ok(Dialect::Sum));
        head.query = "dialect=".into();
        let refused = head.dialect(configured).expect_err("an empty name");
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.detail.contains("aggregate, sum or replace"), "{}", refused.detail);
        assert!(of(&[("dialect", "é")]).dialect(configured).is_err());
    }

    #[test]
    fn a_key_is_visible_ascii_of_bounded_length() {
        let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
        for key in ["a", "0b9c-4", longest.as_str()] {
            assert_eq!(idempotency_key(&of(&[("idempotency-key", key)])), Ok(Some(key.into())));
        }
        for key in ["", "a b", "é", too_long.as_str()] {
            let refused = idempotency_key(&of(&[("idempotency-key", key)])).expect_err(key);
            assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        }
        assert_eq!(idempotency_key(&Head::default()), Ok(None));
    }
}
