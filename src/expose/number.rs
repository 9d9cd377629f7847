//! Numbers in their shortest form that reads back equal: `11`, `0.1`, `1e21`, `+Inf`.

use crate::model::Timestamp;

/// Below this every whole number is exact and shorter without an exponent.
const WHOLE_LIMIT: f64 = 1e15;

/// Appends `value` as the text format writes numbers.
pub fn push_number(out: &mut Vec<u8>, value: f64) {
    if value.abs() < WHOLE_LIMIT && value.fract() == 0.0 {
        push_whole(out, value as i64);
    } else if value.is_finite() {
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(value);
        out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    } else {
        out.extend_from_slice(match value {
            f64::INFINITY => b"+Inf",
            f64::NEG_INFINITY => b"-Inf",
            _ => b"NaN",
        });
    }
}

/// Appends `value` as Go writes it, and with Go the Pushgateway, the Python client and OpenMetrics'
/// canonical numbers: `1e+06`, `1e-05`, `123456`. As bounds and quantiles numbers are label values,
/// so series identity hangs on how they are spelled.
pub fn push_go_number(out: &mut Vec<u8>, value: f64) {
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e').filter(|_| value.is_finite()) else {
        return push_number(out, value);
    };
    let exponent: i32 = exponent.parse().expect("what was just written");
    if (-4..6).contains(&exponent) {
        return out.extend_from_slice(format!("{value}").as_bytes());
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    out.extend_from_slice(format!("{digits}e{sign}{:02}", exponent.abs()).as_bytes());
}

/// Appends a bound or a quantile. Zero has no sign there: `-0` would be another label value.
pub fn push_label_number(out: &mut Vec<u8>, value: f64) {
    push_go_number(out, value + 0.0);
}

/// Appends a bound or a quantile as OpenMetrics has it: never as a whole number.
pub fn push_label_float(out: &mut Vec<u8>, value: f64) {
    let start = out.len();
    push_label_number(out, value);
    if value.is_finite() && !out[start..].iter().any(|byte| matches!(byte, b'.' | b'e')) {
        out.extend_from_slice(b".0");
    }
}

/// Appends a time in seconds, with milliseconds.
pub fn push_seconds(out: &mut Vec<u8>, at: Timestamp) {
    push_whole(out, at.0 / 1000);
    let fraction = at.0 % 1000;
    if fraction != 0 {
        out.extend_from_slice(format!(".{fraction:03}").as_bytes());
    }
}

/// Appends a whole number.
pub fn push_whole(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        push_number(&mut out, value);
        String::from_utf8(out).expect("numbers are ASCII")
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (11.0, "11"),
            (-3.0, "-3"),
            (0.1, "0.1"),
            (2.5, "2.5"),
            (1e-7, "1e-7"),
            (999_999_999_999_999.0, "999999999999999"),
            (1e15, "1000000000000000"),
            (1e21, "1e21"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(value), expected);
        }
    }

    #[test]
    fn bounds_are_floats_and_times_have_milliseconds() {
        let cases = [
            (1.0, "1", "1.0"),
            (0.25, "0.25", "0.25"),
            (-0.0, "0", "0.0"),
            (100_000.0, "100000", "100000.0"),
            (1e6, "1e+06", "1e+06"),
            (1_234_567.0, "1.234567e+06", "1.234567e+06"),
            (-2.5e6, "-2.5e+06", "-2.5e+06"),
            (0.0001, "0.0001", "0.0001"),
            (0.000_05, "5e-05", "5e-05"),
            (0.000_012_5, "1.25e-05", "1.25e-05"),
            (1e21, "1e+21", "1e+21"),
            (1e-300, "1e-300", "1e-300"),
            (f64::INFINITY, "+Inf", "+Inf"),
        ];
        for (value, in_text, in_open_metrics) in cases {
            for (push, expected) in [
                (push_label_number as fn(&mut Vec<u8>, f64), in_text),
                (push_label_float, in_open_metrics),
            ] {
                let mut out = Vec::new();
                push(&mut out, value);
                assert_eq!(String::from_utf8(out).expect("ASCII"), expected);
            }
        }
        for (at, expected) in [(1_700_000_000_007, "1700000000.007"), (5_000, "5")] {
            let mut out = Vec::new();
            push_seconds(&mut out, Timestamp(at));
            assert_eq!(String::from_utf8(out).expect("ASCII"), expected);
        }
    }

    proptest! {
        #[test]
        fn numbers_read_back_equal(value in any::<f64>(), whole in any::<i32>()) {
            for value in [value, f64::from(whole)] {
                let read: f64 = text(value).parse().expect("a number");
                prop_assert!(read == value || (read.is_nan() && value.is_nan()), "{value}");
            }
        }
    }
}
