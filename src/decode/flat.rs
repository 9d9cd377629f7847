//! A stream entry's flat fields: `XADD stream * type counter name x value 1`.
//!
//! Scalars stand for themselves, lists and maps are JSON.

use bytes::Bytes;

use super::fields::{Fields, Input};
use super::refusal::Refusal;
use super::{Decoder, literals};
use crate::model::Span;

impl Decoder<'_> {
    pub(super) fn flat_fields<'e>(
        &mut self,
        fields: impl Iterator<Item = (&'e Bytes, &'e Bytes)> + Clone,
    ) {
        // An event's `raw` is the whole entry: flat fields have no bytes of their own.
        let whole = Span::default();
        if fields.clone().next().is_none() {
            let detail = "an entry without fields; expected a payload or at least a name";
            return self.refuse(whole, Refusal::invalid_json(detail));
        }
        // Hardly any entry has some, and for the others nothing is allocated.
        let quoted: Vec<Option<String>> = match fields.clone().any(has_literals) {
            true => fields
                .clone()
                .map(|(_, json)| literals::quoted(str::from_utf8(json).ok()?))
                .collect(),
            false => Vec::new(),
        };
        match gather(fields, &quoted) {
            Ok(fields) => self.add(whole, &fields),
            Err(refusal) => self.refuse(whole, refusal),
        }
    }
}

/// Whether a field that is JSON holds literals that JSON does not know.
fn has_literals((name, value): (&Bytes, &Bytes)) -> bool {
    let is_json = matches!(name.as_ref(), b"labels" | b"buckets" | b"quantiles" | b"epsilons");
    is_json && str::from_utf8(value).is_ok_and(|json| literals::quoted(json).is_some())
}

/// `quoted`: of each field what it is with its literals in quotes, if any has some.
fn gather<'e: 'f, 'f>(
    raw_fields: impl Iterator<Item = (&'e Bytes, &'e Bytes)>,
    quoted: &'f [Option<String>],
) -> Result<Fields<'f>, Refusal> {
    let mut fields = Fields::default();
    for (index, (name, value)) in raw_fields.enumerate() {
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
        let text = str::from_utf8(value).map_err(|error| {
            let name = String::from_utf8_lossy(name);
            Refusal::invalid_json(format!("the field {name}: not UTF-8: {error}"))
        })?;
        *field = match (quoted.get(index), input(text)) {
            (Some(Some(quoted)), Input::Json(_)) => Input::Json(quoted),
            (_, input) => input,
        };
    }
    Ok(fields)
}
