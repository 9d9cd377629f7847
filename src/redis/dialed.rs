//! Another way to reach a server than a socket: how a test puts a model of one in its place.

use std::fmt::Debug;
use std::io;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::connection_string::Endpoint;

/// Makes byte streams to an endpoint, in place of the operating system.
#[async_trait]
pub trait Dial: Debug + Send + Sync {
    async fn dial(&self, endpoint: &Endpoint) -> io::Result<Box<dyn ByteStream>>;
}

/// Bytes in both directions.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> ByteStream for S {}
