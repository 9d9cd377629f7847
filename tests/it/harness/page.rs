//! A strict reader of the text format: what Prometheus would tolerate and what is
//! wrong all the same (a family twice, a falling bucket) is an error here.

use std::collections::BTreeMap;

/// A parsed page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// Family to type.
    pub(crate) types: BTreeMap<String, String>,
    pub(crate) helps: BTreeMap<String, String>,
    /// Values by `name{labels}`, labels sorted by name.
    pub(crate) samples: BTreeMap<String, f64>,
}

/// A sample's name with its labels, in the form in which pages keep it.
pub(crate) fn key(name: &str, labels: &[(&str, &str)]) -> String {
    let mut pairs: Vec<_> = labels.to_vec();
    pairs.sort_unstable();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{name}{{{}}}", pairs.join(","))
}

impl Page {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut page = Self::default();
        let mut family = String::new();
        let mut histograms = BTreeMap::<String, Histogram>::new();
        if !text.is_empty() && !text.ends_with('\n') {
            return Err("the last line does not end".into());
        }
        for line in text.lines() {
            page.line(line, &mut family, &mut histograms)
                .map_err(|error| format!("{error}: {line:?}"))?;
        }
        for (series, histogram) in histograms {
            histogram.check().map_err(|error| format!("histogram {series}: {error}"))?;
        }
        Ok(page)
    }

    /// The value of one sample.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.samples.get(&key(name, labels)).copied()
    }

    fn line(
        &mut self,
        line: &str,
        family: &mut String,
        histograms: &mut BTreeMap<String, Histogram>,
    ) -> Result<(), String> {
        if let Some(comment) = line.strip_prefix("# ") {
            let (kind, rest) = comment.split_once(' ').ok_or("a bare comment")?;
            let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let seen = match kind {
                "HELP" => self.helps.insert(name.into(), text.into()).is_some(),
                "TYPE" => self.types.insert(name.into(), text.into()).is_some(),
                _ => return Err("neither HELP nor TYPE".into()),
            };
            if seen {
                return Err(format!("a second {kind}"));
            }
            if kind == "HELP" && self.types.contains_key(name) {
                return Err("HELP after TYPE".into());
            }
            *family = name.into();
            return Ok(());
        }
        let (name, labels, value) = split_sample(line)?;
        let metric_type = self.types.get(family.as_str()).map_or("", String::as_str);
        let suffix = name.strip_prefix(family.as_str()).ok_or("not of the family above")?;
        let belongs = match metric_type {
            "histogram" => matches!(suffix, "_bucket" | "_sum" | "_count"),
            "summary" => matches!(suffix, "" | "_sum" | "_count"),
            "counter" | "gauge" | "untyped" => suffix.is_empty(),
            _ => return Err(format!("family {family} has no TYPE, or a strange one")),
        };
        if !belongs {
            return Err(format!("no sample of the {metric_type} {family}"));
        }
        let pairs: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        if metric_type == "histogram" {
            let base: Vec<_> = pairs.iter().copied().filter(|(name, _)| *name != "le").collect();
            let series = histograms.entry(key(family, &base)).or_default();
            series.add(suffix, &pairs, value)?;
        }
        match self.samples.insert(key(name, &pairs), value) {
            Some(_) => Err("a duplicate sample".into()),
            None => Ok(()),
        }
    }
}

/// The parts of one histogram series, as they were met.
#[derive(Default)]
struct Histogram {
    buckets: Vec<(f64, f64)>,
    sum: bool,
    count: Option<f64>,
}

impl Histogram {
    fn add(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) -> Result<(), String> {
        match suffix {
            "_bucket" => {
                let le = labels.iter().find(|(name, _)| *name == "le").ok_or("no le")?.1;
                self.buckets.push((number(le)?, value));
            }
            "_sum" => self.sum = true,
            _ => self.count = Some(value),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        if !self.buckets.is_sorted_by(|a, b| a.0 < b.0) {
            return Err("bounds do not ascend".into());
        }
        if !self.buckets.is_sorted_by(|a, b| a.1 <= b.1) {
            return Err("buckets fall".into());
        }
        let last = self.buckets.last().filter(|(bound, _)| *bound == f64::INFINITY);
        if last.map(|(_, value)| *value) != self.count || self.count.is_none() || !self.sum {
            return Err(format!("+Inf {last:?} and _count {:?} differ, or lack", self.count));
        }
        Ok(())
    }
}

type Labels = Vec<(String, String)>;
type Sample<'a> = (&'a str, Labels, f64);

fn split_sample(line: &str) -> Result<Sample<'_>, String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let name = &line[..end];
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    if name.is_empty() || !name.chars().all(legal) || name.starts_with(|c: char| c.is_ascii_digit())
    {
        return Err("an illegal name".into());
    }
    let (labels, rest) = match line[end..].strip_prefix('{') {
        Some(rest) => split_labels(rest)?,
        None => (Vec::new(), &line[end..]),
    };
    let value = rest.strip_prefix(' ').ok_or("no blank before the value")?;
    Ok((name, labels, number(value)?))
}

/// Labels up to the closing brace, unescaped, and what follows the brace.
fn split_labels(text: &str) -> Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        if !labels.is_empty() {
            rest = rest.strip_prefix(',').ok_or("no comma between labels")?;
        }
        let (name, after) = rest.split_once("=\"").ok_or("a label without a value")?;
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(legal) {
            return Err(format!("an illegal label name {name:?}"));
        }
        if labels.iter().any(|(seen, _)| seen == name) {
            return Err(format!("label {name} twice"));
        }
        let mut value = String::new();
        let mut characters = after.char_indices();
        rest = loop {
            match characters.next().ok_or("a label value without an end")? {
                (at, '"') => break &after[at + 1..],
                (_, '\\') => value.push(match characters.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, c @ ('\\' | '"'))) => c,
                    other => return Err(format!("an escape of {other:?}")),
                }),
                (_, c) => value.push(c),
            }
        };
        labels.push((name.into(), value));
    }
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        "NaN" => Ok(f64::NAN),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            text.parse().map_err(|_| format!("{text:?} is not a number"))
        }
        _ => Err(format!("{text:?} is not a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_and_unescaped() {
        let text = "# HELP a A.\n# TYPE a counter\na{y=\"q\\\"\\n\",x=\"1\"} 2\n# TYPE h histogram\n\
                    h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 5\nh_count 2\n";
        let page = Page::parse(text).unwrap();
        assert_eq!(page.value("a", &[("x", "1"), ("y", "q\"\n")]), Some(2.0));
        assert_eq!(page.value("h_count", &[]), Some(2.0));
        assert_eq!(page.types["h"], "histogram");
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for wrong in [
            "a 1\n",
            "# TYPE a counter\na 1",
            "# TYPE a counter\na 1\na 2\n",
            "# TYPE a counter\na{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n",
            "# TYPE a counter\n# TYPE b counter\na 1\n",
            "# TYPE a counter\na 1\n# TYPE a counter\na{x=\"1\"} 1\n",
            "# TYPE a counter\na{x=\"1} 1\n",
            "# TYPE a counter\na{x=\"\\q\"} 1\n",
            "# TYPE a counter\na one\n",
            "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 5\nh_count 2\n",
            "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 5\nh_count 1\n",
            "# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 2\nh_sum 5\nh_count 2\n",
        ] {
            assert!(Page::parse(wrong).is_err(), "{wrong}");
        }
    }
}
