//! Connections to Redis: one place that knows endpoints, TLS, Sentinel and time-outs.
//!
//! Each connection has one user. The client's own pooling and reconnecting are
//! not used: a reconnect must be seen by the source, which then re-aligns with
//! its position. Three settings matter and are off or wrong by default: the
//! response time-out (500 ms, shorter than a blocking read), `TCP_NODELAY`, and
//! `TCP_USER_TIMEOUT`, without which a half-open socket lasts for many minutes.

use std::net::SocketAddr;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo,
    IntoConnectionInfo, RedisConnectionInfo, RedisError, TlsCertificates,
};

use super::SourceError;
use crate::config::RedisTarget;
use crate::config::connection_string::Endpoint;

/// How long a blocking read blocks on the server.
pub const BLOCK: Duration = Duration::from_millis(1000);

/// How much longer than its `BLOCK` a command may take before the connection is given up.
const RESPONSE_MARGIN: Duration = Duration::from_secs(2);

/// Opens connections to the primary of one Redis.
#[derive(Clone, Debug)]
pub struct Connector {
    target: RedisTarget,
}

/// The one connection of a source's half: opened when it is asked for, and closed when in doubt.
pub struct Link {
    connector: Connector,
    connection: Option<MultiplexedConnection>,
}

impl Link {
    pub fn new(connector: Connector) -> Self {
        Self { connector, connection: None }
    }

    pub fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// The connection, made now unless it is there.
    pub async fn open(&mut self) -> Result<&mut MultiplexedConnection, ConnectError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connector.connect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// The connection, which must have been opened.
    pub fn get(&mut self) -> Result<&mut MultiplexedConnection, SourceError> {
        self.connection.as_mut().ok_or(SourceError::Disconnected)
    }

    pub fn close(&mut self) {
        self.connection = None;
    }
}

/// No connection could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot connect to Redis at {endpoint}: {error}")]
    Redis { endpoint: String, error: RedisError },
    #[error("{file}: {error}; Redis.Tls*File must name readable PEM files")]
    TlsFile { file: String, error: std::io::Error },
    #[error("Redis at {endpoint} is a {role}, expected the primary")]
    NotPrimary { endpoint: String, role: String },
    #[error("sentinel {endpoint} knows no primary named `{service}`")]
    UnknownService { endpoint: String, service: String },
    #[error("Redis at {endpoint} is version {version}, expected 6.2 or newer")]
    TooOld { endpoint: String, version: String },
    #[error("no endpoint is configured in Redis.ConnectionString")]
    NoEndpoint,
}

/// What the server says it is.
#[derive(Clone, Debug, Default)]
pub struct ServerInfo {
    pub product: String,
    pub version: String,
    pub mode: String,
    pub maxmemory_policy: String,
    pub aof_enabled: bool,
    /// Streams count their entries (7.0 and newer), so that a loss can be metered.
    pub counts_entries: bool,
}

impl Connector {
    pub fn new(target: RedisTarget) -> Self {
        Self { target }
    }

    pub fn target(&self) -> &RedisTarget {
        &self.target
    }

