//! Rendering of a cut as the pages that Prometheus reads.
//!
//! Rendering works on a copy, outside of the store's lock, and delivers chunks,
//! so a page of any size needs little memory of its own.

pub mod number;
pub mod own_metrics;
pub mod text;
