//! What a dead letter keeps of a refused event: enough to send it again.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::model::{Body, RawEntry, Span};

/// The bytes of the member at `raw`, of the whole payload when `raw` is empty,
/// and a JSON object of an entry's flat fields (with bytes that are not UTF-8
/// replaced).
pub fn dead_letter_payload(entry: &RawEntry, raw: Span) -> Vec<u8> {
    match &entry.body {
        Body::Payload(payload) | Body::Field { value: payload, .. } => member(payload, raw),
        Body::Fields(fields) => object(fields),
        Body::PushRecord(record) => record.to_vec(),
        // It was checked when it was received; who sent it was told.
        Body::Push(_) => Vec::new(),
    }
}

fn member(payload: &[u8], raw: Span) -> Vec<u8> {
    if raw.is_empty() { payload.to_vec() } else { payload[raw.range()].to_vec() }
}

fn object(fields: &[(Bytes, Bytes)]) -> Vec<u8> {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let fields: Map<String, Value> =
        fields.iter().map(|(name, value)| (lossy(name), Value::String(lossy(value)))).collect();
    Value::Object(fields).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Locator;

    #[test]
    fn members_payloads_and_flat_fields_are_kept() {
        let letter = |body, raw| {
            let entry = RawEntry { locator: Locator::Item { segment: 0, index: 0 }, body };
            String::from_utf8(dead_letter_payload(&entry, raw)).expect("UTF-8")
        };
        let field = |name: &'static str, value: &'static [u8]| (name.into(), value.into());
        let array = Bytes::from_static(b"[{}, 1]");
        assert_eq!(letter(Body::Payload(array.clone()), Span { start: 5, end: 6 }), "1");
        assert_eq!(letter(Body::Payload(array.clone()), Span::default()), "[{}, 1]");
        let single = Body::Field { name: "data".into(), value: array };
        assert_eq!(letter(single.clone(), Span { start: 1, end: 3 }), "{}");
        assert_eq!(letter(single, Span::default()), "[{}, 1]");
        let flat = Body::Fields(vec![field("name", b"a\"\xff"), field("value", b"1")]);
        assert_eq!(letter(flat, Span::default()), "{\"name\":\"a\\\"\u{fffd}\",\"value\":\"1\"}");
        assert_eq!(letter(Body::Fields(Vec::new()), Span::default()), "{}");
    }
}
