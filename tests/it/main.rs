//! The real executable against real Redis servers: one binary, a module per promise.
//!
//! Every test owns its servers (free ports, temporary directories) and kills them
//! when it ends. Nothing sleeps and hopes: what is awaited has a deadline and a
//! name that the failure prints. `SEED=n` repeats a random campaign. With the feature
//! `failpoints` the executable can be killed at named points, which the torture needs.

// Without the feature, what serves only the torture is left unused.
#![cfg_attr(not(feature = "failpoints"), allow(dead_code))]

mod harness;

mod claims;
mod cluster;
mod connection;
#[cfg(feature = "failpoints")]
mod crash_points;
mod demo;
mod demotion;
mod door;
mod events;
mod first_come;
mod foreign_pages;
mod freshness;
mod graceful;
mod history;
mod kill_campaign;
mod left_behind;
mod list_fence;
mod list_keys;
mod list_names;
mod list_segments;
mod listening;
mod load;
mod mode_change;
mod naive_control;
mod network;
mod output_buffer;
mod ownership;
mod pages;
mod peers;
mod permissions;
mod predecessor;
mod pressure;
mod prometheus;
mod push;
mod push_clients;
mod pushgateway;
mod reconnects;
mod redis_faults;
mod retire;
mod s3;
mod secrets;
mod security;
mod sentinel;
mod served;
mod sharing;
mod snapshots;
mod store_faults;
mod syncs;
#[cfg(feature = "failpoints")]
mod torture;
