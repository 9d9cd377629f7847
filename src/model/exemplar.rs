//! Exemplars: one observation that stands for many, with where to look further.

use super::Timestamp;

/// An exemplar of a counter or of a histogram's bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// The rendered labels without braces: `trace_id="4bf9"`; see [`super::labels`].
    pub labels: Box<str>,
    pub value: f64,
    pub timestamp: Option<Timestamp>,
}
