//! What is asked of a server as soon as it is connected to, in one round trip: is it the
//! primary, has it the key, and what are we to it?
//!
//! Each question may be forbidden to our user, or unknown to something that only resembles
//! Redis; then its answer is taken to be harmless. Any other refusal (still loading, cluster
//! down, login wanted) is a reason not to use the connection.

use redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind, Value};

use super::server_info::info_field;
use super::{ConnectError, Connection, describe};
use crate::config::connection_string::Endpoint;

/// A server's answers.
pub(super) struct Greeting {
    role: Option<String>,
    pub(super) cluster: bool,
    pub(super) client: Option<ClientId>,
    pub(super) place: Place,
}

/// Where a cluster has the key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On this node; or there is no cluster, or nobody asked.
    Here,
    /// On another one, as the server writes it.
    MovedTo(String),
    /// The slot is on its way, and the key is not here any more, or not yet at all.
    Moving { slot: u16 },
}

/// A connection as its server knows it. The number alone would mean somebody else on another
/// server, such as the one that took over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClientId {
    id: String,
    address: String,
}

impl Greeting {
    pub(super) async fn ask(
        connection: &mut Connection,
        key: Option<&str>,
    ) -> Result<Self, RedisError> {
        let mut pipe = redis::pipe();
        pipe.cmd("INFO").arg("server");
        pipe.cmd("INFO").arg("replication");
        pipe.cmd("CLIENT").arg("INFO");
        if let Some(key) = key {
            // Harmless, and of one key: a node that has not its slot tells which one has.
            pipe.cmd("EXISTS").arg(key);
        }
        let mut replies = answers(pipe, connection).await?.into_iter();
        let mut text = || -> Result<String, RedisError> {
            let value = tolerant(replies.next())?.unwrap_or(Value::Nil);
            // Something else than text is no answer either.
            Ok(String::from_redis_value(value).unwrap_or_default())
        };
        let (server, replication, client) = (text()?, text()?, text()?);
        let place = match tolerant(replies.next()) {
            Ok(_) => Place::Here,
            Err(error) => match (error.kind(), error.redirect_node()) {
                (ErrorKind::Server(ServerErrorKind::Moved), Some((node, _))) => {
                    Place::MovedTo(node.to_owned())
                }
                (ErrorKind::Server(ServerErrorKind::Ask), Some((_, slot))) => {
                    Place::Moving { slot }
                }
                _ => return Err(error),
            },
        };
        Ok(Self {
            role: info_field(&replication, "role").map(str::to_owned),
            cluster: info_field(&server, "redis_mode") == Some("cluster"),
            client: ClientId::parse(&client),
            place,
        })
    }

    /// Refuses a replica. In a cluster it is the key that tells: a replica sends us on.
    pub(super) fn check_primary(&self, endpoint: &Endpoint) -> Result<(), ConnectError> {
        match self.role.as_deref() {
            Some(role) if role != "master" && !self.cluster => Err(ConnectError::NotPrimary {
                endpoint: describe(endpoint),
                role: if role == "slave" { "replica".into() } else { role.to_owned() },
            }),
            _ => Ok(()),
        }
    }
}

/// Each command's answer.
pub(super) async fn answers(
    mut pipe: Pipeline,
    connection: &mut Connection,
) -> Result<Vec<Result<Value, RedisError>>, RedisError> {
    pipe.ignore_errors().query_async(connection).await
}

/// `None` where the server does not know the command, or does not let our user ask.
pub(super) fn tolerant(
    reply: Option<Result<Value, RedisError>>,
) -> Result<Option<Value>, RedisError> {
    match reply {
        Some(Err(error)) if matches!(error.code(), Some("NOPERM" | "ERR")) => Ok(None),
        reply => reply.transpose(),
    }
}

impl ClientId {
    fn parse(client_info: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut words = client_info.split_ascii_whitespace();
            words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        Some(Self { id: field("id")?, address: field("addr")? })
    }

    /// Ends that connection, whatever its server still has to read from it.
    pub(super) async fn kill(&self, connection: &mut Connection) -> Result<(), RedisError> {
        let mut pipe = redis::pipe();
        pipe.cmd("CLIENT").arg("KILL").arg("ID").arg(&self.id).arg("ADDR").arg(&self.address);
        tolerant(answers(pipe, connection).await?.pop()).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_its_number_and_its_address() {
        let info = "id=12 addr=127.0.0.1:60490 laddr=127.0.0.1:6379 fd=8 name= age=0";
        let client = ClientId { id: "12".into(), address: "127.0.0.1:60490".into() };
        assert_eq!(ClientId::parse(info), Some(client));
        assert_eq!(ClientId::parse(""), None);
    }
}
