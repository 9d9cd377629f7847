//! One connection to one endpoint: TCP, TLS, login.
//!
//! Three settings matter and are off or wrong by default: the response time-out
//! (500 ms, shorter than a blocking read), `TCP_NODELAY`, and `TCP_USER_TIMEOUT`,
//! without which a half-open socket lasts for many minutes.

use std::net::SocketAddr;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo,
    IntoConnectionInfo, RedisConnectionInfo, RedisError, TlsCertificates,
};

use super::{ConnectError, Connector, describe, dialed};
use crate::config::connection_string::Endpoint;

/// How long a blocking read blocks on the server.
pub const BLOCK: Duration = Duration::from_millis(1000);

/// How much longer than its `BLOCK` a command may take before the connection is given up.
const RESPONSE_MARGIN: Duration = Duration::from_secs(2);

/// How long a reply is waited for.
pub(super) const RESPONSE_TIMEOUT: Duration = BLOCK.saturating_add(RESPONSE_MARGIN);

impl Connector {
    /// The login of the primary, or of a cluster's nodes.
    pub(super) fn login(&self) -> RedisConnectionInfo {
        let mut login = RedisConnectionInfo::default().set_db(self.target.database);
        if let Some(user) = &self.target.user {
            login = login.set_username(user);
        }
        if let Some(password) = &self.target.password {
            login = login.set_password(&password.0);
        }
        login
    }

    pub(super) async fn open(
        &self,
        endpoint: &Endpoint,
        login: RedisConnectionInfo,
    ) -> Result<MultiplexedConnection, ConnectError> {
        let failed = |error: RedisError| {
            let endpoint = describe(endpoint);
            if error.to_string().contains("SELECT is not allowed in cluster mode") {
                let database = self.target.database;
                return ConnectError::DatabaseInCluster { endpoint, database };
            }
            ConnectError::Redis { endpoint, error }
        };
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.target.connect_timeout))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        if let Some(dial) = &self.dial {
            let patience = self.target.connect_timeout;
            let opened = dialed::open(dial.as_ref(), endpoint, &login, config, patience);
            return opened.await.map_err(failed);
        }
        let info = self.connection_info(endpoint).map_err(failed)?.set_redis_settings(login);
        let client = if self.target.tls {
            Client::build_with_tls(info, self.certificates()?).map_err(failed)?
        } else {
            Client::open(info).map_err(failed)?
        };
        if let (Some(_), Endpoint::Tcp { host, .. }) = (&self.target.tls_host, endpoint) {
            config = config.set_dns_resolver(ResolveTo(host.clone()));
        }
        let mut connection =
            client.get_multiplexed_async_connection_with_config(&config).await.map_err(failed)?;
        if let Some(name) = &self.target.client_name {
            let named: Result<(), RedisError> =
                redis::cmd("CLIENT").arg("SETNAME").arg(name).query_async(&mut connection).await;
            if let Err(error) = named {
                tracing::debug!(%error, "CLIENT SETNAME was refused");
            }
        }
        Ok(connection)
    }

    fn connection_info(&self, endpoint: &Endpoint) -> Result<ConnectionInfo, RedisError> {
        let addr = match endpoint {
            Endpoint::Unix(path) => ConnectionAddr::Unix(path.clone()),
            Endpoint::Tcp { host, port } if self.target.tls => ConnectionAddr::TcpTls {
                host: self.target.tls_host.clone().unwrap_or_else(|| host.clone()),
                port: *port,
                insecure: self.target.tls_insecure,
                tls_params: None,
            },
            Endpoint::Tcp { host, port } => ConnectionAddr::Tcp(host.clone(), *port),
        };
        let keepalive = redis::io::tcp::socket2::TcpKeepalive::new()
            .with_time(Duration::from_secs(15))
            .with_interval(Duration::from_secs(5));
        let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        #[cfg(target_os = "linux")]
        let settings = settings.set_user_timeout(Duration::from_secs(10));
        Ok(addr.into_connection_info()?.set_tcp_settings(settings))
    }

    fn certificates(&self) -> Result<TlsCertificates, ConnectError> {
        let read = |path: &std::path::Path| {
            std::fs::read(path)
                .map_err(|error| ConnectError::TlsFile { file: path.display().to_string(), error })
        };
        let files = &self.target.tls_files;
        let client_tls = match (&files.cert_file, &files.key_file) {
            (Some(cert), Some(key)) => {
                Some(ClientTlsConfig { client_cert: read(cert)?, client_key: read(key)? })
            }
            _ => None,
        };
        let root_cert = files.ca_file.as_deref().map(read).transpose()?;
        Ok(TlsCertificates { client_tls, root_cert })
    }
}

/// Resolves every name to one host's addresses. The client checks a certificate against the name
/// it connects to; with `sslHost` that is another one than the endpoint's.
struct ResolveTo(String);

impl redis::io::AsyncDNSResolver for ResolveTo {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        _host: &'b str,
        port: u16,
    ) -> redis::RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((self.0.as_str(), port)).await?;
            Ok(Box::new(addresses) as Box<_>)
        })
    }
}
