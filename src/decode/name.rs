//! Names of metrics and labels, and those that are the gateway's own.

use super::refusal::{Quoted, Refusal};
use crate::model::{MetricType, Reason};

/// Names of the gateway's own metrics begin with this.
pub const RESERVED_PREFIX: &str = "prom_stream_gateway_";

/// The gateway's own metrics that do not begin with [`RESERVED_PREFIX`]: what
/// every Prometheus client says of its process.
pub const RESERVED_NAMES: [&str; 7] = [
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
];

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

/// Whether the name, or one that its type derives from it, is the gateway's own.
fn is_reserved(name: &str, metric_type: MetricType) -> bool {
    if !name.starts_with("pro") {
        return false;
    }
    if name.starts_with(RESERVED_PREFIX) || RESERVED_NAMES.contains(&name) {
        return true;
    }
    let suffixes: &[&str] = match metric_type {
        MetricType::Counter | MetricType::Gauge | MetricType::Untyped => &[],
        MetricType::Histogram => &["_bucket", "_sum", "_count"],
        MetricType::Summary => &["_sum", "_count"],
    };
    suffixes.iter().any(|suffix| {
        let derives = |own: &str| own.strip_suffix(suffix) == Some(name);
        // Every suffix begins with the underscore that ends the prefix.
        RESERVED_PREFIX.strip_suffix('_') == Some(name) || RESERVED_NAMES.iter().any(|n| derives(n))
    })
}

pub(super) fn is_metric_name(name: &str) -> bool {
    is_word(name, |byte| byte == b':')
}

/// Whether `name` is a label name that users may set.
pub(super) fn is_label_name(name: &str) -> bool {
    is_label_word(name) && !name.starts_with("__")
}

/// Whether `name` stands in label texts without quotes.
pub(super) fn is_label_word(name: &str) -> bool {
    is_word(name, |_| false)
}

fn is_word(name: &str, also: impl Fn(u8) -> bool) -> bool {
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || also(byte);
    match name.as_bytes() {
        [] => false,
        [first, rest @ ..] => {
            is_start(*first) && rest.iter().all(|byte| is_start(*byte) || byte.is_ascii_digit())
        }
    }
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
        assert!(!is_reserved("process_cpu", Histogram));
        assert!(!is_reserved("process_jobs_total", Counter));
        for name in RESERVED_NAMES {
            assert!(is_reserved(name, Counter), "{name}");
        }
    }
}