    /// Connects to the primary: the first endpoint that is one, or the one that a sentinel names.
    pub async fn connect(&self) -> Result<MultiplexedConnection, ConnectError> {
        let mut failure = ConnectError::NoEndpoint;
        for endpoint in &self.target.endpoints {
            let attempt = match &self.target.service_name {
                Some(service) => self.connect_through_sentinel(endpoint, service).await,
                None => self.connect_to_primary(endpoint).await,
            };
            match attempt {
                Ok(connection) => return Ok(connection),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn connect_through_sentinel(
        &self,
        sentinel: &Endpoint,
        service: &str,
    ) -> Result<MultiplexedConnection, ConnectError> {
        let failed = |error| ConnectError::Redis { endpoint: describe(sentinel), error };
        // Sentinels have their own users; the string's user and database are the primary's.
        let mut connection = self.open(sentinel, RedisConnectionInfo::default()).await?;
        let address: Option<(String, u16)> = redis::cmd("SENTINEL")
            .arg("get-master-addr-by-name")
            .arg(service)
            .query_async(&mut connection)
            .await
            .map_err(failed)?;
        let (host, port) = address.ok_or_else(|| ConnectError::UnknownService {
            endpoint: describe(sentinel),
            service: service.to_owned(),
        })?;
        let primary = Endpoint::Tcp { host, port };
        let connection = self.open(&primary, self.login()).await?;
        self.check_primary(&primary, connection).await
    }

    async fn connect_to_primary(
        &self,
        endpoint: &Endpoint,
    ) -> Result<MultiplexedConnection, ConnectError> {
        let connection = self.open(endpoint, self.login()).await?;
        if self.target.endpoints.len() == 1 {
            return Ok(connection);
        }
        self.check_primary(endpoint, connection).await
    }

    async fn check_primary(
        &self,
        endpoint: &Endpoint,
        mut connection: MultiplexedConnection,
    ) -> Result<MultiplexedConnection, ConnectError> {
        let info: String = redis::cmd("INFO")
            .arg("replication")
            .query_async(&mut connection)
            .await
            .map_err(|error| ConnectError::Redis { endpoint: describe(endpoint), error })?;
        match info_field(&info, "role") {
            Some("master") | None => Ok(connection),
            Some(role) => Err(ConnectError::NotPrimary {
                endpoint: describe(endpoint),
                role: role.to_owned(),
            }),
        }
    }

    fn login(&self) -> RedisConnectionInfo {
        let mut login = RedisConnectionInfo::default().set_db(self.target.database);
        if let Some(user) = &self.target.user {
            login = login.set_username(user);
        }
        if let Some(password) = &self.target.password {
            login = login.set_password(&password.0);
        }
        login
    }

    async fn open(
        &self,
        endpoint: &Endpoint,
        login: RedisConnectionInfo,
    ) -> Result<MultiplexedConnection, ConnectError> {
        let failed = |error| ConnectError::Redis { endpoint: describe(endpoint), error };
        let info = self.connection_info(endpoint).map_err(failed)?.set_redis_settings(login);
        let client = if self.target.tls {
            Client::build_with_tls(info, self.certificates()?).map_err(failed)?
        } else {
            Client::open(info).map_err(failed)?
        };
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.target.connect_timeout))
            .set_response_timeout(Some(BLOCK + RESPONSE_MARGIN));
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

/// Asks the server what it is; refuses one that is too old for the commands used.
pub async fn server_info(
    connector: &Connector,
    connection: &mut MultiplexedConnection,
) -> Result<ServerInfo, ConnectError> {
    let endpoint = connector.target.endpoints.first().map(describe).unwrap_or_default();
    let text: String = redis::cmd("INFO")
        .query_async(connection)
        .await
        .map_err(|error| ConnectError::Redis { endpoint: endpoint.clone(), error })?;
    let field = |name| info_field(&text, name).unwrap_or_default().to_owned();
    let valkey = info_field(&text, "valkey_version");
    let speaks_as = field("redis_version");
    let mut numbers = speaks_as.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let info = ServerInfo {
        product: if valkey.is_some() { "valkey".into() } else { "redis".into() },
        version: valkey.map_or_else(|| field("redis_version"), str::to_owned),
        mode: field("redis_mode"),
        maxmemory_policy: field("maxmemory_policy"),
        aof_enabled: info_field(&text, "aof_enabled") == Some("1"),
        counts_entries: version >= (7, 0),
    };
    if !speaks_as.is_empty() && version < (6, 2) {
        return Err(ConnectError::TooOld { endpoint, version: info.version });
    }
    Ok(info)
}

fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn describe(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Tcp { host, port } => format!("{host}:{port}"),
        Endpoint::Unix(path) => path.display().to_string(),
    }
}
