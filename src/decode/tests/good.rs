//! Events that are accepted.

use super::*;

#[test]
fn json_events_become_events() {
    let table = [
        // The four types, as producers send them.
        (
            r#"{"type":"counter","name":"http_requests_total","value":1,"help":"Requests served.","labels":{"method":"GET","status":"200"}}"#,
            r#"counter http_requests_total{method="GET",status="200"} 1 # Requests served."#,
        ),
        (
            r#"{"type":"gauge","name":"temperature_celsius","value":22.5,"labels":{"sensor":"room-1"}}"#,
            r#"gauge temperature_celsius{sensor="room-1"} 22.5"#,
        ),
        (
            r#"{"type":"histogram","name":"request_duration_seconds","value":0.75,"buckets":[0.1,0.5,1,5,10]}"#,
            "histogram request_duration_seconds 0.75 [0.1, 0.5, 1.0, 5.0, 10.0]",
        ),
        (
            r#"{"type":"summary","name":"s","value":512,"quantiles":[0.5,0.9,0.99],"epsilons":[0.05,0.01,0.001]}"#,
            "summary s 512 [0.5, 0.9, 0.99, 0.05, 0.01, 0.001]",
        ),
        // type
        (r#"{"name":"x"}"#, "counter x 0"),
        (r#"{"name":"x","type":null}"#, "counter x 0"),
        (r#"{"name":"x","type":"GaUGe"}"#, "gauge x 0"),
        (r#"{"name":"x","type":0}"#, "counter x 0"),
        (r#"{"name":"x","type":1}"#, "gauge x 0"),
        (r#"{"name":"x","type":2}"#, "summary x 0"),
        (r#"{"name":"x","type":3,"buckets":[1]}"#, "histogram x 0 [1.0]"),
        (r#"{"name":"x","type":"3","buckets":[1]}"#, "histogram x 0 [1.0]"),
        // name
        (r#"{"name":"a:b_C9"}"#, "counter a:b_C9 0"),
        (r#"{"name":"\u0061\u0062"}"#, "counter ab 0"),
        (r#"{"name":"process_jobs"}"#, "counter process_jobs 0"),
        // value
        // What encoders make of NaN.
        (r#"{"name":"x","type":"gauge","value":null}"#, "gauge x NaN"),
        (r#"{"name":"x","value":" 1.5 "}"#, "counter x 1.5"),
        (r#"{"name":"x","value":"\u0031"}"#, "counter x 1"),
        (r#"{"name":"x","value":0.30000000000000004}"#, "counter x 0.30000000000000004"),
        (r#"{"name":"x","value":-0}"#, "counter x -0"),
        (r#"{"name":"x","value":1e-400}"#, "counter x 0"),
        (r#"{"name":"x","type":"gauge","value":-3}"#, "gauge x -3"),
        (r#"{"name":"x","type":"gauge","value":"NaN"}"#, "gauge x NaN"),
        (r#"{"name":"x","type":"gauge","value":"nan"}"#, "gauge x NaN"),
        (r#"{"name":"x","type":"gauge","value":"+Inf"}"#, "gauge x inf"),
        (r#"{"name":"x","type":"gauge","value":"Infinity"}"#, "gauge x inf"),
        (r#"{"name":"x","type":"gauge","value":"-inf"}"#, "gauge x -inf"),
        (r#"{"name":"x","type":"histogram","value":-1,"buckets":[1]}"#, "histogram x -1 [1.0]"),
        // help
        (r#"{"name":"x","help":"a\n\"b\""}"#, "counter x 0 # a\n\"b\""),
        (r#"{"name":"x","help":7}"#, "counter x 0 # 7"),
        (r#"{"name":"x","help":["a"]}"#, "counter x 0"),
        (r#"{"name":"x","help":null}"#, "counter x 0"),
        (r#"{"name":"x","help":"\ud800"}"#, "counter x 0"),
        // mode
        (r#"{"name":"x","mode":"Sum"}"#, "counter x 0"),
        (r#"{"name":"x","mode":"aggregate"}"#, "counter x 0"),
        (r#"{"name":"x","mode":null}"#, "counter x 0"),
        (r#"{"name":"x","type":"gauge","mode":"REPLACE"}"#, "gauge x 0"),
        (r#"{"name":"x","mode":"replace"}"#, "counter x 0 Replace"),
        (r#"{"name":"x","mode":"Info"}"#, "counter x 0 Family"),
        (r#"{"name":"x","mode":"mean5m"}"#, "counter x 0 Mean { window_seconds: 300 }"),
        (r#"{"name":"x","type":1,"mode":"sum","value":-2}"#, "gauge x -2 Add"),
        (r#"{"name":"x","type":1,"mode":"family","value":"NaN"}"#, "gauge x NaN Family"),
        (r#"{"name":"x","type":1,"mode":"SUM90S"}"#, "gauge x 0 Sum { window_seconds: 90 }"),
        (r#"{"name":"x","type":2,"mode":"sum"}"#, "summary x 0"),
        (r#"{"name":"x","type":3,"buckets":[1],"mode":"aggregate"}"#, "histogram x 0 [1.0]"),
        // The last of two keys wins, keys are case-sensitive, others are ignored.
        (r#"{"name":"x","name":"y","value":1,"value":2}"#, "counter y 2"),
        (r#"{"Name":"y","name":"x","VALUE":3}"#, "counter x 0"),
        (r#"{"name":"x","a":{"b":[1,{"name":"z"}]},"name2":"y","é":1e400}"#, "counter x 0"),
        (r#"{"na\u006de":"x"}"#, "counter x 0"),
        // Lists that the type has no use for.
        (r#"{"name":"x","buckets":"?","quantiles":[7],"epsilons":{}}"#, "counter x 0"),
    ];
    for (json, expected) in table {
        assert_good(payload(json), expected);
    }
}

#[test]
fn labels_become_label_text() {
    let table = [
        ("null", ""),
        ("{}", ""),
        ("[]", ""),
        (" [ ] ", ""),
        (r#"{"b":"2","a":"1"}"#, r#"{a="1",b="2"}"#),
        (r#"{"a":"1","b":"2","a":"3"}"#, r#"{a="3",b="2"}"#),
        (r#"{"a":"1","a":null}"#, ""),
        (r#"{"a":null,"b":"","c":"3"}"#, r#"{c="3"}"#),
        (r#"{"a":null}"#, ""),
        (r#"{"a":null,"a":"1"}"#, r#"{a="1"}"#),
        (r#"{"a":1,"b":-2,"c":true,"d":false}"#, r#"{a="1",b="-2",c="true",d="false"}"#),
        (r#"{"a":1.0,"b":1.50,"c":-2e-3}"#, r#"{a="1.0",b="1.5",c="-0.002"}"#),
        (r#"{"a":12345678901234567890123}"#, r#"{a="12345678901234567890123"}"#),
        (r#"{"a":"q\"b\\n\nü\u0000"}"#, "{a=\"q\\\"b\\\\n\\nü\u{0}\"}"),
        (r#"{"\u0061":"x,b=\"1"}"#, r#"{a="x,b=\"1"}"#),
        (r#"{"le":"1","quantile":"2"}"#, r#"{le="1",quantile="2"}"#),
    ];
    for (labels, expected) in table {
        let json = format!(r#"{{"name":"x","labels":{labels}}}"#);
        assert_good(payload(json), &format!("counter x{expected} 0"));
        assert_good(flat(&[("name", "x"), ("labels", labels)]), &format!("counter x{expected} 0"));
    }
    assert_good(
        payload(r#"{"name":"x","type":"summary","labels":{"le":"1"}}"#),
        r#"summary x{le="1"} 0"#,
    );
}

#[test]
fn unsorted_labels_are_served_as_they_came_and_are_the_same_series() {
    let options = DecodeOptions {
        utf8_names: false,
        sort_labels: false,
        stream_pushes: StreamPushes::default(),
        hasher: SeriesHasher::default(),
    };
    let entries = [
        r#"{"name":"x","labels":{"b":"2","z":null,"a":"1"}}"#,
        r#"{"name":"x","labels":{"a":"1","b":"2"}}"#,
        r#"{"name":"x","labels":{"b":"0","a":"1","b":"2"}}"#,
        r#"{"name":"x","labels":{"b":"1","a":"2"}}"#,
    ];
    let batch = decode(entries.map(payload).to_vec(), &options);
    let texts: Vec<_> = batch.events.iter().map(|event| batch.text(event.labels)).collect();
    let expected = [r#"b="2",a="1""#, r#"a="1",b="2""#, r#"a="1",b="2""#, r#"b="1",a="2""#];
    assert_eq!(texts, expected);
    let hashes: Vec<_> = batch.events.iter().map(|event| event.hash).collect();
    assert!(hashes[..3].iter().all(|hash| *hash == hashes[0]));
    assert_ne!(hashes[3], hashes[0]);
    assert_eq!(hashes[0], options.hasher.hash("x", r#"a="1",b="2""#));
    let entries: Vec<_> = batch.events.iter().map(|event| event.entry).collect();
    assert_eq!(entries, [0, 1, 2, 3]);
}

#[test]
fn buckets_and_quantiles_become_numbers() {
    let table = [
        (r#""buckets":[-1,0,"0.5",1e3]"#, "histogram x 0 [-1.0, 0.0, 0.5, 1000.0]"),
        (r#""buckets":[1,"+Inf"]"#, "histogram x 0 [1.0]"),
        (r#""buckets":["Inf"]"#, "histogram x 0"),
        (r#""buckets":[-0]"#, "histogram x 0 [0.0]"),
        (r#""type":2"#, "summary x 0"),
        (r#""type":2,"quantiles":null,"epsilons":[]"#, "summary x 0"),
        (
            r#""type":2,"quantiles":[0.9,"0.5"],"epsilons":[0.01,0.05]"#,
            "summary x 0 [0.5, 0.9, 0.05, 0.01]",
        ),
    ];
    for (fields, expected) in table {
        assert_good(payload(format!(r#"{{"name":"x","type":3,{fields}}}"#)), expected);
    }
}

#[test]
fn flat_fields_are_as_json() {
    assert_good(
        flat(&[
            ("type", "Histogram"),
            ("name", "x"),
            ("value", " 0.5"),
            ("help", "\"Help\""),
            ("mode", "sum"),
            ("labels", r#"{"b":2,"a":"1"}"#),
            ("buckets", r#"[1,"+Inf"]"#),
            ("quantiles", "broken, and not asked for"),
            ("other", "ignored"),
        ]),
        r#"histogram x{a="1",b="2"} 0.5 # "Help" [1.0]"#,
    );
    let summary =
        [("name", "x"), ("type", "2"), ("quantiles", " [0.9,0.5]"), ("epsilons", "[0.1,0.2] ")];
    assert_good(flat(&summary), "summary x 0 [0.5, 0.9, 0.2, 0.1]");
    assert_good(flat(&[("name", "x"), ("name", "y")]), "counter y 0");
    assert_good(flat(&[("data", r#"{"name":"x"}"#)]), "counter x 0");
    let odd = (b"\xff"[..].into(), b"\xff"[..].into());
    let name = ("name".into(), "x".into());
    assert_good(entry(Body::Fields(vec![odd, name])), "counter x 0");
}
