//! What is sent: events of known sizes, alone and in batches.

use std::fmt::Write;

/// Of what [`event`] makes.
pub(crate) const SERIES: usize = 1000;

/// 150 bytes, three labels, a thousand series.
pub(crate) fn event(number: usize) -> String {
    let series = number % SERIES;
    format!(
        r#"{{"type":"counter","name":"http_requests_total","value":1,"labels":{{"method":"GET","path":"/api/v1/customer/orders/{series:04}","service":"checkout-eu-west"}}}}"#
    )
}

/// With so many labels, one of which tells a thousand series apart.
pub(crate) fn with_labels(number: usize, labels: usize) -> String {
    let pairs: Vec<_> = (0..labels)
        .map(|label| match label {
            0 => format!(r#""path":"/api/v1/{:04}""#, number % SERIES),
            _ => format!(r#""label_{label:02}":"value-{label:02}""#),
        })
        .collect();
    let labels = pairs.join(",");
    format!(r#"{{"type":"counter","name":"http_requests_total","value":1,"labels":{{{labels}}}}}"#)
}

/// An event of so many bytes, at least 64, most of them in one label.
pub(crate) fn of_size(number: usize, bytes: usize) -> String {
    let (head, tail) = (r#"{"name":"sized_total","value":1,"labels":{"id":""#, r#""}}"#);
    let width = bytes.saturating_sub(head.len() + tail.len());
    format!("{head}{:0width$}{tail}", number % SERIES)
}

/// Of as many series as there are numbers, each with a value of its own: `path="…",service="…",zone="…"` come to 75 bytes.
pub(crate) fn wide(number: usize) -> String {
    let value = value(number);
    format!(
        r#"{{"name":"requests_total","value":{value},"labels":{{"path":"/api/v1/items/{number:08}","service":"checkout","zone":"eu-west-1"}}}}"#
    )
}

/// Up to six digits without a pattern: a page of equal values would be compressed, and written to
/// a snapshot, as no real one is.
fn value(number: usize) -> u32 {
    (number as u32).wrapping_mul(0x9e37_79b9) >> 15
}

/// The same series as [`wide`]'s, as a body in the text format.
pub(crate) fn exposition(series: usize) -> String {
    let mut body = String::from("# TYPE requests_total counter\n");
    for number in 0..series {
        let value = value(number);
        writeln!(
            body,
            "requests_total{{path=\"/api/v1/items/{number:08}\",service=\"checkout\",zone=\"eu-west-1\"}} {value}"
        )
        .expect("writing to a string succeeds");
    }
    body
}

/// Events in arrays of so many, the last perhaps shorter.
pub(crate) fn batches(
    numbers: &[usize],
    size: usize,
    event: impl Fn(usize) -> String,
) -> Vec<String> {
    let array = |numbers: &[usize]| {
        let events: Vec<_> = numbers.iter().map(|number| event(*number)).collect();
        format!("[{}]", events.join(","))
    };
    numbers.chunks(size).map(array).collect()
}

/// `0..count` in an order without locality, the same each time.
pub(crate) fn shuffled(count: usize) -> Vec<usize> {
    let mut numbers: Vec<_> = (0..count).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..count).rev() {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        numbers.swap(last, ((mixed ^ (mixed >> 31)) % (last as u64 + 1)) as usize);
    }
    numbers
}
