//! `Accept`: the language of a page, as client and gateway agree on it.
//!
//! Prometheus lists what it takes, with qualities that fall, and says with
//! `escaping=` what it makes of names beyond the classic alphabet. Whoever asks
//! for nothing that there is gets the text format, version 0.0.4.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};

use super::encoding::quality;
use crate::expose::{Escaping, Format, PageFormat};

/// What a page is answered as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Negotiated {
    format: Format,
    /// Of those that there are of the format, the one asked for.
    version: &'static str,
    /// As asked for; said in the answer only then.
    escaping: Option<Escaping>,
}

const TEXT: Negotiated = Negotiated { format: Format::Text, version: "0.0.4", escaping: None };

/// The language to answer in.
pub(super) fn negotiate(headers: &HeaderMap) -> Negotiated {
    let values = headers.get_all(ACCEPT).iter();
    choose(values.filter_map(|value| value.to_str().ok()))
}

impl Negotiated {
    pub(super) fn form(self, created_samples: bool) -> PageFormat {
        let escaping = self.escaping.unwrap_or_default();
        PageFormat { format: self.format, escaping, created_samples }
    }

    pub(super) fn content_type(self) -> HeaderValue {
        let mut text = match self.format {
            Format::Text => format!("text/plain; version={}; charset=utf-8", self.version),
            Format::OpenMetrics => {
                format!("application/openmetrics-text; version={}; charset=utf-8", self.version)
            }
            Format::Protobuf => "application/vnd.google.protobuf; \
                                 proto=io.prometheus.client.MetricFamily; encoding=delimited"
                .into(),
        };
        if let Some(escaping) = self.escaping {
            text.push_str("; escaping=");
            text.push_str(escaping.as_str());
        }
        HeaderValue::try_from(text).expect("constant words")
    }
}

/// What is liked best of what there is; of what is liked equally what is named more exactly, then
/// what is named first.
fn choose<'a>(values: impl Iterator<Item = &'a str>) -> Negotiated {
    let mut best: Option<((f32, u8), Negotiated)> = None;
    for range in values.flat_map(|value| value.split(',')) {
        let (media_type, parameters) = range.split_once(';').unwrap_or((range, ""));
        let quality = quality(parameters);
        let Some((exactness, negotiated)) = offer(media_type.trim(), parameters) else { continue };
        let rank = (quality, exactness);
        if quality > 0.0 && best.is_none_or(|(best, _)| rank > best) {
            best = Some((rank, negotiated));
        }
    }
    best.map_or(TEXT, |(_, negotiated)| negotiated)
}

/// What there is for a media range, and how exactly it is named; versions that there are not are
/// passed over.
fn offer(media_type: &str, parameters: &str) -> Option<(u8, Negotiated)> {
    let parameter = |name| parameter(parameters, name);
    let escaping = parameter("escaping")
        .and_then(|value| Escaping::ALL.into_iter().find(|escaping| escaping.as_str() == value));
    let negotiated = |format, version| Negotiated { format, version, escaping };
    match media_type.to_ascii_lowercase().as_str() {
        "*/*" => Some((0, TEXT)),
        "text/*" => Some((1, TEXT)),
        "text/plain" => match parameter("version") {
            None | Some("0.0.4") => Some((2, negotiated(Format::Text, "0.0.4"))),
            Some("1.0.0") => Some((2, negotiated(Format::Text, "1.0.0"))),
            Some(_) => None,
        },
        "application/openmetrics-text" => match parameter("version") {
            None | Some("1.0.0") => Some((2, negotiated(Format::OpenMetrics, "1.0.0"))),
            Some("0.0.1") => Some((2, negotiated(Format::OpenMetrics, "0.0.1"))),
            Some(_) => None,
        },
        "application/vnd.google.protobuf" => {
            let delimited = parameter("proto") == Some("io.prometheus.client.MetricFamily")
                && parameter("encoding") == Some("delimited");
            delimited.then(|| (2, negotiated(Format::Protobuf, "")))
        }
        _ => None,
    }
}

fn parameter<'p>(parameters: &'p str, name: &str) -> Option<&'p str> {
    let pairs = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let mut values = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content_type(accept: &str) -> String {
        let header = choose([accept].into_iter()).content_type();
        header.to_str().expect("ASCII").to_owned()
    }

    const TEXT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const PROTOBUF: &str = "application/vnd.google.protobuf; \
                            proto=io.prometheus.client.MetricFamily; encoding=delimited";

    /// What Prometheus really sends: 2.42, the same with native histograms, 3.x, the same with native
    /// histograms; and what it looks like with one escaping of each kind.
    #[test]
    fn prometheus_gets_what_it_likes_best() {
        let old = "application/openmetrics-text;version=1.0.0,\
                   application/openmetrics-text;version=0.0.1;q=0.75,\
                   text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(content_type(old), OPEN_METRICS);
        let protobuf = "application/vnd.google.protobuf;\
                        proto=io.prometheus.client.MetricFamily;encoding=delimited,";
        assert_eq!(content_type(&format!("{protobuf}{old}")), PROTOBUF);
        for escaping in Escaping::ALL.map(Escaping::as_str) {
            let new = format!(
                "application/openmetrics-text;version=1.0.0;escaping={escaping};q=0.5,\
                 application/openmetrics-text;version=0.0.1;q=0.4,\
                 text/plain;version=1.0.0;escaping={escaping};q=0.3,\
                 text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
            );
            assert_eq!(content_type(&new), format!("{OPEN_METRICS}; escaping={escaping}"));
            let protobuf = protobuf.replace(',', &format!(";escaping={escaping};q=0.6,"));
            let answer = format!("{PROTOBUF}; escaping={escaping}");
            assert_eq!(content_type(&format!("{protobuf}{new}")), answer);
            let plain = new.replace("openmetrics", "other");
            let answer = format!("text/plain; version=1.0.0; charset=utf-8; escaping={escaping}");
            assert_eq!(content_type(&plain), answer);
        }
    }

    #[test]
    fn others_get_the_text_format_unless_they_ask_for_more() {
        let cases = [
            ("", TEXT_TYPE),
            ("*/*", TEXT_TYPE),
            ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT_TYPE),
            ("text/*", TEXT_TYPE),
            ("application/json", TEXT_TYPE),
            ("text/plain;version=0.0.5", TEXT_TYPE),
            ("text/plain ; version=0.0.4 ; q=0.3", TEXT_TYPE),
            ("application/openmetrics-text", OPEN_METRICS),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"", OPEN_METRICS),
            (
                "application/openmetrics-text; version=0.0.1",
                "application/openmetrics-text; version=0.0.1; charset=utf-8",
            ),
            ("application/openmetrics-text; version=2.0.0", TEXT_TYPE),
            (
                "application/openmetrics-text;version=2.0.0,application/openmetrics-text;q=0.1",
                OPEN_METRICS,
            ),
            ("application/openmetrics-text;q=0", TEXT_TYPE),
            ("application/openmetrics-text;q=0.4,text/plain;q=0.5", TEXT_TYPE),
            ("*/*, application/openmetrics-text", OPEN_METRICS),
            ("application/openmetrics-text;escaping=nonsense", OPEN_METRICS),
            ("application/vnd.google.protobuf", TEXT_TYPE),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=text",
                TEXT_TYPE,
            ),
        ];
        for (accept, expected) in cases {
            assert_eq!(content_type(accept), expected, "{accept:?}");
        }
        let two = choose(["text/plain;q=0.1", "application/openmetrics-text;q=0.2"].into_iter());
        assert_eq!(two.format, Format::OpenMetrics, "two headers");
    }
}
