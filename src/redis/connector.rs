//! Connections to Redis: one place that knows endpoints, TLS, Sentinel, Cluster and time-outs.
//!
//! Each connection has one user. The client's own pooling, reconnecting and
//! following of redirects are not used: a reconnect must be seen by the source,
//! which then re-aligns with its position, and a command that is sent again
//! behind its back is one that nobody knows was sent twice. So all that there is
//! to decide is decided once, while connecting: which server is the primary,
//! and in a cluster which node has the key's slot. Whatever changes later
//! (`READONLY`, `MOVED`, a closed connection) is an error that makes the user
//! drop the connection and come here again.

use std::sync::Arc;

use parking_lot::Mutex;
use redis::RedisError;
use tokio_rustls::rustls;

use super::cluster::{self, Topology};
use super::greeting::{ClientId, Greeting, Place};
use super::login::As;
use super::{Connection, Dial};
use crate::config::RedisTarget;
use crate::config::connection_string::Endpoint;

/// Nodes that send us to another one before we give up: they disagree on who has the slot.
const MOST_REDIRECTS: usize = 5;

/// Opens connections to the primary of one Redis.
#[derive(Clone, Debug)]
pub struct Connector {
    pub(super) target: RedisTarget,
    /// Nodes of the cluster beside the configured ones, as it told last; shared by all clones.
    nodes: Arc<Mutex<Vec<Endpoint>>>,
    /// Makes the byte streams, if the operating system is not to.
    pub(super) dial: Option<Arc<dyn Dial>>,
}

/// A server that is the right one, and what it calls us.
pub(super) struct Peer {
    pub(super) connection: Connection,
    pub(super) endpoint: Endpoint,
    pub(super) client: Option<ClientId>,
}

/// No connection could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot connect to Redis at {endpoint}: {error}")]
    Redis { endpoint: String, error: RedisError },
    #[error("{file}: {error}; Redis.Tls*File must name readable PEM files")]
    TlsFile { file: String, error: std::io::Error },
    #[error(
        "{file} has no certificate of an authority; Redis.TlsCaFile must name a PEM file that has one"
    )]
    NoAuthority { file: String },
    #[error("the certificates for Redis cannot be used: {0}")]
    Tls(rustls::Error),
    #[error("Redis at {endpoint} is a {role}, expected the primary")]
    NotPrimary { endpoint: String, role: String },
    #[error("sentinel {endpoint} knows no primary named `{service}`")]
    UnknownService { endpoint: String, service: String },
    #[error("Redis at {endpoint} is version {version}, expected 6.2 or newer")]
    TooOld { endpoint: String, version: String },
    #[error("no endpoint is configured in Redis.ConnectionString")]
    NoEndpoint,
    #[error(
        "Redis at {endpoint} is a cluster, which has database 0 only, and database {database} is \
         configured; remove defaultDatabase from Redis.ConnectionString, and \
         Redis.MetricQueueDatabase"
    )]
    DatabaseInCluster { endpoint: String, database: i64 },
    #[error(
        "slot {slot} of `{key}` is being moved away from {endpoint}; waiting until it has arrived"
    )]
    SlotMoving { endpoint: String, key: String, slot: u16 },
    #[error(
        "the nodes of the cluster do not agree on who has the slot of `{key}`: {endpoint} was the \
         last of {MOST_REDIRECTS} that sent us on"
    )]
    TooManyRedirects { endpoint: String, key: String },
    #[error("Redis at {endpoint} sends us to `{node}`, expected host:port")]
    Redirect { endpoint: String, node: String },
}

impl Connector {
    pub fn new(target: RedisTarget) -> Self {
        Self { target, nodes: Arc::default(), dial: None }
    }

    /// As [`Self::new`], over byte streams that `dial` makes. Time-outs are the same.
    pub fn dialing(target: RedisTarget, dial: Arc<dyn Dial>) -> Self {
        Self { dial: Some(dial), ..Self::new(target) }
    }

