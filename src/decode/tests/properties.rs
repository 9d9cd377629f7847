//! What holds whatever is sent.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::labels::{pairs, same};

/// The inverse of the text format's escaping.
fn unescape(value: &str) -> String {
    let mut out = String::new();
    let mut chars = value.chars();
    while let Some(char) = chars.next() {
        match (char, char == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some(escaped) => out.push(escaped),
                None => panic!("{value:?} ends within an escape"),
            },
            (char, false) => out.push(char),
        }
    }
    out
}

fn read_back(text: &str) -> BTreeMap<String, String> {
    let pair = |pair: &str| {
        let (name, quoted) = pair.split_once('=').expect("name=value");
        let value = quoted.strip_prefix('"').and_then(|v| v.strip_suffix('"')).expect("quotes");
        (name.to_owned(), unescape(value))
    };
    pairs(text).map(pair).collect()
}

fn with_labels(pairs: &[(String, String)]) -> RawEntry {
    let quoted = |text: &str| serde_json::to_string(text).expect("a string is JSON");
    let members: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
    payload(format!(r#"{{"name":"x","labels":{{{}}}}}"#, members.join(",")))
}

fn jsonish() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\n",
        " ",
        "\"name\"",
        "\"x\"",
        "\"value\"",
        "1",
        "-1",
        "1e400",
        "null",
        "true",
        "\"labels\"",
        "\"a\"",
        "\"\\ud800\"",
        "\"buckets\"",
        "\"type\"",
        "3",
        "{\"name\":\"x\"}",
        "é",
    ]);
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let batch = decode_one(payload(&bytes));
        prop_assert!(!batch.events.is_empty() || !batch.bad.is_empty() || bytes.contains(&b'['));
        let halves = bytes.split_at(bytes.len() / 2);
        let fields = vec![
            ("name".into(), "x".into()),
            ("labels".into(), halves.0.to_vec().into()),
            ("value".into(), halves.1.to_vec().into()),
        ];
        let batch = decode_one(entry(Body::Fields(fields)));
        prop_assert_eq!(batch.events.len() + batch.bad.len(), 1);
    }

    #[test]
    fn spans_stay_within_the_payload(json in jsonish()) {
        let batch = decode_one(payload(&json));
        let spans = batch.events.iter().map(|e| e.raw).chain(batch.bad.iter().map(|b| b.raw));
        for span in spans {
            let bytes = dead_letter_payload(&batch.entries[0], span);
            prop_assert!(json.as_bytes().windows(bytes.len().max(1)).any(|w| w == bytes) || json.is_empty());
        }
        for event in &batch.events {
            let again = decode_one(payload(&json[event.raw.range()]));
            prop_assert_eq!(render(&again, &again.events[0]), render(&batch, event));
        }
    }

    #[test]
    fn labels_are_read_back_whatever_their_order(
        labels in prop::collection::btree_map("[a-zA-Z][a-zA-Z0-9_]{0,3}", ".{1,6}|[\\\\\"\n,=a]{1,6}", 0..8),
        seed in any::<prop::sample::Index>(),
        sort_labels in any::<bool>(),
    ) {
        let pairs: Vec<_> = labels.clone().into_iter().collect();
        let mut shuffled = pairs.clone();
        if !shuffled.is_empty() {
            let middle = seed.index(shuffled.len());
            shuffled.rotate_left(middle);
            shuffled[middle..].reverse();
        }
        let options = DecodeOptions { utf8_names: false, sort_labels, stream_pushes: StreamPushes::default(), hasher: SeriesHasher::default() };
        let batch = decode(vec![with_labels(&pairs), with_labels(&shuffled)], &options);
        prop_assert_eq!(&batch.bad, &[]);
        let texts = [0, 1].map(|index: usize| batch.text(batch.events[index].labels));
        prop_assert_eq!(&read_back(texts[0]), &labels);
        prop_assert_eq!(&read_back(texts[1]), &labels);
        prop_assert!(same(texts[0], texts[1]));
        prop_assert_eq!(batch.events[0].hash, batch.events[1].hash);
        prop_assert!(!sort_labels || texts[0] == texts[1]);
    }

    #[test]
    fn an_array_and_lines_are_their_members_one_by_one(
        members in prop::collection::vec(
            ("[a-z?]{1,3}", -2i32..9, 0u8..5).prop_map(|(name, value, kind)| {
                format!(r#"{{"name":"{name}","value":{value},"type":{kind},"buckets":[1]}}"#)
            }),
            1..8,
        )
    ) {
        let (mut events, mut bad) = (Vec::new(), Vec::new());
        for member in &members {
            let batch = decode_one(payload(member));
            events.extend(batch.events.iter().map(|event| render(&batch, event)));
            bad.extend(batch.bad.into_iter().map(|bad| (bad.reason, bad.detail)));
        }
        for json in [format!("[{}]", members.join(",")), members.join("\n")] {
            let batch = decode_one(payload(&json));
            let rendered: Vec<_> = batch.events.iter().map(|e| render(&batch, e)).collect();
            prop_assert_eq!(&rendered, &events);
            let refused: Vec<_> =
                batch.bad.into_iter().map(|bad| (bad.reason, bad.detail)).collect();
            prop_assert_eq!(&refused, &bad);
        }
    }
}
