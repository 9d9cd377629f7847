//! What several rounds measured: the median, and the least and the most beside it.

use std::fmt;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (figures.first(), figures.last()) else {
            panic!("nothing was measured");
        };
        let (lower, upper) = (figures[(figures.len() - 1) / 2], figures[figures.len() / 2]);
        Self { median: f64::midpoint(lower, upper), least: *least, most: *most }
    }

    /// In another unit.
    pub(crate) fn times(self, factor: f64) -> Self {
        let Self { median, least, most } = self;
        Self { median: median * factor, least: least * factor, most: most * factor }
    }
}

/// `2.21 [2.10–2.30]`, or one number when there is but one.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, least, most } = self;
        if least == most {
            return f.write_str(&significant(*median));
        }
        write!(f, "{} [{}–{}]", significant(*median), significant(*least), significant(*most))
    }
}

/// With three digits that mean something, and commas between thousands.
pub(crate) fn significant(number: f64) -> String {
    let size = number.abs();
    if size >= 100.0 {
        let digits = format!("{:.0}", size.round());
        let sign = if number < 0.0 { "-" } else { "" };
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        return format!("{sign}{grouped}");
    }
    let decimals = if size > 0.0 { 2 - size.log10().floor() as i32 } else { 0 };
    let decimals = decimals.clamp(0, 6) as usize;
    format!("{number:.decimals$}")
}
