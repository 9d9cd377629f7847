//! Gathers the fields of one JSON object.
//!
//! Values are taken as raw slices of the payload: serde_json checks that they
//! are well-formed and validation reads them later. So a number that no f64
//! holds, or a broken escape, is a wrong value and not a broken payload.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fields::{Fields, Input};

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Type,
    Name,
    Value,
    Help,
    Mode,
    Labels,
    Buckets,
    Quantiles,
    Epsilons,
    #[serde(other)]
    Unknown,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EventVisitor)
    }
}

struct EventVisitor;

impl<'de> Visitor<'de> for EventVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event as a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key()? {
            let field = match key {
                Key::Type => &mut fields.metric_type,
                Key::Name => &mut fields.name,
                Key::Value => &mut fields.value,
                Key::Help => &mut fields.help,
                Key::Mode => &mut fields.mode,
                Key::Labels => &mut fields.labels,
                Key::Buckets => &mut fields.buckets,
                Key::Quantiles => &mut fields.quantiles,
                Key::Epsilons => &mut fields.epsilons,
                Key::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *field = Input::Json(map.next_value::<&RawValue>()?.get());
        }
        Ok(fields)
    }
}
