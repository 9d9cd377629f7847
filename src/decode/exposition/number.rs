//! Numbers of the text formats.
//!
//! Floats in the forms that Go's `ParseFloat` takes, but for hexadecimal ones. Most values are
//! short whole numbers, which need no general parser. Counts are read as integers where they are
//! written so: an f64 has no room for those beyond 2^53.

use crate::model::Timestamp;

/// The longest run of digits that is below 2^53 whatever the digits.
const EXACT_DIGITS: usize = 15;

/// 2^64, the first whole number that is no u64.
const TOO_LARGE_FOR_U64: f64 = 18_446_744_073_709_551_616.0;

/// Infinities and NaN come only from their names, never from digits that exceed an f64.
pub(super) fn float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    if (1..=EXACT_DIGITS).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit) {
        let whole = bytes.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        return Some(whole as f64);
    }
    let number: f64 = text.parse().ok()?;
    let overflowed = !number.is_finite() && bytes.iter().any(u8::is_ascii_digit);
    (!overflowed).then_some(number)
}

/// A number of observations, also when it is written as a float: `3.0`, `1e3`.
pub(super) fn count(text: &str) -> Option<u64> {
    text.parse().ok().or_else(|| float(text).and_then(whole))
}

/// A float that is a number of observations.
pub(super) fn whole(number: f64) -> Option<u64> {
    let is_whole = (0.0..TOO_LARGE_FOR_U64).contains(&number) && number.fract() == 0.0;
    is_whole.then_some(number as u64)
}

/// Milliseconds, as in the text format; `None` for what is no such number. Only that there is a
/// timestamp matters to anybody, so its value is not kept.
pub(super) fn is_millisecond_timestamp(text: &str) -> bool {
    text.parse::<i64>().is_ok()
}

/// Seconds with a fraction, as in OpenMetrics.
pub(super) fn seconds(text: &str) -> Option<Timestamp> {
    let milliseconds = (float(text)? * 1000.0).round();
    (0.0..TOO_LARGE_FOR_U64).contains(&milliseconds).then_some(Timestamp(milliseconds as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_read_as_go_reads_them() {
        let cases = [
            ("0", 0.0),
            ("12", 12.0),
            ("999999999999999", 999_999_999_999_999.0),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("-1.5", -1.5),
            ("+2", 2.0),
            ("1e3", 1000.0),
            ("1E3", 1000.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("5e-324", 5e-324),
            ("+Inf", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
            ("INFINITY", f64::INFINITY),
        ];
        for (text, expected) in cases {
            assert_eq!(float(text), Some(expected), "{text}");
        }
        assert!(float("NaN").is_some_and(f64::is_nan) && float("nan").is_some_and(f64::is_nan));
        for bad in ["", ".", "1e400", "-1e400", "0x10", "1_000", "1,5", "--1", "1 ", "infin"] {
            assert_eq!(float(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn counts_are_whole_and_exact() {
        for (text, expected) in [
            ("3", Some(3)),
            ("3.0", Some(3)),
            ("1e3", Some(1000)),
            ("9007199254740993", Some(9_007_199_254_740_993)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            ("0.5", None),
            ("NaN", None),
            ("+Inf", None),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
    }

    #[test]
    fn times_are_seconds_or_milliseconds() {
        assert_eq!(seconds("1625.5"), Some(Timestamp(1_625_500)));
        assert_eq!(seconds("0"), Some(Timestamp(0)));
        assert!(seconds("-1").is_none() && seconds("NaN").is_none() && seconds("1e300").is_none());
        assert!(is_millisecond_timestamp("-1") && !is_millisecond_timestamp("1.5"));
    }
}
