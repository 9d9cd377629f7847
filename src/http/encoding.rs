//! `Accept-Encoding`: how the client would like a page to be compressed.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// How a page is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    /// The value of `Content-Encoding`.
    pub(super) fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// The encoding to answer with.
pub(super) fn accepted(headers: &HeaderMap) -> Encoding {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    choose(values.filter_map(|value| value.to_str().ok()))
}

/// The smallest that is accepted and not liked less than another; `q=0` refuses. `*` stands for the
/// unnamed, but not for zstd: whoever means that says so.
fn choose<'a>(values: impl Iterator<Item = &'a str>) -> Encoding {
    let (mut zstd, mut gzip, mut identity, mut any) = (None, None, None, None);
    for part in values.flat_map(|value| value.split(',')) {
        let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
        let quality = quality(parameters);
        match name.trim().to_ascii_lowercase().as_str() {
            "zstd" => zstd = Some(quality),
            "gzip" | "x-gzip" => gzip = Some(quality),
            "identity" => identity = Some(quality),
            "*" => any = Some(quality),
            _ => {}
        }
    }
    let (zstd, gzip) = (zstd.unwrap_or(0.0), gzip.or(any).unwrap_or(0.0));
    let identity = identity.unwrap_or(0.0);
    if zstd > 0.0 && zstd >= gzip && zstd >= identity {
        Encoding::Zstd
    } else if gzip > 0.0 && gzip >= identity {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

/// The value of `q=`; 1 when absent, 0 when it is not a number.
pub(super) fn quality(parameters: &str) -> f32 {
    let q = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let q = q.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    q.map_or(1.0, |(_, value)| value.trim().parse().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_smallest_is_chosen_when_accepted_and_not_liked_less() {
        let cases = [
            ("", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("GZIP", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("deflate, gzip;q=0.5", Encoding::Gzip),
            ("gzip; q=0", Encoding::Identity),
            ("gzip;q=0.000, *", Encoding::Identity),
            ("*", Encoding::Gzip),
            ("*;q=0", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("identity, gzip", Encoding::Gzip),
            ("identity;q=1, gzip;q=0.5", Encoding::Identity),
            ("gzip;q=nonsense", Encoding::Identity),
            ("br, zstd", Encoding::Zstd),
            ("gzip, deflate, br, zstd", Encoding::Zstd),
            ("gzip, zstd;q=0.5", Encoding::Gzip),
            ("identity, zstd;q=0.5", Encoding::Identity),
            ("zstd;q=0, gzip;q=0.1", Encoding::Gzip),
            ("zstd;q=0, *", Encoding::Gzip),
        ];
        for (header, expected) in cases {
            assert_eq!(choose([header].into_iter()), expected, "{header:?}");
        }
        assert_eq!(choose(["br", "gzip"].into_iter()), Encoding::Gzip, "two headers");
    }
}
