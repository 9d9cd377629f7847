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

/// Appends `value` as OpenMetrics writes bounds and quantiles: never as a whole number.
pub fn push_float(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        // Zero has no sign here: `-0.0` would be another label value than `0.0`.
        let mut buffer = ryu::Buffer::new();
        out.extend_from_slice(buffer.format_finite(value + 0.0).as_bytes());
    } else {
        push_number(out, value);
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
            (1.0, "1.0"),
            (0.25, "0.25"),
            (-0.0, "0.0"),
            (1e6, "1000000.0"),
            (1e21, "1e21"),
            (f64::INFINITY, "+Inf"),
        ];
        for (value, expected) in cases {
            let mut out = Vec::new();
            push_float(&mut out, value);
            assert_eq!(String::from_utf8(out).expect("ASCII"), expected);
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
