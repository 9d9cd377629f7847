//! What is refused of the text format, and with which words.

use super::*;

#[test]
fn refusals_name_place_found_and_expected() {
    for (body, expected) in [
        (
            "a",
            "line 1, column 2: found the end of the body; expected labels in braces, or a blank and a value",
        ),
        (
            "a\n",
            "line 1, column 2: found the end of the line; expected labels in braces, or a blank and a value",
        ),
        (
            "9a 1",
            "line 1, column 1: found \"9a 1\"; expected a metric name [a-zA-Z_:][a-zA-Z0-9_:]*",
        ),
        (
            "a-b 1",
            "line 1, column 2: found \"-b 1\"; expected labels in braces, or a blank and a value",
        ),
        ("a 1x", "line 1, column 3: found \"1x\"; expected a number"),
        ("a 1 2.5", "line 1, column 5: found \"2.5\"; expected a timestamp in whole milliseconds"),
        ("a 1 2 3", "line 1, column 7: found \"3\"; expected the end of the line"),
        ("b 1\n  a 0x1p3", "line 2, column 5: found \"0x1p3\"; expected a number"),
        ("é 1", "line 1, column 1: found \"é 1\"; expected a metric name [a-zA-Z_:][a-zA-Z0-9_:]*"),
        (
            "a{b=\"é\"} 1 x",
            "line 1, column 12: found \"x\"; expected a timestamp in whole milliseconds",
        ),
        ("a 1e400", "line 1, column 3: found \"1e400\"; expected a number"),
        ("a{b} 1", "line 1, column 4: found \"} 1\"; expected = and a label value"),
        ("a{b=c} 1", "line 1, column 5: found \"c} 1\"; expected a value in double quotes"),
        (
            "a{b=\"c} 1\n",
            "line 1, column 10: found the end of the line; expected closing double quotes",
        ),
        (
            "a{b=\"c\\q\"} 1\n",
            "line 1, column 7: found \"\\\\q\\\"} 1\"; expected \\\\, \\\" or \\n",
        ),
        ("a{b=\"c\"", "line 1, column 8: found the end of the body; expected a comma or }"),
        (
            "a{b=\"c\" d=\"e\"} 1",
            "line 1, column 9: found \"d=\\\"e\\\"} 1\"; expected a comma or }",
        ),
        (
            "a{,} 1",
            "line 1, column 3: found \",} 1\"; expected a label name [a-zA-Z_][a-zA-Z0-9_]* or }",
        ),
        (
            "a{__b=\"c\"} 1",
            "line 1, column 3: found the label \"__b\"; expected a name that __ does not begin",
        ),
        (
            "a{b=\"c\",d=\"\",b=\"e\"} 1",
            "line 1, column 20: found the label \"b\" twice; expected each label once",
        ),
        (
            "a{\"b\"=\"c\"} 1",
            "line 1, column 3: found \"\\\"b\\\"=\\\"c\\\"} 1\"; expected a name without quotes: UTF-8 names are off",
        ),
        (
            "{\"b\"} 1",
            "line 1, column 2: found \"\\\"b\\\"} 1\"; expected a name without quotes: UTF-8 names are off",
        ),
        (
            "{b=\"c\"} 1",
            "line 1, column 1: found \"{b=\\\"c\\\"} 1\"; expected a metric name [a-zA-Z_:][a-zA-Z0-9_:]*",
        ),
        (
            "# TYPE a foo\u{1}",
            "line 1, column 10: found the type \"foo\\u{1}\"; expected one of counter, gauge, histogram, summary, untyped",
        ),
        (
            "# TYPE a-b gauge",
            "line 1, column 8: found \"a-b gauge\"; expected a metric name [a-zA-Z_:][a-zA-Z0-9_:]*",
        ),
        ("# TYPE a gauge x", "line 1, column 16: found \"x\"; expected the end of the line"),
        (
            "# TYPE a gauge\n# TYPE a counter",
            "line 2, column 8: found the type counter of \"a\"; expected gauge, as it was before",
        ),
        (
            "a 1\n# TYPE a gauge",
            "line 2, column 8: found the TYPE of \"a\" after a sample; expected it before all of them",
        ),
        (
            "a_sum 1\n# TYPE a histogram",
            "line 2, column 8: found the TYPE of \"a\" after a sample \"a_sum\"; expected it before",
        ),
        (
            "# TYPE a summary\n# TYPE a_sum gauge",
            "line 2, column 8: found \"a_sum\", whose \"a_sum\" is a name of the summary \"a\" too",
        ),
        (
            "# TYPE a_sum gauge\n# TYPE a summary",
            "line 2, column 8: found \"a\", whose \"a_sum\" is a name of the gauge \"a_sum\" too",
        ),
        (
            "# TYPE h histogram\nh 1",
            "line 2, column 1: found the histogram's bare name; expected \"h\" with _bucket, _sum or _count",
        ),
        (
            "# TYPE h histogram\nh_bucket 1",
            "line 2, column 1: found no label le, which this sample must have",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"x\"} 1",
            "line 2, column 1: found le=\"x\"; expected a number or +Inf",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"NaN\"} 1",
            "line 2, column 1: found le=\"NaN\"; expected a number or +Inf",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"-Inf\"} 1",
            "line 2, column 1: found le=\"-Inf\"; expected a number or +Inf",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"1\"} 1.5",
            "line 2, column 18: found \"1.5\"; expected a whole number of observations",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"1\"} -1",
            "line 2, column 18: found \"-1\"; expected a whole number of observations",
        ),
        (
            "# TYPE h histogram\nh_count{le=\"1\"} 1",
            "line 2, column 1: found the label le, which this sample cannot have",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"2\"} 2\nh_count 5",
            "line 3, column 1: the histogram \"h\": found 2 in the bucket le=2; expected at least the 3 of le=1",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"1.0\"} 3\nh_count 5",
            "line 3, column 1: the histogram \"h\": found the bucket le=1 twice for the same labels",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3\nh_count 5",
            "line 2, column 1: the histogram \"h\": found 3 in the bucket le=+Inf; expected its _count, 5",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_count 2",
            "line 2, column 1: the histogram \"h\": found a _count of 2; expected at least the 3 of le=1",
        ),
        (
            "# TYPE h histogram\nh_bucket{le=\"1\"} 3",
            "line 2, column 1: the histogram \"h\": found neither a bucket le=+Inf nor a _count; expected one of them",
        ),
        (
            "# TYPE h histogram\nh_sum 3",
            "line 2, column 1: the histogram \"h\": found neither a bucket le=+Inf nor a _count; expected one of them",
        ),
        (
            "# TYPE h histogram\nh_count 3\nh_count 3",
            "line 3, column 1: found _count a second time for the same labels",
        ),
        (
            "# TYPE s summary\ns 1",
            "line 2, column 1: found no label quantile, which this sample must have",
        ),
        (
            "# TYPE s summary\ns{quantile=\"NaN\"} 1",
            "line 2, column 1: found quantile=\"NaN\"; expected a number",
        ),
        (
            "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns{quantile=\".5\"} 2",
            "line 3, column 1: the summary \"s\": found the quantile 0.5 twice for the same labels",
        ),
        (
            "# TYPE s summary\ns_sum 1\ns_sum 1",
            "line 3, column 1: found _sum a second time for the same labels",
        ),
        (
            "# TYPE s summary\ns_count -1",
            "line 2, column 9: found \"-1\"; expected a whole number of observations",
        ),
        (
            "a 1 # {b=\"c\"} 1",
            "line 1, column 5: found \"# {b=\\\"c\\\"} 1\"; expected a timestamp in whole milliseconds",
        ),
    ] {
        let error = parse_text(body).map(|parsed| render(&parsed)).expect_err(body);
        assert_eq!(error.to_string(), expected, "{body:?}");
        assert!(error.to_string().chars().count() < 250, "{error}");
    }
}
