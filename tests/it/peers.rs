//! Real peers, built from their source: an S3 server with conditional writes, Prometheus 3, the
//! official clients of Go and Java, a real Pushgateway.
//!
//! A check against the real thing beats one against our own reading of it. `make peers` builds them
//! and runs these tests; `tests/peers/run.py` knows which module needs which.

mod client_libraries;
mod first_value;
mod go_redis;
mod scrape_formats;
mod versitygw;
