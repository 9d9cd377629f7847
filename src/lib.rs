//! prom-stream-gateway: restart-safe aggregation of Prometheus metrics from
//! short-lived producers, fed by Redis lists and streams.
//!
//! The modules stand in the order in which data flows through them:
//! a [`source`] reads entries from Redis (whose client side is [`redis`]), [`decode`] turns their bytes into
//! events, the [`store`] applies the events *together with* the position they
//! move the source to, [`checkpoint`] makes state and position durable as one,
//! [`expose`] renders the state and [`http`] serves it. [`gateway`] is the only
//! place that wires them and spawns tasks.

pub mod model;

pub mod lease;

pub mod redis;

pub mod source;

pub mod decode;

pub mod dead_letters;

pub mod journal;

pub mod push;

pub mod door;

pub mod store;

pub mod checkpoint;

pub mod expose;

pub mod http;

pub mod status;

pub mod config;

pub mod allocator;
pub mod durable_files;
pub mod fault_point;
pub mod shutdown;
pub mod telemetry;

pub mod gateway;

pub mod cli;
pub mod commands;
