//! A stream entry's flat fields: `XADD stream * type counter name x value 1`.
//!
//! Scalars stand for themselves, lists and maps are JSON.

use bytes::Bytes;

use super::Decoder;
use super::fields::{Fields, Input};
use super::refusal::Refusal;
use crate::model::Span;

impl Decoder<'_> {
    pub(super) fn flat_fields(&mut self, fields: &[(Bytes, Bytes)]) {
        // An event's `raw` is the whole entry: flat fields have no bytes of their own.
        let whole = Span::default();
        if fields.is_empty() {
            let detail = "an entry without fields; expected a payload or at least a name";
            return self.refuse(whole, Refusal::invalid_json(detail));
        }
        match gather(fields) {
            Ok(fields) => self.add(whole, &fields),
            Err(refusal) => self.refuse(whole, refusal),
        }
    }
}

fn gather(raw_fields: &[(Bytes, Bytes)]) -> Result<Fields<'_>, Refusal> {
    let mut fields = Fields::default();
    for (name, value) in raw_fields {
        let (field, input): (_, fn(_) -> _) = match name.as_ref() {
            b"type" => (&mut fields.metric_type, Input::Plain),
            b"name" => (&mut fields.name, Input::Plain),
            b"value" => (&mut fields.value, Input::Plain),
            b"help" => (&mut fields.help, Input::Plain),
            b"mode" => (&mut fields.mode, Input::Plain),
            b"labels" => (&mut fields.labels, Input::Json),
            b"buckets" => (&mut fields.buckets, Input::Json),
            b"quantiles" => (&mut fields.quantiles, Input::Json),
            b"epsilons" => (&mut fields.epsilons, Input::Json),
            _ => continue,
        };
        *field = input(str::from_utf8(value).map_err(|error| {
            let name = String::from_utf8_lossy(name);
            Refusal::invalid_json(format!("the field {name}: not UTF-8: {error}"))
        })?);
    }
    Ok(fields)
}
