//! Labels in a path: `job/nightly/path@base64/L3Zhci90bXA`.
//!
//! Parts are split before they are decoded, so a `%2F` stays in its value. A part named
//! `<label>@base64` holds its value in URL-safe base64, where even an empty value can stand: `=`.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use super::failure::Failure;
use crate::model::Reason;

/// As lenient as those who invented this form: padding and the last bits do not matter.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The pairs that follow `/metrics/` in a raw path.
pub(super) fn labels(path: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut parts: Vec<&str> = path.split('/').collect();
    // A slash at the end separates from nothing, unless it is what stands before an empty value.
    if parts.len() % 2 == 1 && parts.last() == Some(&"") {
        parts.pop();
    }
    let (pairs, odd) = parts.as_chunks::<2>();
    if let [odd] = odd {
        return Err(bad(format!(
            "labels must be defined in pairs: {odd:?} is a label without a value; expected \
             /metrics/<label>/<value>, as often as needed"
        )));
    }
    pairs.iter().map(|[name, value]| label(name, value)).collect()
}

fn label(name: &str, value: &str) -> Result<(String, String), Failure> {
    let (name, value) = (decode_percent(name)?, decode_percent(value)?);
    match name.strip_suffix("@base64") {
        Some(name) => Ok((name.to_owned(), decode_base64(name, &value)?)),
        None => Ok((name, value)),
    }
}

fn decode_percent(part: &str) -> Result<String, Failure> {
    let is_escape =
        |rest: &[u8]| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    let escaped_well = part.match_indices('%').all(|(at, _)| is_escape(&part.as_bytes()[at + 1..]));
    if !escaped_well {
        return Err(bad(format!(
            "{part:?} in the path: a % that two hexadecimal digits do not follow; expected %25 for \
             a percent sign"
        )));
    }
    let decoded = percent_decode_str(part).decode_utf8();
    decoded.map(Into::into).map_err(|_| {
        bad(format!("{part:?} in the path decodes to bytes that are not UTF-8; expected UTF-8"))
    })
}

fn decode_base64(name: &str, value: &str) -> Result<String, Failure> {
    let bytes = BASE64.decode(value.trim_end_matches('=')).map_err(|error| {
        bad(format!(
            "label {name:?}: {value:?} is not URL-safe base64 ({error}); expected letters, digits, \
             - and _, and = alone for an empty value"
        ))
    })?;
    String::from_utf8(bytes).map_err(|_| {
        bad(format!("label {name:?}: {value:?} is the base64 of bytes that are not UTF-8"))
    })
}

fn bad(detail: String) -> Failure {
    Failure::bad(Reason::InvalidLabel, detail)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn pairs_are_split_and_then_decoded() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("", &[]),
            ("job/nightly", &[("job", "nightly")]),
            ("job/nightly/", &[("job", "nightly")]),
            ("job/nightly/instance/", &[("job", "nightly"), ("instance", "")]),
            ("job/", &[("job", "")]),
            ("job/a%2Fb", &[("job", "a/b")]),
            ("job/a+b%20c", &[("job", "a+b c")]),
            ("job/%C3%A9%25", &[("job", "é%")]),
            ("a//b/c", &[("a", ""), ("b", "c")]),
            ("job@base64/L3Zhci90bXA", &[("job", "/var/tmp")]),
            ("job@base64/L3Zhci90bXA=", &[("job", "/var/tmp")]),
            ("job@base64/L3Zhci90bXA%3D", &[("job", "/var/tmp")]),
            ("job%40base64/L3Zhci90bXA", &[("job", "/var/tmp")]),
            ("job@base64/=", &[("job", "")]),
            ("job@base64/", &[("job", "")]),
            ("job/x/p@base64/Pz8_Pj4-", &[("job", "x"), ("p", "???>>>")]),
        ];
        for (path, expected) in cases {
            let labels = labels(path).expect(path);
            let labels: Vec<(&str, &str)> =
                labels.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(labels, *expected, "{path}");
        }
    }

    #[test]
    fn a_wrong_path_is_refused_and_its_wrong_part_named() {
        let cases = [
            ("job", "labels must be defined in pairs: \"job\""),
            ("job/x/instance", "labels must be defined in pairs: \"instance\""),
            ("job/100%", "\"100%\" in the path"),
            ("job/%zz", "two hexadecimal digits"),
            ("job/%+1", "two hexadecimal digits"),
            ("job/%ff", "not UTF-8"),
            ("job@base64/a+b=", "not URL-safe base64"),
            ("job@base64/a", "not URL-safe base64"),
            ("job@base64/_w", "not UTF-8"),
        ];
        for (path, expected) in cases {
            let refused = labels(path).expect_err(path);
            assert!(refused.detail.contains(expected), "{path}: {}", refused.detail);
            assert_eq!(refused.status, StatusCode::BAD_REQUEST);
            assert_eq!(refused.reason, Some(Reason::InvalidLabel));
        }
    }
}
