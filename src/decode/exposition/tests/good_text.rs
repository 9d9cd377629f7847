//! What is accepted of the text format.

use super::*;

#[track_caller]
fn assert_text(body: &str, expected: &[&str]) {
    let exposition = parse_text(body).unwrap_or_else(|error| panic!("{body:?}: {error}"));
    assert_eq!(render(&exposition), expected, "{body:?}");
}

#[test]
fn plain_samples() {
    assert_text("", &[]);
    assert_text("a 1", &["untyped a", "{} 1"]);
    assert_text("\n\n  \t\na\t1 \n", &["untyped a", "{} 1"]);
    assert_text("a{} 1\r\nb 2\r\n", &["untyped a", "{} 1", "untyped b", "{} 2"]);
    assert_text("# TYPE a counter\na 1", &["counter a", "{} 1"]);
    assert_text("#TYPE a Gauge\n\ta{ } 1e3", &["gauge a", "{} 1000"]);
    assert_text("a:b_9 +Inf", &["untyped a:b_9", "{} inf"]);
    assert_text("a NaN\na -inf 123\n", &["untyped a", "{} NaN", "{} -inf timestamp"]);
    assert_text("a 1 -5", &["untyped a", "{} 1 timestamp"]);
    assert_text("# TYPE a untyped\na 1E2\na 1E2", &["untyped a", "{} 100", "{} 100"]);
}

