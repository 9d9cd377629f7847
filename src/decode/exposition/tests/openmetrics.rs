//! What is accepted of OpenMetrics, and what is refused with which words.

use super::*;

fn parse_open_metrics(body: &str) -> Result<Exposition, ParseError> {
    parse(body.as_bytes(), BodyFormat::OpenMetrics, ParseOptions { utf8_names: false })
}

#[track_caller]
fn assert_open_metrics(lines: &str, expected: &[&str]) {
    let body = format!("{lines}\n# EOF\n");
    let exposition = parse_open_metrics(&body).unwrap_or_else(|error| panic!("{body:?}: {error}"));
    assert_eq!(render(&exposition), expected, "{body:?}");
}

#[test]
fn counters_are_named_as_their_samples_are() {
    let served = ["counter jobs_total # h", r#"{a="1"} 3 created 1500"#];
    for lines in [
        "# TYPE jobs counter\n# HELP jobs h\njobs_total{a=\"1\"} 3\njobs_created{a=\"1\"} 1.5",
        "# TYPE jobs counter\n# HELP jobs h\njobs_created{a=\"1\"} 1.5\njobs_total{a=\"1\"} 3.0",
        "# TYPE jobs_total counter\n# HELP jobs_total h\njobs_total{a=\"1\"} 3\njobs_created{a=\"1\"} 1.5",
    ] {
        assert_open_metrics(lines, &served);
    }
    assert_open_metrics(
        "# TYPE a counter\na_total{x=\"1\",y=\"2\"} 1\na_total 2\na_created 7\na_created{y=\"2\",x=\"1\"} 8",
        &["counter a_total", r#"{x="1",y="2"} 1 created 8000"#, "{} 2 created 7000"],
    );
}

#[test]
fn types_of_its_own_become_those_of_the_text_format() {
    assert_open_metrics(
        "# TYPE b info\nb_info{v=\"1\"} 1\n# TYPE s stateset\ns{s=\"x\"} 0\n# TYPE u unknown\nu 2\n\
         # TYPE g_bytes gauge\n# UNIT g_bytes bytes\ng_bytes 3 1625.5\nfree 4",
        &[
            "gauge b_info",
            r#"{v="1"} 1"#,
            "gauge s",
            r#"{s="x"} 0"#,
            "untyped u",
            "{} 2",
            "gauge g_bytes / bytes",
            "{} 3 timestamp",
            "untyped free",
            "{} 4",
        ],
    );
    assert_open_metrics(
        "# TYPE a counter\n# UNIT a_s_total s\n# HELP a say \\\"x\\\"\na_total 1",
        &["counter a_total # say \"x\"", "{} 1"],
    );
}

#[test]
fn exemplars_are_kept_with_counters_and_buckets() {
    assert_open_metrics(
        "# TYPE c counter\nc_total 3 # {trace_id=\"a\\\"b\",n=\"\"} 0.5 1625.5\n\
         # TYPE h histogram\nh_bucket{le=\"1\"} 2 7.5 # {} 0.25\nh_bucket{le=\"+Inf\"} 2\n\
         h_count 2\nh_sum 0.5\nh_created 1",
        &[
            "counter c_total",
            r#"{} 3!{trace_id="a\"b",n=""}0.5@1625500"#,
            "histogram h",
            "{} [1:2!{}0.25 inf:0] sum 0.5 timestamp created 1000",
        ],
    );
    assert_open_metrics(
        "# TYPE s summary\ns{quantile=\"1\"} 2\ns_created 3\ns_count 1\ns_sum 2",
        &["summary s", "{} (1:2) count 1 sum 2 created 3000"],
    );
}

#[test]
fn refusals_name_place_found_and_expected() {
    for (body, expected) in [
        ("", "line 1, column 1: found the end of the body; expected a last line # EOF"),
        ("a 1\n", "line 2, column 1: found the end of the body; expected a last line # EOF"),
        ("# EOF\n\n# EOF\n", "line 3, column 1: found \"# EOF\"; expected nothing after # EOF"),
        ("# EOF x", "line 1, column 7: found \"x\"; expected the end of the line"),
        (
            "# TYPE a gaugehistogram\n",
            "line 1, column 10: found the type \"gaugehistogram\"; expected one of counter, gauge, histogram, summary, unknown, info, stateset",
        ),
        (
            "# TYPE a untyped\n",
            "line 1, column 10: found the type \"untyped\"; expected one of counter, gauge, histogram, summary, unknown, info, stateset",
        ),
        (
            "# TYPE a counter\na 1\n",
            "line 2, column 1: found the counter's bare name; expected \"a_total\"",
        ),
        (
            "# TYPE a info\na 1\n",
            "line 2, column 1: found the info's bare name; expected \"a_info\"",
        ),
        (
            "# TYPE a counter\na_created 1\n# EOF",
            "line 2, column 1: found a _created, once more or without a sample of \"a_total\"",
        ),
        (
            "# TYPE a counter\na_total 1\na_created 1\na_created 1\n# EOF",
            "line 4, column 1: found a _created, once more or without a sample of \"a_total\"",
        ),
        (
            "# TYPE a counter\na_total 1\na_created -1\n# EOF",
            "line 3, column 11: found \"-1\"; expected a time in seconds",
        ),
        (
            "# TYPE a gauge\na 1 # {b=\"c\"} 1\n# EOF",
            "line 2, column 5: found an exemplar; expected one only on counters and buckets",
        ),
        (
            "# TYPE a counter\na_total 1 # b\n# EOF",
            "line 2, column 13: found \"b\"; expected { and an exemplar's labels",
        ),
        (
            "# TYPE a counter\na_total 1 # {b=\"c\"}\n# EOF",
            "line 2, column 20: found the end of the line; expected an exemplar's value",
        ),
        (
            "# TYPE a counter\na_total 1 # {b=\"c\"} x\n# EOF",
            "line 2, column 21: found \"x\"; expected an exemplar's value",
        ),
        (
            "# TYPE a counter\na_total 1 # {b=\"c\"} 1 x\n# EOF",
            "line 2, column 23: found \"x\"; expected a timestamp in seconds",
        ),
        (
            "# TYPE a counter\na_total 1 # {b=\"c\",b=\"d\"} 1\n# EOF",
            "line 2, column 26: found the label \"b\" twice; expected each label once",
        ),
        ("a 1 NaN\n# EOF", "line 1, column 5: found \"NaN\"; expected a timestamp in seconds"),
        (
            "# UNIT a s\n# EOF",
            "line 1, column 10: found the unit \"s\" of \"a\"; expected what its name ends with",
        ),
        (
            "# TYPE a counter\n# TYPE a_total gauge\n# EOF",
            "line 2, column 8: found \"a_total\", whose \"a_total\" is a name of the counter \"a_total\" too",
        ),
    ] {
        let error = parse_open_metrics(body).map(|parsed| render(&parsed)).expect_err(body);
        assert_eq!(error.to_string(), expected, "{body:?}");
        assert!(error.to_string().chars().count() < 250, "{error}");
    }
    let long = format!("# TYPE a counter\na_total 1 # {{b=\"{}\"}} 1\n# EOF", "é".repeat(128));
    let error = parse_open_metrics(&long).expect_err("too long");
    assert_eq!(
        error.to_string(),
        "line 2, column 11: found an exemplar with 129 characters of labels; expected at most 128"
    );
}
