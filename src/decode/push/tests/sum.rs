//! The dialect `sum`.

use super::*;
use Dialect::Sum;

#[test]
fn everything_adds_up_and_clearmode_is_a_label() {
    let body = Body::default()
        .counter("c", "clearmode=replace", 2.0)
        .gauge("g", "", -3.0)
        .family(MetricType::Histogram, "h")
        .histogram("", &[(0.5, 1), (f64::INFINITY, 2)], 4.0)
        .family(MetricType::Summary, "s")
        .summary("", &[(0.5, 1.0)], 3, 9.0);
    let expected = [
        r#"counter c{clearmode="replace",job="x"} + 2"#,
        r#"gauge g{job="x"} + -3"#,
        r#"histogram h{job="x"} + [0.5] [1, 2] sum 4"#,
        r#"summary s{job="x"} + 3 sum 9 []"#,
    ];
    assert_eq!(meaning(Sum, &[("job", "x")], &body), expected);
}

#[test]
fn a_label_is_in_the_path_or_in_the_body() {
    let body = Body::default().gauge("g", "a=1,job=y", 1.0);
    let detail = "duplicate label job: a series of the gauge g carries it";
    assert_refused(Sum, &[("job", "x")], &body, Reason::InvalidLabel, detail);
    let absent = Body::default().gauge("g", "job=", 1.0);
    assert_eq!(meaning(Sum, &[("job", "x")], &absent), [r#"gauge g{job="x"} + 1"#]);
}

#[test]
fn a_series_stands_once_in_a_body() {
    let body = Body::default().gauge("g", "", 1.0).scalar("", 2.0);
    let detail = "duplicate series: gauge g stands twice";
    assert_refused(Sum, &[], &body, Reason::Inconsistent, detail);
}

#[test]
fn sums_stay_finite() {
    let body = Body::default().gauge("g", "", f64::NAN);
    assert_refused(Sum, &[], &body, Reason::InvalidValue, "gauge g: value NaN");
}
