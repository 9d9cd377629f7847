//! From the text of a setting to its typed value.
//!
//! A [`Rule`] says what a setting may be: it parses, words what it expects for the error
//! message, and prints a value the way it could be written. Every spelling that the .NET
//! configuration writes is accepted: `True`, `00:00:05`, `Information`.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A setting before it has a type: whatever the layer it came from, text or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Raw {
    Text(String),
    List(Vec<String>),
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(items) => write!(f, "{items:?}"),
        }
    }
}

impl Raw {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()),
            Self::List(_) => None,
        }
    }
}

/// What a setting may be.
pub(crate) trait Rule {
    type Value;

    fn parse(&self, raw: &Raw) -> Option<Self::Value>;

    /// Ends the sentence "expected …".
    fn expected(&self) -> String;

    fn show(&self, value: &Self::Value) -> String;

    /// A refused value, for the error message.
    fn show_refused(&self, raw: &Raw) -> String {
        raw.to_string()
    }
}

pub(crate) struct Bool;

impl Rule for Bool {
    type Value = bool;

    fn parse(&self, raw: &Raw) -> Option<bool> {
        parse_bool(raw.text()?)
    }

    fn expected(&self) -> String {
        "true or false".into()
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }
}

pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// A whole number within bounds.
pub(crate) struct Whole(pub(crate) RangeInclusive<u64>);

impl Rule for Whole {
    type Value = u64;

    fn parse(&self, raw: &Raw) -> Option<u64> {
        raw.text()?.parse().ok().filter(|number| self.0.contains(number))
    }

    fn expected(&self) -> String {
        match (self.0.start(), self.0.end()) {
            (low, &u64::MAX) => format!("a whole number, {low} or above"),
            (low, high) => format!("a whole number from {low} to {high}"),
        }
    }

    fn show(&self, value: &u64) -> String {
        value.to_string()
    }
}

/// Text that is not empty.
pub(crate) struct Text;

impl Rule for Text {
    type Value = String;

    fn parse(&self, raw: &Raw) -> Option<String> {
        raw.text().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn expected(&self) -> String {
        "text that is not empty".into()
    }

    fn show(&self, value: &String) -> String {
        value.clone()
    }
}

/// Names: an array, a JSON array as text, or comma-separated text.
pub(crate) struct Names;

impl Rule for Names {
    type Value = Vec<String>;

    fn parse(&self, raw: &Raw) -> Option<Vec<String>> {
        let names: Vec<String> = match raw {
            Raw::List(items) => items.clone(),
            Raw::Text(text) if text.trim_start().starts_with('[') => {
                serde_json::from_str(text).ok()?
            }
            Raw::Text(text) if text.trim().is_empty() => Vec::new(),
            Raw::Text(text) => text.split(',').map(str::to_owned).collect(),
        };
        let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
        names.iter().all(|name| !name.is_empty()).then_some(names)
    }

    fn expected(&self) -> String {
        "names, none of them empty: an array, or separated by commas".into()
    }

    fn show(&self, value: &Vec<String>) -> String {
        value.join(",")
    }
}

/// A duration that is not too short.
pub(crate) struct AtLeast(pub(crate) Duration);

impl Rule for AtLeast {
    type Value = Duration;

    fn parse(&self, raw: &Raw) -> Option<Duration> {
        parse_duration(raw.text()?).filter(|duration| *duration >= self.0)
    }

    fn expected(&self) -> String {
        format!("a duration such as 500ms, 5s, 5m or 1h, {} or longer", show_duration(self.0))
    }

    fn show(&self, value: &Duration) -> String {
        show_duration(*value)
    }
}

fn show_duration(duration: Duration) -> String {
    match (duration.as_secs(), duration.subsec_nanos()) {
        (0, _) => format!("{duration:?}"),
        (seconds, 0) if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        (seconds, 0) if seconds % 60 == 0 => format!("{}m", seconds / 60),
        _ => format!("{duration:?}"),
    }
}

/// `5s`, `1m30s`, a .NET TimeSpan, or a number of seconds.
fn parse_duration(text: &str) -> Option<Duration> {
    if text.contains(':') {
        return parse_time_span(text);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let seconds = match unit.to_ascii_lowercase().as_str() {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = tail.trim_start();
    }
    (!text.is_empty()).then_some(total)
}

/// .NET's `[d.]hh:mm[:ss[.fffffff]]`.
fn parse_time_span(text: &str) -> Option<Duration> {
    let mut parts = text.split(':');
    let first = parts.next()?;
    let (days, hours) = match first.split_once('.') {
        Some((days, hours)) => (days.parse::<u32>().ok()?, hours),
        None => (0, first),
    };
    let hours = hours.parse::<u32>().ok().filter(|hours| *hours < 24)?;
    let minutes = parts.next()?.parse::<u32>().ok().filter(|minutes| *minutes < 60)?;
    let seconds = match parts.next() {
        Some(seconds) => seconds.parse::<f64>().ok().filter(|s| (0.0..60.0).contains(s))?,
        None => 0.0,
    };
    if parts.next().is_some() {
        return None;
    }
    let whole = (u64::from(days) * 24 + u64::from(hours)) * 3600 + u64::from(minutes) * 60;
    Some(Duration::from_secs(whole) + Duration::try_from_secs_f64(seconds).ok()?)
}

/// One of a few words, ignoring case; the first word of a value is the one that is shown.
pub(crate) struct OneOf<T: 'static>(pub(crate) &'static [(T, &'static [&'static str])]);

impl<T: Copy + PartialEq> Rule for OneOf<T> {
    type Value = T;

    fn parse(&self, raw: &Raw) -> Option<T> {
        let text = raw.text()?;
        let known = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
        self.0.iter().find(|(_, words)| known(words)).map(|(value, _)| *value)
    }

    fn expected(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|(_, words)| words[0]).collect();
        format!("one of {}", words.join(", "))
    }

    fn show(&self, value: &T) -> String {
        let words = self.0.iter().find(|(known, _)| known == value).map(|(_, words)| words[0]);
        words.expect("every value of the type has its words").into()
    }
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
