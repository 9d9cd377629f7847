//! How a value meets what is there: the `mode` of an event, the `clearmode` of a push.

/// The longest window in seconds: a day.
pub const LONGEST_WINDOW_SECONDS: u32 = 24 * 60 * 60;

/// What a value does to its series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The type's own law: gauges replace, all else adds up.
    #[default]
    Natural,
    Add,
    Replace,
    /// Replaces, and removes every other series of the family.
    Family,
    /// The mean of what came in the last so many seconds.
    Mean {
        window_seconds: u32,
    },
    /// The sum of what came in the last so many seconds.
    Sum {
        window_seconds: u32,
    },
}

impl Mode {
    /// What [`Mode::parse`] reads.
    pub const EXPECTED: &str =
        "aggregate, sum, replace, family, info, or mean or sum with a window of 1s to 24h (mean5m)";

    /// Reads `aggregate`, `sum`, `replace`, `family`, `info`, `mean5m`, `sum90s`, `sum1h`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        const WORDS: [(&str, Mode); 5] = [
            ("aggregate", Mode::Add),
            ("sum", Mode::Add),
            ("replace", Mode::Replace),
            ("family", Mode::Family),
            ("info", Mode::Family),
        ];
        if let Some((_, mode)) = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            return Some(*mode);
        }
        if let Some(window) = strip_prefix(text, "mean") {
            return Some(Self::Mean { window_seconds: window_seconds(window)? });
        }
        let window = strip_prefix(text, "sum")?;
        Some(Self::Sum { window_seconds: window_seconds(window)? })
    }
}

/// What follows a prefix that may be written in any case.
fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `90s`, `5m` or `1h`; from a second to a day.
fn window_seconds(text: &str) -> Option<u32> {
    let (number, unit_seconds) = match text.as_bytes() {
        [number @ .., b's' | b'S'] => (number, 1),
        [number @ .., b'm' | b'M'] => (number, 60),
        [number @ .., b'h' | b'H'] => (number, 3600),
        _ => return None,
    };
    let number = str::from_utf8(number).ok()?;
    let digits_only = number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = number.parse::<u32>().ok().filter(|_| digits_only)?.checked_mul(unit_seconds)?;
    (1..=LONGEST_WINDOW_SECONDS).contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_in_any_case_and_windows_have_bounds() {
        let cases = [
            ("aggregate", Some(Mode::Add)),
            ("SUM", Some(Mode::Add)),
            ("replace", Some(Mode::Replace)),
            ("info", Some(Mode::Family)),
            ("mean5m", Some(Mode::Mean { window_seconds: 300 })),
            ("Sum1H", Some(Mode::Sum { window_seconds: 3600 })),
            ("sum90s", Some(Mode::Sum { window_seconds: 90 })),
            ("sum24h", Some(Mode::Sum { window_seconds: 86_400 })),
            ("sum25h", None),
            ("mean0s", None),
            ("mean", None),
            ("mean5", None),
            ("sum+5m", None),
            ("sum99999999999h", None),
            ("sumé", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Mode::parse(text), expected, "{text}");
        }
    }
}
