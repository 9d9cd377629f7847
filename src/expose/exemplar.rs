//! Exemplars as OpenMetrics writes them after a sample: ` # {trace_id="x"} 0.5 1700000000.123`.

use super::escaping::Escaping;
use super::label_names::LabelNames;
use super::number::{push_number, push_seconds};
use crate::model::{Exemplar, labels};

/// Characters that the labels of an exemplar may have: names and values, as OpenMetrics counts.
const MOST_CHARACTERS: usize = 128;

/// Appends the exemplar, unless its labels are such as readers don't take.
pub(super) fn push_exemplar(out: &mut Vec<u8>, exemplar: &Exemplar, escaping: Escaping) {
    let text: &str = &exemplar.labels;
    let served = LabelNames::of(std::iter::once(text), escaping);
    let served = served.apply(text);
    if characters(&served) > MOST_CHARACTERS || !labels::is_servable(&served) {
        return;
    }
    out.extend_from_slice(b" # {");
    out.extend_from_slice(served.as_bytes());
    out.extend_from_slice(b"} ");
    push_number(out, exemplar.value);
    if let Some(timestamp) = exemplar.timestamp {
        out.push(b' ');
        push_seconds(out, timestamp);
    }
}

fn characters(text: &str) -> usize {
    let pair = |pair| {
        let (name, value) = labels::split(pair);
        labels::unquoted(name).chars().count() + labels::unescaped(value).chars().count()
    };
    labels::pairs(text).map(pair).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn written(labels: &str, timestamp: Option<Timestamp>) -> String {
        let exemplar = Exemplar { labels: labels.into(), value: 1.0, timestamp };
        let mut out = Vec::new();
        push_exemplar(&mut out, &exemplar, Escaping::Underscores);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn labels_are_counted_without_quotes_and_escapes() {
        let of = |count| format!("a=\"{}\",b=\"\"", "\\\\".repeat(count));
        let longest = of(126);
        assert_eq!(written(&longest, None), format!(" # {{{longest}}} 1"));
        assert_eq!(written(&of(127), None), "");
        assert_eq!(written("a=\"\0\"", None), "");
    }

    #[test]
    fn times_have_milliseconds_and_names_are_spelled() {
        let written = written(r#""a.b"="1""#, Some(Timestamp(1_700_000_000_007)));
        assert_eq!(written, " # {a_b=\"1\"} 1 1700000000.007");
    }
}
