//! Builds the `prometheus` crate's families from plain numbers.

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use super::NAMESPACE;

/// One family under construction; without samples it is not served.
pub(super) struct Family {
    family: MetricFamily,
    metrics: Vec<Metric>,
}

impl Family {
    /// A family of counters; `name` comes without the namespace.
    pub(super) fn counter(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::COUNTER)
    }

    /// A family of gauges; `name` comes without the namespace.
    pub(super) fn gauge(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::GAUGE)
    }

    fn new(name: &str, help: &str, metric_type: MetricType) -> Self {
        let mut family = MetricFamily::default();
        family.set_name(format!("{NAMESPACE}_{name}"));
        family.set_help(help.to_owned());
        family.set_field_type(metric_type);
        Self { family, metrics: Vec::new() }
    }

    /// Adds the sample without labels.
    pub(super) fn value(self, value: impl Number) -> Self {
        self.sample(&[], value)
    }

    /// Adds a sample.
    pub(super) fn sample(mut self, labels: &[(&str, &str)], value: impl Number) -> Self {
        let labels = labels.iter().map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        let mut metric = Metric::from_label(labels.collect());
        if self.family.get_field_type() == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value.to_f64());
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value.to_f64());
            metric.set_gauge(gauge);
        }
        self.metrics.push(metric);
        self
    }

    pub(super) fn build(self) -> MetricFamily {
        let Self { mut family, metrics } = self;
        family.set_metric(metrics);
        family
    }
}

/// What a sample can be made of. Counts above 2^53 lose their last digits, as in Prometheus.
pub(super) trait Number {
    fn to_f64(self) -> f64;
}

impl Number for f64 {
    fn to_f64(self) -> f64 {
        self
    }
}

impl Number for u64 {
    fn to_f64(self) -> f64 {
        self as f64
    }
}

impl Number for bool {
    fn to_f64(self) -> f64 {
        f64::from(u8::from(self))
    }
}
