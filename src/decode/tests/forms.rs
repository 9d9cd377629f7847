//! The forms of a payload: one object, an array, lines.

use super::*;

fn assert_outcome(json: &str, expected: &[&str]) {
    assert_eq!(outcome(payload(json)), expected, "{json:?}");
    let single = entry(Body::Field { name: "data".into(), value: json.to_owned().into() });
    assert_eq!(outcome(single), expected, "as a stream's field: {json:?}");
}

#[test]
fn an_array_is_its_members_and_each_is_bad_alone() {
    assert_outcome("[]", &[]);
    assert_outcome(" [ ] ", &[]);
    assert_outcome(r#"[{"name":"x"} , {"name":"y"}]"#, &["counter x 0", "counter y 0"]);
    assert_outcome("\u{feff}[{\"name\":\"x\"}]\n", &["counter x 0"]);
    assert_outcome("[\n{\"name\":\"x\"},\n{\"name\":\"y\"}\n]", &["counter x 0", "counter y 0"]);
    assert_outcome(
        r#"[{"name":"x"},{"name":"?"},[{"name":"z"}],7,{"name":"y","value":1e400},{"name":"z"}]"#,
        &[
            "counter x 0",
            "counter z 0",
            "invalid_name 14..26",
            "invalid_json 27..41",
            "invalid_json 42..43",
            "invalid_value 44..70",
        ],
    );
}

#[test]
fn a_broken_member_is_bad_alone_where_its_end_can_be_found() {
    let cases: &[(&str, &[&str])] = &[
        (r#"[{"name":"x"},]"#, &["counter x 0", "invalid_json 14..15"]),
        (r#"[,{"name":"x"}]"#, &["counter x 0", "invalid_json 1..2"]),
        (r#"[{"name":"x"} {"name":"y"}, {"name":"z"}]"#, &["counter z 0", "invalid_json 1..26"]),
        (
            r#"[{"name":"x"},{"name":},{"name":"y","value":+1}]"#,
            &["counter x 0", "invalid_json 14..23", "invalid_json 24..47"],
        ),
        ("[{\"name\":\"a\nb\"} , {\"name\":\"x\"}]", &["counter x 0", "invalid_json 1..15"]),
        (
            r#"[{name:"x"},undefined,{"name":"]}\","},{"name":"x"}]"#,
            &["counter x 0", "invalid_json 1..11", "invalid_json 12..21", "invalid_name 22..38"],
        ),
    ];
    for (json, expected) in cases {
        assert_outcome(json, expected);
    }
    let not_utf8 = b"[{\"name\":\"x\"},{\"name\":\"\xff\"}]";
    assert_eq!(outcome(payload(not_utf8)), ["counter x 0", "invalid_json 14..26"]);
}

#[test]
fn an_array_whose_brackets_do_not_match_is_refused_whole() {
    for json in [
        r#"[{"name":"x"}"#,
        r#"[{"name":"x"},"#,
        r#"[{"name":"x"},{"name":]"#,
        r#"[{"name":"x"},{"name":"?"}}"#,
        r#"[{"name":"x"},{"name":"?]"#,
        r#"[{"name":"x"}] {"name":"y"}"#,
        "[{\"name\":\"x\"}]\n[{\"name\":\"y\"}]",
        "[",
    ] {
        assert_outcome(json, &["invalid_json 0..0"]);
        assert_eq!(decode_one(payload(json)).text, "", "{json:?}");
    }
    let not_utf8 = b"[{\"name\":\"x\"},{\"name\":\"\xff\"}";
    assert_eq!(outcome(payload(not_utf8)), ["invalid_json 0..0"]);
}

/// What Python's encoder writes.
#[test]
fn literals_that_json_does_not_know_are_as_strings() {
    assert_outcome(r#"{"name":"x","type":1,"value":NaN}"#, &["gauge x NaN"]);
    assert_outcome(
        r#"[{"name":"x"}, {"name":"x","type":1,"value": -Infinity} ,{"name":"y","value":NaN}]"#,
        &["counter x 0", "gauge x -inf", "invalid_value 57..81"],
    );
    assert_outcome(
        "{\"name\":\"x\",\"type\":1,\"value\":Infinity}\n{\"name\":\"y\",\"help\":\"NaN\"}\n",
        &["gauge x inf", "counter y 0 # NaN"],
    );
    assert_outcome(
        r#"{"name":"x","help":"\"","type":3,"buckets":[1,Infinity],"value":2}"#,
        &["histogram x 2 # \" [1.0]"],
    );
    assert_outcome(
        "{\n  \"name\": \"x\",\n  \"type\": 1,\n  \"value\": NaN\n}\n",
        &["gauge x NaN"],
    );
    let flat = flat(&[("name", "x"), ("type", "3"), ("buckets", "[1,Infinity]")]);
    assert_eq!(outcome(flat), ["histogram x 0 [1.0]"]);
}

/// Frameworks add fields to an entry.
#[test]
fn other_fields_of_an_entry_do_not_change_what_it_is() {
    type Entry<'f> = &'f [(&'f str, &'f str)];
    let cases: &[(Entry<'_>, &[&str])] = &[
        (&[("traceparent", "00-1"), ("data", r#"{"name":"x"}"#)], &["counter x 0"]),
        (&[("data", r#"{"name":"x"}"#), ("_class", "a.B"), ("ts", "1")], &["counter x 0"]),
        (
            &[("payload", r#"[{"name":"x"},7]"#), ("ts", "1")],
            &["counter x 0", "invalid_json 14..15"],
        ),
        (&[("a", r#"{"name":"x"}"#), ("data", r#"{"name":"y"}"#)], &["counter x 0"]),
        (&[("headers", r#"{"a":"b"}"#), ("data", " [{\"name\":\"y\"}]")], &["counter y 0"]),
        (
            &[("headers", "{}"), ("data", "{\"name\":\"y\"}\n{\"name\":\"z\"}")],
            &["counter y 0", "counter z 0"],
        ),
        (&[("traceparent", "00-1"), ("data", "{broken")], &["invalid_json 0..0"]),
        (&[("traceparent", "00-1"), ("data", "{}")], &["invalid_name 0..2"]),
        (&[("traceparent", "00-1"), ("data", "broken")], &["invalid_name 0..0"]),
        // Flat fields, of whatever number.
        (&[("name", "x"), ("traceparent", "00-1"), ("data", r#"{"name":"y"}"#)], &["counter x 0"]),
        (&[("name", "x"), ("labels", r#"{"name":"y"}"#)], &["counter x{name=\"y\"} 0"]),
        (&[("name", "x")], &["counter x 0"]),
        (&[("name", r#"{"name":"y"}"#)], &["counter y 0"]),
        (&[("ts", "1"), ("name", r#"{"name":"y"}"#)], &["counter y 0"]),
    ];
    for (fields, expected) in cases {
        assert_eq!(outcome(flat(fields)), *expected, "{fields:?}");
    }
}

#[test]
fn lines_are_bad_alone_and_blank_ones_are_ignored() {
    assert_outcome(
        "{\"name\":\"x\"}\n\n{\"name\":\"y\"}\r\n \t\n",
        &["counter x 0", "counter y 0"],
    );
    assert_outcome(
        "\u{feff}\n{\"name\":\"x\"}\n{\"name\":\n  oops\n{\"name\":\"?\"}\n{\"name\":\"y\"} z\n7\n[]\n",
        &[
            "counter x 0",
            "invalid_json 17..25",
            "invalid_json 28..32",
            "invalid_name 33..45",
            "invalid_json 46..60",
            "invalid_json 61..62",
            "invalid_json 63..65",
        ],
    );
    // The first line may be the broken one.
    assert_outcome("{\"name\":\"x\n{\"name\":\"y\"}", &["counter y 0", "invalid_json 0..10"]);
    assert_outcome("{\"name\":\n{\"name\":\"y\"}", &["counter y 0", "invalid_json 0..8"]);
    let not_utf8 = b"{\"name\":\"\xff\"}\n{\"name\":\"y\"}";
    assert_eq!(outcome(payload(not_utf8)), ["counter y 0", "invalid_json 0..12"]);
}

#[test]
fn one_object_may_stand_on_several_lines() {
    let pretty =
        "{\n  \"name\": \"x\",\n  \"labels\": {\n    \"a\": \"1\"\n  },\n  \"value\": 2\n}\n";
    assert_outcome(pretty, &["counter x{a=\"1\"} 2"]);
    // When it is broken, its lines are not a dozen broken events.
    assert_outcome("{\n  \"name\": \"x\",\n  \"value\": \n}\n", &["invalid_json 0..0"]);
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = 250_000;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let value = open.repeat(deep / open.len()) + "1" + &close.repeat(deep / open.len());
        for json in [value.clone(), format!("[{value}]"), open.repeat(deep / open.len())] {
            let batch = decode_one(payload(&json));
            assert_eq!((batch.events.len(), batch.bad.len()), (0, 1));
        }
        for field in ["unknown", "help"] {
            let json = format!(r#"{{"name":"x","{field}":{value}}}"#);
            assert_eq!(outcome(payload(json)), ["counter x 0"]);
        }
        for (field, reason) in [
            ("type", Reason::InvalidType),
            ("name", Reason::InvalidName),
            ("value", Reason::InvalidValue),
            ("mode", Reason::InvalidMode),
        ] {
            let json = format!(r#"{{"name":"x","{field}":{value}}}"#);
            assert_bad(payload(json), reason, "");
        }
        for labels in [value.clone(), format!(r#"{{"a":{value}}}"#), open.repeat(deep / open.len())]
        {
            let fields = [("name", "x"), ("labels", labels.as_str())];
            assert_bad(flat(&fields), Reason::InvalidLabel, "");
        }
        let fields = [("name", "x"), ("type", "3"), ("buckets", value.as_str())];
        assert_bad(flat(&fields), Reason::InvalidBuckets, "");
    }
}
