//! Events that are refused, and for which reason.

use super::*;

#[test]
fn json_events_are_refused_with_a_reason_that_names_the_value() {
    use Reason::{
        InvalidBuckets, InvalidJson, InvalidLabel, InvalidMode, InvalidName, InvalidQuantiles,
        InvalidType, InvalidValue, NegativeCounter, ReservedName,
    };
    let table = [
        (InvalidJson, "", "empty payload"),
        (InvalidJson, " \r\n", "empty payload"),
        (InvalidJson, "\u{feff}", "empty payload"),
        (InvalidJson, "hello", "hello"),
        (InvalidJson, "5", "expected an event as an object"),
        (InvalidJson, r#""x""#, "expected an event as an object"),
        (InvalidJson, r#"{"name":"x""#, "EOF"),
        (InvalidJson, r#"{"name":"x",}"#, "key must be a string"),
        (InvalidJson, r#"{"name":"x"} y"#, "y after the event"),
        (InvalidJson, r#"{"name":"x"}{"name":"y"}"#, "after the event"),
        (InvalidJson, "{\"name\":\"a\nb\"}", "control character"),
        (InvalidJson, r#"{"name":"x","value":01}"#, "invalid number"),
        (InvalidJson, r#"{"name":"x","value":nan}"#, "expected ident"),
        (InvalidValue, r#"{"name":"x","value":NaN}"#, "\"NaN\" as value of the counter"),
        (InvalidJson, r#"{"name":"x","\ud800":1}"#, "expected an event"),
        (InvalidType, r#"{"name":"x","type":"gage"}"#, "\"gage\" as type"),
        (InvalidType, r#"{"name":"x","type":""}"#, "\"\" as type"),
        (InvalidType, r#"{"name":"x","type":4}"#, "4 as type"),
        (InvalidType, r#"{"name":"x","type":-1}"#, "-1 as type"),
        (InvalidType, r#"{"name":"x","type":1.0}"#, "1.0 as type"),
        (InvalidType, r#"{"name":"x","type":true}"#, "true as type"),
        (InvalidType, r#"{"name":"x","type":["gauge"]}"#, "[\"gauge\"] as type"),
        (InvalidName, "{}", "nothing as name"),
        (InvalidName, r#"{"name":null}"#, "null as name"),
        (InvalidName, r#"{"name":""}"#, "the name \"\""),
        (InvalidName, r#"{"name":"9a"}"#, "9a"),
        (InvalidName, r#"{"name":"a-b"}"#, "a-b"),
        (InvalidName, r#"{"name":"métrique"}"#, "métrique"),
        (InvalidName, r#"{"name":7}"#, "7 as name"),
        (InvalidName, r#"{"name":1e400}"#, "1e400 as name"),
        (InvalidName, r#"{"name":"\ud800"}"#, "as name"),
        (InvalidName, r#"{"name":"a b\n"}"#, r#""a b\n""#),
        (ReservedName, r#"{"name":"prom_stream_gateway_info"}"#, "prom_stream_gateway_info"),
        (ReservedName, r#"{"name":"prom_stream_gateway","type":"summary"}"#, "summary"),
        (InvalidMode, r#"{"name":"x","mode":"often"}"#, "the mode \"often\" of the counter \"x\""),
        (InvalidMode, r#"{"name":"x","mode":"mean25h"}"#, "with a window of 1s to 24h"),
        (InvalidMode, r#"{"name":"x","mode":""}"#, "expected aggregate, sum, replace, family"),
        (InvalidMode, r#"{"name":"x","type":1,"mode":1}"#, "the mode 1 of the gauge"),
        (InvalidMode, r#"{"name":"x","type":1,"mode":["sum"]}"#, "the mode [\"sum\"]"),
        (
            InvalidMode,
            r#"{"name":"x","type":"histogram","buckets":[1],"mode":"replace"}"#,
            "the mode \"replace\" of the histogram \"x\"; expected aggregate or sum",
        ),
        (InvalidMode, r#"{"name":"x","type":"summary","mode":"mean5m"}"#, "aggregate or sum"),
        (NegativeCounter, r#"{"name":"x","mode":"replace","value":-1}"#, "-1 as value"),
        (NegativeCounter, r#"{"name":"x","mode":"sum5m","value":-1}"#, "-1 as value"),
        (InvalidValue, r#"{"name":"x","type":1,"mode":"sum","value":"NaN"}"#, "expected a finite"),
        (InvalidValue, r#"{"name":"x","type":1,"mode":"mean1h","value":"Inf"}"#, "a finite number"),
        (InvalidLabel, r#"{"name":"x","labels":{"__a":"1"}}"#, "__a"),
        (InvalidLabel, r#"{"name":"x","labels":{"__a":null}}"#, "__a"),
        (InvalidLabel, r#"{"name":"x","labels":{"a:b":"1"}}"#, "a:b"),
        (InvalidLabel, r#"{"name":"x","labels":{"":"1"}}"#, "the label name \"\""),
        (InvalidLabel, r#"{"name":"x","labels":{"1a":"1"}}"#, "(metric \"x\")"),
        (InvalidLabel, r#"{"name":"x","labels":{"b":"1","a":["1"]}}"#, "\"a\": [\"1\"]; expected"),
        (InvalidLabel, r#"{"name":"x","labels":{"a":{}}}"#, "expected a string"),
        (InvalidLabel, r#"{"name":"x","labels":{"a":1e400}}"#, "1e400; expected a number"),
        (InvalidLabel, r#"{"name":"x","labels":{"a":"\udc00"}}"#, "expected a string"),
        (InvalidLabel, r#"{"name":"x","labels":{"\udc00":"a"}}"#, "labels: "),
        (InvalidLabel, r#"{"name":"x","labels":["a"]}"#, "expected an object"),
        (InvalidLabel, r#"{"name":"x","labels":"a=1"}"#, "expected an object"),
        (InvalidLabel, r#"{"name":"x","labels":true}"#, "expected an object"),
        (InvalidLabel, r#"{"name":"x","type":3,"buckets":[1],"labels":{"le":"1"}}"#, "\"le\""),
        (InvalidLabel, r#"{"name":"x","type":2,"labels":{"quantile":"1"}}"#, "\"quantile\""),
        (InvalidBuckets, r#"{"name":"x","type":3}"#, "at least one"),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":null}"#, "at least one"),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":[]}"#, "the buckets [] of \"x\""),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":{}}"#, "expected an array"),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":5}"#, "expected an array"),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":[2,1]}"#, "ascending"),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":[1,1]}"#, "ascending"),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":[-0,0]}"#, "ascending"),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":["NaN"]}"#, "ascending"),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":[1,"NaN"]}"#, "ascending"),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":["-Inf",1]}"#, "finite"),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":["Inf","Inf"]}"#, "ascending"),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":["Inf",1]}"#, "ascending"),
        (
            InvalidBuckets,
            r#"{"name":"x","type":3,"buckets":[1,1e400]}"#,
            "1e400; expected a number",
        ),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":[null]}"#, "finite"),
        (InvalidBuckets, r#"{"name":"x","type":3,"buckets":[true]}"#, "expected a number"),
        (InvalidQuantiles, r#"{"name":"x","type":2,"quantiles":[0.5]}"#, "one epsilon for each"),
        (InvalidQuantiles, r#"{"name":"x","type":2,"epsilons":[0.5]}"#, "one epsilon for each"),
        (
            InvalidQuantiles,
            r#"{"name":"x","type":2,"quantiles":[0.5,1],"epsilons":[0.1,0.1]}"#,
            "between 0 and 1",
        ),
        (
            InvalidQuantiles,
            r#"{"name":"x","type":2,"quantiles":[0.5],"epsilons":[0]}"#,
            "between 0 and 1",
        ),
        (
            InvalidQuantiles,
            r#"{"name":"x","type":2,"quantiles":["NaN"],"epsilons":[0.1]}"#,
            "between 0 and 1",
        ),
        (
            InvalidQuantiles,
            r#"{"name":"x","type":2,"quantiles":[0.5,0.50],"epsilons":[0.1,0.2]}"#,
            "each quantile once",
        ),
        (
            InvalidQuantiles,
            r#"{"name":"x","type":2,"quantiles":"p99","epsilons":[0.1]}"#,
            "expected an array",
        ),
        (InvalidValue, r#"{"name":"x","value":"0x10"}"#, "\"0x10\" as value of the counter \"x\""),
        (InvalidValue, r#"{"name":"x","value":""}"#, "\"\" as value"),
        (InvalidValue, r#"{"name":"x","value":true}"#, "true as value"),
        (InvalidValue, r#"{"name":"x","value":{}}"#, "{} as value"),
        (InvalidValue, r#"{"name":"x","value":[1]}"#, "[1] as value"),
        (InvalidValue, r#"{"name":"x","value":1e400}"#, "1e400 as value"),
        (InvalidValue, r#"{"name":"x","type":1,"value":1e400}"#, "1e400 as value"),
        (InvalidValue, r#"{"name":"x","type":1,"value":"1e400"}"#, "\"1e400\" as value"),
        (InvalidValue, r#"{"name":"x","value":"NaN"}"#, "expected a finite number"),
        (InvalidValue, r#"{"name":"x","value":null}"#, "null as value of the counter"),
        (InvalidValue, r#"{"name":"x","type":1,"mode":"sum","value":null}"#, "null as value"),
        (InvalidValue, r#"{"name":"x","type":2,"value":null}"#, "null as value of the summary"),
        (InvalidValue, r#"{"name":"x","type":3,"buckets":[1],"value":null}"#, "null as value"),
        (
            InvalidQuantiles,
            r#"{"name":"x","type":2,"quantiles":[null],"epsilons":[0.1]}"#,
            "between 0 and 1",
        ),
        (InvalidValue, r#"{"name":"x","value":"-Inf"}"#, "expected a finite number"),
        (InvalidValue, r#"{"name":"x","type":2,"value":"NaN"}"#, "of the summary"),
        (InvalidValue, r#"{"name":"x","type":3,"buckets":[1],"value":"+Inf"}"#, "histogram"),
        (NegativeCounter, r#"{"name":"x","value":-1}"#, "-1 as value"),
        (NegativeCounter, r#"{"name":"x","value":"-1e-300"}"#, "expected 0 or more"),
    ];
    for (reason, json, detail) in table {
        assert_bad(payload(json), reason, detail);
    }
}

#[test]
fn a_reason_does_not_repeat_a_long_text() {
    let long = "a".repeat(100_000);
    for (reason, json) in [
        (Reason::InvalidLabel, format!(r#"{{"name":"x","labels":"{long}"}}"#)),
        (Reason::InvalidBuckets, format!(r#"{{"name":"x","type":3,"buckets":"{long}"}}"#)),
        (Reason::InvalidQuantiles, format!(r#"{{"name":"x","type":2,"quantiles":"{long}"}}"#)),
    ] {
        assert_bad(payload(json), reason, "expected an ");
    }
}

#[test]
fn the_first_of_several_reasons_in_a_fixed_order_is_given() {
    let mut fields = [
        (Reason::InvalidType, r#""type":"?""#, r#""type":3"#),
        (Reason::InvalidName, r#""name":"?""#, r#""name":"x""#),
        (Reason::InvalidMode, r#""mode":"?""#, r#""mode":"sum""#),
        (Reason::InvalidLabel, r#""labels":7"#, r#""labels":{}"#),
        (Reason::InvalidBuckets, r#""buckets":7"#, r#""buckets":[1]"#),
        (Reason::InvalidValue, r#""value":[]"#, r#""value":7"#),
    ];
    for index in 0..fields.len() {
        let json: Vec<_> = fields.iter().rev().map(|(_, bad, _)| *bad).collect();
        assert_bad(payload(format!("{{{}}}", json.join(","))), fields[index].0, "");
        fields[index].1 = fields[index].2;
    }
}

#[test]
fn flat_fields_are_refused_as_json_is() {
    type FlatFields<'f> = &'f [(&'f str, &'f str)];
    let table: [(Reason, FlatFields<'_>, &str); 12] = [
        (Reason::InvalidJson, &[], "without fields"),
        (Reason::InvalidJson, &[("data", "x")], "x"),
        (Reason::InvalidName, &[("a", "x"), ("b", "y")], "nothing as name"),
        (Reason::InvalidType, &[("name", "x"), ("type", "gage")], "\"gage\""),
        (Reason::InvalidLabel, &[("name", "x"), ("labels", "{\"a\":1")], "EOF"),
        (Reason::InvalidLabel, &[("name", "x"), ("labels", "{} {}")], "trailing"),
        (Reason::InvalidLabel, &[("name", "x"), ("labels", "")], "EOF"),
        (Reason::InvalidBuckets, &[("name", "x"), ("type", "3"), ("buckets", "[1,")], "EOF"),
        (
            Reason::InvalidQuantiles,
            &[("name", "x"), ("type", "2"), ("quantiles", "[1"), ("epsilons", "[1]")],
            "EOF",
        ),
        (Reason::InvalidValue, &[("name", "x"), ("value", "")], "\"\" as value"),
        (Reason::NegativeCounter, &[("name", "x"), ("value", "-1")], "\"-1\" as value"),
        (Reason::InvalidMode, &[("name", "x"), ("mode", "mean")], "\"mean\""),
    ];
    for (reason, fields, detail) in table {
        assert_bad(flat(fields), reason, detail);
    }
    let not_utf8 = vec![("name".into(), "x".into()), ("help".into(), b"\xff"[..].into())];
    assert_bad(entry(Body::Fields(not_utf8)), Reason::InvalidJson, "the field help");
}

#[test]
fn an_entry_over_one_mebibyte_is_too_large() {
    let padded = |size: usize| {
        let mut json = br#"{"name":"x"}"#.to_vec();
        json.resize(size, b' ');
        json
    };
    assert_good(payload(padded(MAX_ENTRY_BYTES)), "counter x 0");
    assert_bad(payload(padded(MAX_ENTRY_BYTES + 1)), Reason::TooLarge, "1048577 bytes");
    let fields = |size: usize| {
        let help = "h".repeat(size - "namexhelp".len());
        flat(&[("name", "x"), ("help", &help)])
    };
    assert_eq!(decode_one(fields(MAX_ENTRY_BYTES)).events.len(), 1);
    assert_bad(fields(MAX_ENTRY_BYTES + 1), Reason::TooLarge, "1048577 bytes");
}

#[test]
fn long_values_are_shortened_in_details() {
    let name = "é".repeat(5000);
    let json = format!(r#"{{"name":"{name}"}}"#);
    assert_bad(payload(json), Reason::InvalidName, &format!("\"{}\"…", "é".repeat(100)));
}
