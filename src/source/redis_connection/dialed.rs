//! Another way to reach a server than a socket: how a test puts a model of one in its place.

use std::fmt::Debug;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::connection_string::Endpoint;

/// Makes byte streams to an endpoint, in place of the operating system.
#[async_trait]
pub trait Dial: Debug + Send + Sync {
    async fn dial(&self, endpoint: &Endpoint) -> io::Result<Box<dyn ByteStream>>;
}

/// Bytes in both directions.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

pub(super) async fn open(
    dial: &dyn Dial,
    endpoint: &Endpoint,
    login: &RedisConnectionInfo,
    config: AsyncConnectionConfig,
    patience: Duration,
) -> Result<MultiplexedConnection, RedisError> {
    let opened = async {
        let stream = dial.dial(endpoint).await?;
        MultiplexedConnection::new_with_config(login, stream, config).await
    };
    let (connection, driver) =
        tokio::time::timeout(patience, opened).await.map_err(io::Error::from)??;
    tokio::spawn(driver);
    Ok(connection)
}
