//! `Accept-Encoding`: whether the client would rather have gzip.

use warp::Filter;
use warp::http::HeaderMap;
use warp::http::header::ACCEPT_ENCODING;

/// How a page is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

/// The encoding to answer with.
pub(super) fn accept_encoding()
-> impl Filter<Extract = (Encoding,), Error = std::convert::Infallible> + Copy + Send + Sync {
    warp::header::headers_cloned().map(|headers: HeaderMap| {
        let values = headers.get_all(ACCEPT_ENCODING).iter();
        choose(values.filter_map(|value| value.to_str().ok()))
    })
}

/// Gzip when it is accepted and not liked less than identity; `q=0` refuses, `*` stands for the unnamed.
fn choose<'a>(values: impl Iterator<Item = &'a str>) -> Encoding {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for part in values.flat_map(|value| value.split(',')) {
        let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
        let quality = quality(parameters);
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = Some(quality),
            "identity" => identity = Some(quality),
            "*" => any = Some(quality),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    if gzip > 0.0 && gzip >= identity.unwrap_or(0.0) { Encoding::Gzip } else { Encoding::Identity }
}

/// The value of `q=`; 1 when absent, 0 when it is not a number.
fn quality(parameters: &str) -> f32 {
    let q = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let q = q.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    q.map_or(1.0, |(_, value)| value.trim().parse().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_chosen_when_accepted_and_not_liked_less() {
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
            ("br, zstd", Encoding::Identity),
        ];
        for (header, expected) in cases {
            assert_eq!(choose([header].into_iter()), expected, "{header:?}");
        }
        assert_eq!(choose(["br", "gzip"].into_iter()), Encoding::Gzip, "two headers");
    }
}
