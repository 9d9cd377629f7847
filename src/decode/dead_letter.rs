//! What a dead letter keeps of a refused event: enough to send it again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::stream_entry;
use crate::model::{Body, RawEntry, Span};

/// The bytes of the member at `raw`. When that is empty, all of the entry: its payload, or its
/// fields as JSON.
pub fn dead_letter_payload(entry: &RawEntry, raw: Span) -> Vec<u8> {
    let body = entry.body.without_key();
    match (body, stream_entry::payload(body)) {
        (_, Some(payload)) if !raw.is_empty() => payload[raw.range()].to_vec(),
        (Body::Payload(payload), _) | (Body::Field { .. }, Some(payload)) => payload.to_vec(),
        (Body::Field { .. } | Body::Fields(_), _) => fields(body),
        (Body::JournalRecord(record), _) => record.to_vec(),
        // It was checked when it was received; who sent it was told.
        (Body::Push(_) | Body::Once(_), _) => Vec::new(),
    }
}

/// An object of the fields; where that cannot hold all of them, an array of pairs. What is not
/// UTF-8 is there `{"base64":"…"}`.
fn fields(body: &Body) -> Vec<u8> {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).ok();
    let pairs = stream_entry::fields(body);
    let object: Option<Map<String, Value>> =
        pairs.clone().map(|(name, value)| Some((text(name)?, text(value)?.into()))).collect();
    if let Some(object) = object.filter(|object| object.len() == pairs.clone().count()) {
        return Value::Object(object).to_string().into_bytes();
    }
    let any = |bytes| {
        text(bytes).map_or_else(|| json!({ "base64": STANDARD.encode(bytes) }), Value::from)
    };
    let pairs: Vec<Value> = pairs.map(|(name, value)| json!([any(name), any(value)])).collect();
    Value::Array(pairs).to_string().into_bytes()
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
        let flat = |fields: Vec<_>| letter(Body::Fields(fields), Span::default());
        let (name, value) = (field("name", b"a\""), field("value", b"1"));
        assert_eq!(flat(vec![name.clone(), value.clone()]), r#"{"name":"a\"","value":"1"}"#);
        assert_eq!(flat(Vec::new()), "{}");
        let twice = vec![name.clone(), value, name.clone()];
        assert_eq!(flat(twice), r#"[["name","a\""],["value","1"],["name","a\""]]"#);
        let not_utf8 = vec![name, field("help", b"\xff\0")];
        assert_eq!(flat(not_utf8), r#"[["name","a\""],["help",{"base64":"/wA="}]]"#);
        let named = Body::Field { name: "name".into(), value: "9".into() };
        assert_eq!(letter(named, Span::default()), r#"{"name":"9"}"#);
        let beside = vec![field("traceparent", b"00-1"), field("data", b"[{}, 1]")];
        let beside = Body::Fields(beside);
        assert_eq!(letter(beside.clone(), Span { start: 1, end: 3 }), "{}");
        assert_eq!(letter(beside, Span::default()), r#"{"data":"[{}, 1]","traceparent":"00-1"}"#,);
    }
}
