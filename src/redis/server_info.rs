//! What a server says it is: product, version, and the settings that guarantees depend on.

use super::{ConnectError, Connector, describe};

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

/// Connects, and asks the server what it is; refuses one that is too old for the commands used.
pub async fn server_info(connector: &Connector) -> Result<ServerInfo, ConnectError> {
    let mut connection = connector.connect().await?;
    let endpoint = connector.target.endpoints.first().map(describe).unwrap_or_default();
    let text: String = redis::cmd("INFO")
        .query_async(&mut connection)
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

/// The value of one line of `INFO`.
pub(super) fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
