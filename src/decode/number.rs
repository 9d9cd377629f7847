//! Numbers, as JSON numbers or as text.
//!
//! Both are read by the standard library from the text that was sent: it rounds
//! correctly, where serde_json's default parser may be off by one unit.

use super::fields::Scalar;

/// Whole numbers of so many digits are exact, and need no rounding.
const MOST_DIGITS: usize = 15;

/// The number that a scalar stands for. Infinities and NaN come only from their names, never from
/// digits that exceed an f64; `null` is what JSON's encoders make of NaN.
pub(super) fn parse(scalar: &Scalar<'_>) -> Option<f64> {
    let text = match scalar {
        Scalar::Text(text) => text.trim_ascii(),
        Scalar::Literal(json) => json,
        Scalar::Null => return Some(f64::NAN),
        Scalar::Missing | Scalar::Unusable(_) => return None,
    };
    if (1..=MOST_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let whole = text.bytes().fold(0, |whole, digit| whole * 10 + u64::from(digit - b'0'));
        return Some(whole as f64);
    }
    // Refuses hexadecimal, the empty string and booleans; takes `inf`,
    // `infinity` and `nan` in any case, with a sign or without.
    let number: f64 = text.parse().ok()?;
    let overflowed = !number.is_finite() && text.bytes().any(|byte| byte.is_ascii_digit());
    (!overflowed).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_literals_and_text() {
        let text = |text: &'static str| parse(&Scalar::Text(text.into()));
        assert_eq!(parse(&Scalar::Literal("-1.5e3")), Some(-1500.0));
        assert_eq!(parse(&Scalar::Literal("1e400")), None);
        assert_eq!(parse(&Scalar::Literal("true")), None);
        assert_eq!(parse(&Scalar::Literal("0.30000000000000004")), Some(0.1 + 0.2));
        assert!(parse(&Scalar::Null).is_some_and(f64::is_nan));
        assert_eq!(text(" 42\t"), Some(42.0));
        assert_eq!(text("000000000000007"), Some(7.0));
        assert_eq!(text("999999999999999"), Some(999_999_999_999_999.0));
        assert_eq!(text("9007199254740993"), Some(9_007_199_254_740_992.0));
        assert_eq!(text("+Inf"), Some(f64::INFINITY));
        assert_eq!(text("inf"), Some(f64::INFINITY));
        assert_eq!(text("-INFINITY"), Some(f64::NEG_INFINITY));
        assert!(text("nan").is_some_and(f64::is_nan));
        for bad in ["", " ", "0x10", "1e400", "-1e400", "1_000", "1,5", "12abc", "true", "null"] {
            assert_eq!(text(bad), None, "{bad:?}");
        }
    }
}
