//! What the tests are written in: servers, the gateway, producers, scrapers, deadlines.

pub(crate) mod campaign;
pub(crate) mod certificates;
pub(crate) mod check;
pub(crate) mod cluster;
pub(crate) mod disk;
pub(crate) mod gateway;
pub(crate) mod http;
pub(crate) mod page;
pub(crate) mod peers;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod producer;
pub(crate) mod proxy;
pub(crate) mod pushers;
pub(crate) mod pushgateway;
pub(crate) mod python;
pub(crate) mod redis;
pub(crate) mod redis_executable;
pub(crate) mod replication;
pub(crate) mod s3;
pub(crate) mod scraper;
pub(crate) mod sentinel;
pub(crate) mod snapshot_store;
pub(crate) mod tls_client;
pub(crate) mod turn;
pub(crate) mod wait;
pub(crate) mod wall_clock;

pub(crate) use campaign::seed;
pub(crate) use gateway::Gateway;
pub(crate) use page::Page;
pub(crate) use producer::Producers;
pub(crate) use proxy::Proxy;
pub(crate) use pushers::Pushers;
pub(crate) use redis::RedisServer;
pub(crate) use scraper::Scraper;
pub(crate) use wait::{eventually, wait_for};
pub(crate) use wall_clock::WallClock;

/// The keys that a gateway reads unless told otherwise.
pub(crate) const LIST: &str = "prom-stream-gateway:metric-queue";
/// Says which connection of the gateway may take the list.
pub(crate) const OWNER: &str = "{prom-stream-gateway:metric-queue}:seg:default:owner";
/// Says which gateway took the list last.
pub(crate) const LAST_TAKER: &str = "{prom-stream-gateway:metric-queue}:seg:last";
pub(crate) const STREAM: &str = "prom-stream-gateway:metric-stream";
pub(crate) const DEAD_LETTERS: &str = "prom-stream-gateway:dead-letters";
