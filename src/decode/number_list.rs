//! Buckets and quantiles: lists of numbers that a type needs beside its value.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde_json::value::RawValue;

use super::fields::Input;
use super::number;
use super::refusal::{Quoted, Refusal, Verbatim};
use crate::model::Reason;

/// Appends a histogram's upper bounds to `bounds`, without the final +Inf.
pub(super) fn append_buckets(
    buckets: Input<'_>,
    name: &str,
    bounds: &mut Vec<f64>,
) -> Result<(), Refusal> {
    let start = bounds.len();
    let refuse = |problem: String| {
        let detail =
            format!("the buckets {} of {}: {problem}", Verbatim(shown(buckets)), Quoted(name));
        Refusal::new(Reason::InvalidBuckets, detail)
    };
    append(buckets, bounds).map_err(refuse)?;
    let added = &bounds[start..];
    if added.is_empty() {
        return Err(refuse("expected at least one upper bound".to_owned()));
    }
    // A NaN is not less than anything.
    let ascends = added.is_sorted_by(|a, b| a < b) && !added[0].is_nan();
    if !ascends || added[0] == f64::NEG_INFINITY {
        return Err(refuse("expected strictly ascending finite bounds, or a last +Inf".to_owned()));
    }
    if bounds.last() == Some(&f64::INFINITY) {
        bounds.truncate(bounds.len() - 1);
    }
    Ok(())
}

/// Appends a summary's quantiles, ascending, and then their epsilons.
pub(super) fn append_quantiles(
    quantiles: Input<'_>,
    epsilons: Input<'_>,
    name: &str,
    scratch: &mut Vec<(f64, f64)>,
    numbers: &mut Vec<f64>,
) -> Result<(), Refusal> {
    let start = numbers.len();
    let refuse = |problem: &str| {
        let detail = format!(
            "the quantiles {} with epsilons {} of {}: {problem}",
            Verbatim(shown(quantiles)),
            Verbatim(shown(epsilons)),
            Quoted(name)
        );
        Refusal::new(Reason::InvalidQuantiles, detail)
    };
    append(quantiles, numbers).map_err(|problem| refuse(&problem))?;
    let middle = numbers.len();
    append(epsilons, numbers).map_err(|problem| refuse(&problem))?;
    if middle - start != numbers.len() - middle {
        return Err(refuse("expected one epsilon for each quantile"));
    }
    if !numbers[start..].iter().all(|number| 0.0 < *number && *number < 1.0) {
        return Err(refuse("expected numbers between 0 and 1, both excluded"));
    }
    scratch.clear();
    scratch.extend(numbers[start..middle].iter().copied().zip(numbers[middle..].iter().copied()));
    scratch.sort_by(|a, b| a.0.total_cmp(&b.0));
    if scratch.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(refuse("expected each quantile once"));
    }
    numbers.truncate(start);
    numbers.extend(scratch.iter().map(|(quantile, _)| quantile));
    numbers.extend(scratch.iter().map(|(_, epsilon)| epsilon));
    Ok(())
}

fn shown(input: Input<'_>) -> &str {
    match input {
        Input::Missing => "(none)",
        Input::Json(text) | Input::Plain(text) => text,
    }
}

/// Appends the numbers of a JSON array; null and absent are as an empty one.
fn append(list: Input<'_>, numbers: &mut Vec<f64>) -> Result<(), String> {
    let (Input::Json(json) | Input::Plain(json)) = list else { return Ok(()) };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    AppendNumbers(numbers)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| error.to_string())
}

struct AppendNumbers<'n>(&'n mut Vec<f64>);

impl<'de> DeserializeSeed<'de> for AppendNumbers<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AppendNumbers<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element::<&RawValue>()? {
            let scalar = Input::Json(element.get()).scalar();
            let Some(number) = number::parse(&scalar) else {
                return Err(A::Error::custom(format_args!("{scalar}; expected a number")));
            };
            // Adding zero turns -0 into 0, which is served as `0`.
            self.0.push(number + 0.0);
        }
        Ok(())
    }

    /// Not left to serde, which would repeat all of it.
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        Err(E::invalid_type(Unexpected::Other(&Quoted(text).to_string()), &self))
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
