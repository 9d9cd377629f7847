//! Native histograms: what is accepted, and what is refused with which words.

use super::*;

fn span(offset: i32, length: u32) -> BucketSpan {
    BucketSpan { offset: Some(offset), length: Some(length) }
}

/// Buckets 2 and 3 above zero, -1 below.
fn native() -> Histogram {
    Histogram {
        sample_count: Some(11),
        sample_sum: Some(5.5),
        schema: Some(3),
        zero_threshold: Some(0.25),
        zero_count: Some(1),
        positive_span: vec![span(2, 1), span(0, 1), span(4, 1)],
        positive_delta: vec![3, 2, -5],
        negative_span: vec![span(-1, 1)],
        negative_delta: vec![2],
        ..Histogram::default()
    }
}

#[test]
fn native_histograms() {
    let expected = "NativeHistogram { schema: 3, zero_threshold: 0.25, zero_count: 1, \
                    positive: [(2, 3), (3, 5)], negative: [(-1, 2)] }";
    assert_families(
        &[of_histogram(native())],
        &["histogram h", &format!("{{}} [inf:11] sum 5.5 {expected}")],
    );
    let both = Histogram {
        bucket: vec![bucket(1.0, 4)],
        exemplars: vec![exemplar(0.5), exemplar(7.0)],
        ..native()
    };
    assert_families(
        &[of_histogram(both)],
        &[
            "histogram h",
            &format!(
                "{{}} [1:4!{{t=\"a\\\"\"}}0.5@1500 inf:7!{{t=\"a\\\"\"}}7@1500] sum 5.5 {expected}"
            ),
        ],
    );
    let floats = Histogram {
        sample_count_float: Some(11.0),
        zero_count_float: Some(1.0),
        positive_delta: vec![],
        positive_count: vec![3.0, 5.0, 0.0],
        ..native()
    };
    assert_families(
        &[of_histogram(floats)],
        &["histogram h", &format!("{{}} [inf:11] sum 5.5 {expected}")],
    );
    let empty = Histogram { positive_span: vec![span(0, 0)], ..Histogram::default() };
    assert_families(
        &[of_histogram(empty)],
        &[
            "histogram h",
            "{} [inf:0] sum 0 NativeHistogram { schema: 0, zero_threshold: 0.0, zero_count: 0, \
         positive: [], negative: [] }",
        ],
    );
    let with_nan = Histogram { sample_count: Some(12), sample_sum: Some(f64::NAN), ..native() };
    assert_families(
        &[of_histogram(with_nan)],
        &["histogram h", &format!("{{}} [inf:12] sum NaN {expected}")],
    );
}

#[test]
fn bad_native_histograms() {
    let refused = |histogram: Histogram, expected: &str| {
        assert_refused(of_histogram(histogram), &format!("byte 8: found {expected}"));
    };
    for schema in [-5, 9, -53] {
        let expected = format!("a native histogram of schema {schema}; expected -4 to 8");
        refused(Histogram { schema: Some(schema), ..native() }, &expected);
    }
    refused(
        Histogram { zero_threshold: Some(-1.0), ..native() },
        "a zero threshold of -1; expected 0 or more",
    );
    refused(
        Histogram { zero_threshold: Some(f64::NAN), ..native() },
        "a zero threshold of NaN; expected 0 or more",
    );
    refused(
        Histogram { positive_span: vec![span(0, u32::MAX), span(0, u32::MAX)], ..native() },
        "3 native buckets; expected 8589934590, as their spans say",
    );
    refused(
        Histogram { positive_delta: vec![], ..native() },
        "0 native buckets; expected 3, as their spans say",
    );
    refused(
        Histogram { positive_delta: vec![3, 2, -6], ..native() },
        "a native bucket of 5 and -6 more; expected a count of 0 or more",
    );
    refused(
        Histogram { positive_delta: vec![i64::MAX, 1, 0], ..native() },
        "a native bucket of 9223372036854775807 and 1 more; expected a count of 0 or more",
    );
    refused(
        Histogram { positive_delta: vec![], positive_count: vec![0.5, 1.0, 1.0], ..native() },
        "a native bucket of 0.5; expected a whole number",
    );
    refused(
        Histogram { zero_count_float: Some(f64::NAN), ..native() },
        "a zero count of NaN; expected a whole number",
    );
    refused(
        Histogram { positive_span: vec![span(2, 1), span(-1, 2)], ..native() },
        "a span -1 after the one before; expected 0 or more",
    );
    refused(
        Histogram { positive_span: vec![span(i32::MAX, 3)], ..native() },
        "a native bucket of index 2147483648; expected 32 bits",
    );
    refused(
        Histogram { sample_count: Some(12), ..native() },
        "11 observations in native buckets; expected 12",
    );
    refused(
        Histogram { sample_count: Some(10), sample_sum: Some(f64::NAN), ..native() },
        "11 observations in native buckets; expected 10",
    );
}
