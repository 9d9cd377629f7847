//! One connection to one endpoint: socket, TLS, login.
//!
//! A half-open socket would last for many minutes if it were not for `TCP_USER_TIMEOUT`, and a
//! small command would wait for an acknowledgement without `TCP_NODELAY`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_ok;
use redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use redis::{ErrorKind, RedisError};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::login::As;
use super::{ByteStream, ConnectError, Connection, Connector, describe, failed, tls};
use crate::config::connection_string::Endpoint;

/// How long a blocking read blocks on the server.
pub const BLOCK: Duration = Duration::from_millis(1000);

/// How much longer than its `BLOCK` a command may take before the connection is given up.
const RESPONSE_MARGIN: Duration = Duration::from_secs(2);

/// How long a reply is waited for.
pub(super) const RESPONSE_TIMEOUT: Duration = BLOCK.saturating_add(RESPONSE_MARGIN);

impl Connector {
    pub(super) async fn open(
        &self,
        endpoint: &Endpoint,
        who: As<'_>,
    ) -> Result<Connection, ConnectError> {
        let opened = async {
            let stream = self.stream(endpoint).await?;
            let mut connection = Connection::new(stream, RESPONSE_TIMEOUT);
            let name = self.target.client_name.as_deref();
            connection.log_in(who, name).await.map_err(|error| {
                if error.to_string().contains("SELECT is not allowed in cluster mode") {
                    let (endpoint, database) = (describe(endpoint), self.target.database);
                    return ConnectError::DatabaseInCluster { endpoint, database };
                }
                failed(endpoint)(error)
            })?;
            Ok(connection)
        };
        let patience = self.target.connect_timeout;
        let opened = tokio::time::timeout(patience, opened).await;
        opened.unwrap_or_else(|late| Err(failed(endpoint)(io::Error::from(late).into())))
    }

    async fn stream(&self, endpoint: &Endpoint) -> Result<Box<dyn ByteStream>, ConnectError> {
        let unreachable = |error: io::Error| failed(endpoint)(error.into());
        if let Some(dial) = &self.dial {
            return dial.dial(endpoint).await.map_err(unreachable);
        }
        let (host, port) = match endpoint {
            Endpoint::Unix(path) => {
                return Ok(Box::new(UnixStream::connect(path).await.map_err(unreachable)?));
            }
            Endpoint::Tcp { host, port } => (host, *port),
        };
        let stream = connect(host, port).await.map_err(unreachable)?;
        if !self.target.tls {
            return Ok(Box::new(stream));
        }
        let config = tls::client_config(&self.target)?;
        // A certificate may be another host's, as far as its name goes.
        let name = self.target.tls_host.as_ref().unwrap_or(host).clone();
        let name = ServerName::try_from(name).map_err(|error| {
            let what = "no name that a certificate could have";
            let error: RedisError =
                (ErrorKind::InvalidClientConfig, what, error.to_string()).into();
            failed(endpoint)(error)
        })?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Box::new(connector.connect(name, stream).await.map_err(unreachable)?))
    }
}

/// Connects to whichever address of the host answers first.
async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let attempts: Vec<_> = lookup_host((host, port))
        .await?
        .map(|address| Box::pin(TcpStream::connect(address)))
        .collect();
    if attempts.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")));
    }
    let (stream, _) = select_ok(attempts).await?;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5));
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(10)))?;
    Ok(stream)
}
