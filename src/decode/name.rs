//! Names of metrics and labels, and those that are the gateway's own.

use super::refusal::{Quoted, Refusal};
use crate::model::name::{is_label_word, is_metric_name};
use crate::model::push::is_group_time;
use crate::model::{MetricType, Reason, labels};

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
        || is_group_time(name)
        || (derives && RESERVED_PREFIX.strip_suffix('_') == Some(name))
}

/// Whether `name` is a label name that users may set.
pub(super) fn is_label_name(name: &str) -> bool {
    is_label_word(name) && !name.starts_with("__")
}

/// Whether `name` may be taken where names are of any characters.
pub(super) fn is_utf8_name(name: &str) -> bool {
    !name.is_empty() && labels::is_servable(name)
}

/// As [`is_label_name`], of any characters where `utf8_names` are taken.
pub(super) fn is_label_name_of(name: &str, utf8_names: bool) -> bool {
    is_label_name(name) || (utf8_names && is_utf8_name(name) && !name.starts_with("__"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_names_are_words_or_anything() {
        assert!(is_label_name("_a9") && !is_label_name("__a") && !is_label_name("a:b"));
        for (name, any) in [("a b", true), ("é", true), ("__a", false), ("", false), ("a\0", false)]
        {
            assert_eq!(is_label_name_of(name, true), any, "{name:?}");
            assert!(!is_label_name_of(name, false), "{name:?}");
        }
    }

    #[test]
    fn own_names_are_reserved_also_when_a_type_derives_them() {
        use MetricType::{Counter, Gauge, Histogram, Summary};
        assert!(is_reserved("prom_stream_gateway_info", Gauge));
        assert!(is_reserved("prom_stream_gateway_", Gauge));
        assert!(!is_reserved("prom_stream_gateway", Counter));
        assert!(is_reserved("prom_stream_gateway", Histogram));
        assert!(is_reserved("prom_stream_gateway", Summary));
        assert!(is_reserved("push_time_seconds", Counter));
        assert!(is_reserved("push_failure_time_seconds", Histogram));
        assert!(!is_reserved("process_cpu_seconds_total", Counter));
    }
}