    pub fn target(&self) -> &RedisTarget {
        &self.target
    }

    /// Connects to the primary; to any node in a cluster.
    pub async fn connect(&self) -> Result<Connection, ConnectError> {
        Ok(self.reach(None).await?.connection)
    }

    /// Connects to the primary; in a cluster, to that of the key's slot.
    pub async fn connect_for(&self, key: &str) -> Result<Connection, ConnectError> {
        Ok(self.reach(Some(key)).await?.connection)
    }

    /// The first endpoint that leads to the primary, directly or through a sentinel.
    pub(super) async fn reach(&self, key: Option<&str>) -> Result<Peer, ConnectError> {
        let mut failure = ConnectError::NoEndpoint;
        for endpoint in self.seeds() {
            let attempt = match &self.target.service_name {
                Some(service) => match self.ask_sentinel(&endpoint, service).await {
                    Ok(primary) => self.find(primary, key).await,
                    Err(error) => Err(error),
                },
                None => self.find(endpoint, key).await,
            };
            match attempt {
                Ok(peer) => return Ok(peer),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The configured endpoints, then what the cluster told of itself: those may all be gone.
    fn seeds(&self) -> Vec<Endpoint> {
        let mut seeds = self.target.endpoints.clone();
        for node in self.nodes.lock().iter() {
            if !seeds.contains(node) {
                seeds.push(node.clone());
            }
        }
        seeds
    }

    async fn ask_sentinel(
        &self,
        sentinel: &Endpoint,
        service: &str,
    ) -> Result<Endpoint, ConnectError> {
        // Sentinels have their own users; the string's user and database are the primary's.
        let mut connection = self.open(sentinel, As::Nobody).await?;
        let address: Option<(String, u16)> = redis::cmd("SENTINEL")
            .arg("get-master-addr-by-name")
            .arg(service)
            .query_async(&mut connection)
            .await
            .map_err(failed(sentinel))?;
        let (host, port) = address.ok_or_else(|| ConnectError::UnknownService {
            endpoint: describe(sentinel),
            service: service.to_owned(),
        })?;
        Ok(Endpoint::Tcp { host, port })
    }

    /// The server at this endpoint, which must be a primary; or, in a cluster, the node that it
    /// sends us to.
    async fn find(&self, mut endpoint: Endpoint, key: Option<&str>) -> Result<Peer, ConnectError> {
        for _ in 0..MOST_REDIRECTS {
            let mut connection = self.open(&endpoint, As::UserOf(&self.target)).await?;
            let greeting = Greeting::ask(&mut connection, key).await.map_err(failed(&endpoint))?;
            match greeting.place {
                Place::Here => {}
                Place::MovedTo(node) => {
                    endpoint = cluster::redirected(&endpoint, &node).ok_or_else(|| {
                        ConnectError::Redirect { endpoint: describe(&endpoint), node }
                    })?;
                    continue;
                }
                Place::Moving { slot } => {
                    return Err(cluster::moving(&endpoint, key.unwrap_or_default(), slot));
                }
            }
            greeting.check_primary(&endpoint)?;
            if let (true, Some(key)) = (greeting.cluster, key) {
                let topology = Topology::ask(&mut connection, &endpoint, key)
                    .await
                    .map_err(failed(&endpoint))?;
                topology.check_settled(&endpoint, key)?;
                *self.nodes.lock() = topology.nodes;
            }
            return Ok(Peer { connection, endpoint, client: greeting.client });
        }
        let key = key.unwrap_or_default().to_owned();
        Err(ConnectError::TooManyRedirects { endpoint: describe(&endpoint), key })
    }
}

pub(super) fn failed(endpoint: &Endpoint) -> impl FnOnce(RedisError) -> ConnectError {
    let endpoint = describe(endpoint);
    move |error| ConnectError::Redis { endpoint, error }
}

pub(super) fn describe(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Tcp { host, port } => format!("{host}:{port}"),
        Endpoint::Unix(path) => path.display().to_string(),
    }
}
