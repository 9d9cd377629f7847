//! Names of metrics and labels, and those that are the gateway's own.

use super::refusal::{Quoted, Refusal};
use crate::model::{MetricType, Reason};

/// Names of the gateway's own metrics begin with this.
pub const RESERVED_PREFIX: &str = "prom_stream_gateway_";

/// Refuses names that are no metric names, and those that are the gateway's own.
pub(super) fn check_metric_name(name: &str, metric_type: MetricType) -> Result<(), Refusal> {
    if !is_metric_name(name) {
        let detail = format!("the name {}; expected [a-zA-Z_:][a-zA-Z0-9_:]*", Quoted(name));
        return Err(Refusal::new(Reason::InvalidName, detail));
    }
    check_not_reserved(name, metric_type)
}

/// Refuses names that are the gateway's own.
pub(super) fn check_not_reserved(name: &str, metric_type: MetricType) -> Result<(), Refusal> {
    if is_reserved(name, metric_type) {
        let detail = format!(
            "the {metric_type} {}; expected a name that the gateway does not serve itself",
            Quoted(name)
        );
        return Err(Refusal::new(Reason::ReservedName, detail));
    }
    Ok(())
}

/// Whether the name, or one that its type derives from it, is the gateway's own. Its `process_…`
/// are nobody's: what it says of its own process gives way to what producers say of theirs.
fn is_reserved(name: &str, metric_type: MetricType) -> bool {
    // Every suffix begins with the underscore that ends the prefix.
    let derives = matches!(metric_type, MetricType::Histogram | MetricType::Summary);
    name.starts_with(RESERVED_PREFIX)
        || (derives && RESERVED_PREFIX.strip_suffix('_') == Some(name))
}

pub(super) fn is_metric_name(name: &str) -> bool {
    is_word(name, LETTER | COLON)
}

/// Whether `name` is a label name that users may set.
pub(super) fn is_label_name(name: &str) -> bool {
    is_label_word(name) && !name.starts_with("__")
}

/// Whether `name` stands in label texts without quotes.
pub(super) fn is_label_word(name: &str) -> bool {
    is_word(name, LETTER)
}

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const COLON: u8 = 4;

/// What each byte is: names are most of an event, and this is looked at for each of their bytes.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => LETTER,
            b'0'..=b'9' => DIGIT,
            b':' => COLON,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// Whether it begins with one of `letters`, and goes on with those and digits.
fn is_word(name: &str, letters: u8) -> bool {
    let is = |byte: &u8, classes| CLASSES[usize::from(*byte)] & classes != 0;
    name.as_bytes().first().is_some_and(|first| is(first, letters))
        && name.bytes().all(|byte| is(&byte, letters | DIGIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_data_model() {
        for good in ["a", "_", ":", "a:b_c9", "A1", "__x"] {
            assert!(is_metric_name(good), "{good}");
        }
        for bad in ["", "9a", "a-b", "a b", "é", "a.b", "a\n"] {
            assert!(!is_metric_name(bad), "{bad}");
            assert!(!is_label_name(bad), "{bad}");
        }
        assert!(is_label_name("_a9") && !is_label_name("__a") && !is_label_name("a:b"));
    }

    #[test]
    fn own_names_are_reserved_also_when_a_type_derives_them() {
        use MetricType::{Counter, Gauge, Histogram, Summary};
        assert!(is_reserved("prom_stream_gateway_info", Gauge));
        assert!(is_reserved("prom_stream_gateway_", Gauge));
        assert!(!is_reserved("prom_stream_gateway", Counter));
        assert!(is_reserved("prom_stream_gateway", Histogram));
        assert!(is_reserved("prom_stream_gateway", Summary));
        assert!(!is_reserved("process_cpu_seconds_total", Counter));
    }
}
