//! The dialect `aggregate`.

use super::*;
use Dialect::Aggregate;

#[test]
fn each_type_has_its_law() {
    let body = Body::default()
        .counter("c", "a=1", 2.0)
        .gauge("g", "", -3.0)
        .family(MetricType::Untyped, "u")
        .scalar("", -1.0)
        .family(MetricType::Histogram, "h")
        .histogram("", &[(0.5, 1), (f64::INFINITY, 2)], 4.0)
        .histogram("a=1", &[(f64::INFINITY, 3)], 0.0)
        .family(MetricType::Summary, "s")
        .summary("", &[(0.5, 1.0), (0.9, 2.0)], 3, 9.0);
    let expected = [
        r#"counter c{a="1"} + 2"#,
        "gauge g{} = -3",
        "untyped u{} + -1",
        "histogram h{} + [0.5] [1, 2] sum 4",
        r#"histogram h{a="1"} + [] [3] sum 0"#,
        "summary s{} + 3 sum 9 []",
    ];
    assert_eq!(meaning(Aggregate, &[], &body), expected);
}

#[test]
fn a_series_chooses_its_mode_and_the_label_is_gone() {
    let table = [
        ("aggregate", "+ 2"),
        ("sum", "+ 2"),
        ("Replace", "= 2"),
        ("family", "= 2 clears"),
        ("info", "= 2 clears"),
        ("mean5m", "mean of 300s 2"),
        ("sum90s", "sum of 90s 2"),
    ];
    for (mode, expected) in table {
        for metric_type in [MetricType::Counter, MetricType::Gauge, MetricType::Untyped] {
            let labels = format!("z=1,clearmode={mode},a=2");
            let body = Body::default().family(metric_type, "x").scalar(&labels, 2.0);
            let expected = [format!(r#"{metric_type} x{{a="2",z="1"}} {expected}"#)];
            assert_eq!(meaning(Aggregate, &[], &body), expected, "{mode}");
        }
    }
    // No value is no choice, and one from the path is for all.
    let body = Body::default().counter("x", "clearmode=", 2.0).scalar("clearmode=sum,a=1", 3.0);
    assert_eq!(meaning(Aggregate, &[], &body), ["counter x{} + 2", r#"counter x{a="1"} + 3"#]);
    let replaced = ["counter x{} = 2", r#"counter x{a="1"} = 3"#];
    assert_eq!(meaning(Aggregate, &[("clearmode", "replace")], &body), replaced);
}

#[test]
fn whole_histograms_and_summaries_may_replace_but_have_no_windows() {
    let body = |mode: &str| {
        let labels = format!("clearmode={mode}");
        Body::default()
            .family(MetricType::Histogram, "h")
            .histogram(&labels, &[(1.0, 1), (f64::INFINITY, 0)], f64::NAN)
            .family(MetricType::Summary, "s")
            .summary(&labels, &[(0.5, 1.0), (0.9, f64::NAN)], 3, 9.0)
    };
    let expected =
        ["histogram h{} = [1.0] [1, 0] sum NaN", "summary s{} = 3 sum 9 [0.5, 0.9, 1.0, NaN]"];
    assert_eq!(meaning(Aggregate, &[], &body("replace")), expected);
    let cleared = expected.map(|line| format!("{line} clears"));
    assert_eq!(meaning(Aggregate, &[], &body("family")), cleared);
    let detail = r#"histogram h: the clearmode "mean5m"; expected aggregate, sum, replace"#;
    assert_refused(Aggregate, &[], &body("mean5m"), Reason::InvalidMode, detail);
}

#[test]
fn the_path_wins_over_the_body() {
    let body = Body::default().gauge("g", "job=body,a=1,gone=", 1.0).scalar("b=\"\\", 2.0);
    let path = [("job", "x\"y"), ("c", "é"), ("empty", "")];
    let expected =
        [r#"gauge g{a="1",c="é",job="x\"y"} = 1"#, r#"gauge g{b="\"\\",c="é",job="x\"y"} = 2"#];
    assert_eq!(meaning(Aggregate, &path, &body), expected);
}

#[test]
fn labels_keep_the_order_they_came_in_where_they_are_not_sorted() {
    let options = DecodeOptions { sort_labels: false, ..options() };
    let body = Body::default().gauge("g", "z=1,b=2", 1.0);
    let request = request(Aggregate, Method::Post, &[("y", "3"), ("a", "4")]);
    let write = write_with(&request, &body, &options).expect("taken");
    assert_sound(&write, &options);
    assert_eq!(render(&write), [r#"gauge g{z="1",b="2",y="3",a="4"} = 1"#]);
}

#[test]
fn names_that_are_no_words_are_quoted() {
    let options = DecodeOptions { utf8_names: true, ..options() };
    let body = Body::default().gauge("g.x", "", 1.0);
    let request = request(Aggregate, Method::Post, &[("a.\"b", "1")]);
    let write = write_with(&request, &body, &options).expect("taken");
    assert_eq!(render(&write), [r#"gauge g.x{"a.\"b"="1"} = 1"#]);
}

#[test]
fn what_a_series_cannot_take_refuses_the_push() {
    let table = [
        (
            Body::default().counter("c", "a=1", -1.0),
            Reason::NegativeCounter,
            r#"counter c{a="1"}: value -1; expected 0 or more"#,
        ),
        (
            Body::default().counter("c", "clearmode=replace", -1.0),
            Reason::NegativeCounter,
            "counter c: value -1",
        ),
        (Body::default().counter("c", "", f64::NAN), Reason::InvalidValue, "counter c: value NaN"),
        (
            Body::default().counter("c", "", f64::INFINITY),
            Reason::InvalidValue,
            "value inf; expected a finite number",
        ),
        (
            Body::default().gauge("g", "clearmode=sum5m", f64::NAN),
            Reason::InvalidValue,
            "gauge g: value NaN; expected a finite number",
        ),
        (
            Body::default().family(MetricType::Untyped, "u").scalar("", f64::NAN),
            Reason::InvalidValue,
            "untyped u: value NaN",
        ),
        (
            Body::default().family(MetricType::Histogram, "h").histogram(
                "a=1",
                &[(f64::INFINITY, 1)],
                f64::NAN,
            ),
            Reason::InvalidValue,
            r#"histogram h{a="1"}: sum NaN; expected a finite number"#,
        ),
        (
            Body::default().family(MetricType::Summary, "s").summary("", &[], 1, f64::INFINITY),
            Reason::InvalidValue,
            "summary s: sum inf",
        ),
        (
            Body::default().gauge("g", "clearmode=often", 1.0),
            Reason::InvalidMode,
            r#"gauge g: the clearmode "often"; expected aggregate, sum, replace, family, info"#,
        ),
        (
            Body::default().gauge("prom_stream_gateway_x", "", 1.0),
            Reason::ReservedName,
            "\"prom_stream_gateway_x\"; expected a name",
        ),
    ];
    for (body, reason, detail) in table {
        assert_refused(Aggregate, &[], &body, reason, detail);
    }
    // A gauge that replaces takes anything.
    let body = Body::default().gauge("g", "", f64::NAN);
    assert_eq!(meaning(Aggregate, &[], &body), ["gauge g{} = NaN"]);
}