#[test]
fn labels() {
    assert_text(r#"a{b="c"} 1"#, &["untyped a", r#"{b="c"} 1"#]);
    assert_text(r#"a{b="c",}1"#, &["untyped a", r#"{b="c"} 1"#]);
    assert_text("a { b = \"c\"\t, _d9 =\"\" , } 1", &["untyped a", r#"{b="c",_d9=""} 1"#]);
    assert_text(r#"a{b="\\ \" \n é} {,="} 1"#, &["untyped a", r#"{b="\\ \" \n é} {,="} 1"#]);
    assert_text("a{b=\"c\rd\"} 1", &["untyped a", r#"{b="c\rd"} 1"#]);
    assert_text(r#"a{le="1",quantile="x"} 1"#, &["untyped a", r#"{le="1",quantile="x"} 1"#]);
    assert_text(
        "a 1\na{b=\"1\"} 2\na{c=\"1\"} 3",
        &["untyped a", "{} 1", r#"{b="1"} 2"#, r#"{c="1"} 3"#],
    );
}

#[test]
fn metadata() {
    assert_text(
        "# HELP a x\\\\y\\nz \\q \n# TYPE a gauge\na 1",
        &["gauge a # x\\y\nz \\q ", "{} 1"],
    );
    assert_text("# TYPE a gauge\r\n# HELP a h\r\na 1\r\n", &["gauge a # h", "{} 1"]);
    assert_text(
        "# TYPE a gauge\n# TYPE a gauge\n# HELP a x\n# HELP a y\na 1",
        &["gauge a # x", "{} 1"],
    );
    assert_text("a 1\n# HELP a late", &["untyped a # late", "{} 1"]);
    for ignored in [
        "#",
        "# ",
        "# HELP",
        "# TYPE",
        "# HELP a",
        "# TYPE a",
        "# TYPE a gauge",
        "# HELP a b",
        "#EOF",
        "# EOF",
        "# hello a",
        "# UNIT a b",
        "# HELPFUL }{",
    ] {
        assert_text(ignored, &[]);
        assert_text(&format!("{ignored}\nb 1"), &["untyped b", "{} 1"]);
    }
}

#[test]
fn families_are_put_together() {
    assert_text(
        "# TYPE b gauge\n# TYPE c gauge\na 1\nb 2\na 3\nc 4\nb 5\n",
        &["gauge b", "{} 2", "{} 5", "gauge c", "{} 4", "untyped a", "{} 1", "{} 3"],
    );
}

#[test]
fn histograms_in_any_order() {
    let expected = ["histogram h", r#"{a="1"} [0.5:1 1:2 inf:1] sum 2.5"#];
    assert_text(
        "# TYPE h histogram\nh_bucket{a=\"1\",le=\"0.5\"} 1\nh_bucket{a=\"1\",le=\"1.0\"} 3\n\
         h_bucket{a=\"1\",le=\"+Inf\"} 4\nh_sum{a=\"1\"} 2.5\nh_count{a=\"1\"} 4\n",
        &expected,
    );
    assert_text(
        "# TYPE h histogram\nh_count{a=\"1\"} 4.0\nh_bucket{le=\"Inf\",a=\"1\"} 4\n\
         h_bucket{le=\"1\",a=\"1\"} 3\nh_sum{a=\"1\"} 2.5\nh_bucket{a=\"1\",le=\"0.5\"} 1\n",
        &expected,
    );
    assert_text(
        "# TYPE h histogram\nh_bucket{b=\"1\",a=\"2\",le=\"1\"} 1\nh_bucket{b=\"2\",a=\"1\",le=\"1\"} 2\n\
         x 1\nh_count{a=\"2\",b=\"1\"} 1\nh_count{a=\"1\",b=\"2\"} 2 7\n",
        &[
            "histogram h",
            r#"{b="1",a="2"} [1:1 inf:0] sum 0"#,
            r#"{b="2",a="1"} [1:2 inf:0] sum 0 timestamp"#,
            "untyped x",
            "{} 1",
        ],
    );
    assert_text("# TYPE h histogram\nh_count 3", &["histogram h", "{} [inf:3] sum 0"]);
    assert_text(
        "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1e3",
        &["histogram h", "{} [inf:1000] sum 0"],
    );
}

#[test]
fn labels_of_a_histogram_are_many_and_shuffled() {
    let names: Vec<_> = (0..20).map(|index| format!("l{index:02}=\"{index}\"")).collect();
    let reversed: Vec<_> = names.iter().rev().cloned().collect();
    let body = format!(
        "# TYPE h histogram\nh_sum{{{}}} 1\nh_count{{}} 5\nh_count{{{}}} 2\n",
        names.join(","),
        reversed.join(",")
    );
    let series = format!("{{{}}} [inf:2] sum 1", names.join(","));
    assert_text(&body, &["histogram h", &series, "{} [inf:5] sum 0"]);
}

#[test]
fn summaries() {
    assert_text(
        "# TYPE s summary\ns{quantile=\"0.9\"} 9\ns{quantile=\"0.5\"} NaN\ns_sum 3\ns_count 2\n\
         s{a=\"\",quantile=\"1\"} 1",
        &["summary s", "{} (0.5:NaN 0.9:9) count 2 sum 3", r#"{a=""} (1:1) count 0 sum 0"#],
    );
}

#[test]
fn only_declared_families_have_suffixes() {
    assert_text(
        "a_bucket 1\na_sum 2\na_count 3\na 4",
        &[
            "untyped a_bucket",
            "{} 1",
            "untyped a_sum",
            "{} 2",
            "untyped a_count",
            "{} 3",
            "untyped a",
            "{} 4",
        ],
    );
    assert_text("# TYPE s summary\ns_bucket 1", &["untyped s_bucket", "{} 1"]);
    assert_text("# TYPE s summary\ns_created 1", &["untyped s_created", "{} 1"]);
}

#[test]
fn quoted_names_where_they_are_taken() {
    let body = "# TYPE \"a.b\" counter\n# HELP \"a.b\" h\n{\"a.b\",\"c d\"=\"e\"} 1\n\
                {f=\"g\",\"a.b\"} 2\n# TYPE \"h\\\"\" histogram\n{\"h\\\"_count\"} 3\nx{\"y\"=\"z\"} 4\n";
    let options = ParseOptions { utf8_names: true };
    let exposition = parse(body.as_bytes(), BodyFormat::Text, options).expect("a body");
    assert_eq!(
        render(&exposition),
        [
            "counter a.b # h",
            r#"{c d="e"} 1"#,
            r#"{f="g"} 2"#,
            "histogram h\"",
            "{} [inf:3] sum 0",
            "untyped x",
            r#"{y="z"} 4"#,
        ]
    );
}
