//! Whether Redis lets our user do everything that the sources will do.
//!
//! A command that is not permitted may show late, or not at all: the list's rename once there is
//! something in the list, an acknowledgement once a checkpoint is durable. So all of them are tried
//! beforehand, on the real keys, where they do no harm: Redis looks at permissions when a command is
//! queued in a transaction, and the transaction is given up.

use redis::{Cmd, RedisError, Value};

use super::group::GroupNames;
use super::list::SegmentNames;
use crate::config::{Config, PushVia, StreamMode};
use crate::redis::{ConnectError, Connection, Connector};

/// What is done on one server: that of the key's slot.
pub struct Need {
    key: String,
    commands: Vec<Cmd>,
    /// Without them something is not read, or nothing forgotten.
    essential: bool,
}

/// What a look at permissions found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Commands that are not permitted, each with its key and Redis' words.
    pub denied: Vec<String>,
    /// The same of commands that the gateway can do without, and why some could not be tried.
    pub limits: Vec<String>,
}

/// Permissions could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("trying commands: {0}")]
    Redis(#[from] RedisError),
}

impl Need {
    fn essential(key: &str, commands: Vec<Cmd>) -> Self {
        Self { key: key.to_owned(), commands, essential: true }
    }
}

/// Everything that a gateway of this configuration does in Redis.
pub fn needs(config: &Config) -> Vec<Need> {
    if !config.reads_redis() {
        return Vec::new();
    }
    let Config { gateway, redis, stream, .. } = config;
    let identity = gateway.identity.as_str();
    let mut needs = Vec::new();
    for queue in redis.queues() {
        let names = SegmentNames::new(queue, identity);
        needs.push(Need::essential(&names.queue, list(&names)));
    }
    for key in &stream.keys {
        let (group, trim) = (&stream.group, stream.trim);
        let commands = match stream.mode {
            StreamMode::Off => continue,
            StreamMode::Group => {
                let consumer = identity.to_owned();
                let names = GroupNames { key: key.clone(), group: group.clone(), consumer };
                group_commands(&names, trim)
            }
            StreamMode::Reader => reader(key, group, trim),
        };
        needs.push(Need::essential(key, commands));
    }
    let pushes = (config.push.enabled && config.push.via == PushVia::Stream)
        .then(|| stream.keys.first())
        .flatten();
    let adds = |key| command("XADD", &[key, "*", "field", "value"]);
    needs.extend(pushes.map(|key| Need::essential(key, vec![adds(key)])));
    let letters = &config.dead_letters.stream;
    needs.push(Need::essential(letters, vec![adds(letters)]));
    let bounding = vec![
        command("XLEN", &[letters]),
        command("MEMORY USAGE", &[letters]),
        command("XTRIM", &[letters, "MINID", "0"]),
    ];
    needs.push(Need { essential: false, ..Need::essential(letters, bounding) });
    needs
}

fn list(names: &SegmentNames) -> Vec<Cmd> {
    let SegmentNames { queue, .. } = names;
    let (segment, owner, last) = (&*names.key(1), &*names.owner(), &*names.last_taker());
    [
        &["EVAL", "return 0", "4", queue, segment, owner, last][..],
        &["SCAN", "0"],
        &["EXISTS", queue],
        &["TYPE", queue],
        &["LLEN", queue],
        &["RENAMENX", queue, segment],
        &["LLEN", segment],
        &["LRANGE", segment, "0", "0"],
        &["LTRIM", segment, "0", "0"],
        &["UNLINK", segment],
        &["HMGET", owner, "token"],
        &["HSET", owner, "token", "x"],
        &["HDEL", owner, "token"],
        &["DEL", owner],
        &["GET", last],
        &["SET", last, "x"],
    ]
    .map(|words| command(words[0], &words[1..]))
    .into()
}

fn group_commands(names: &GroupNames, trim: bool) -> Vec<Cmd> {
    let GroupNames { key, group, consumer } = names;
    let (gateways, ledger, gone) =
        (&*names.gateways_key(), &*names.ledger_key(), &*names.gone_key());
    let mut commands: Vec<Cmd> = [
        &["XREADGROUP", "GROUP", group, consumer, "STREAMS", key, ">"][..],
        &["XACK", key, group, "0-1"],
        &["XPENDING", key, group],
        &["XCLAIM", key, group, consumer, "0", "0-1"],
        &["XGROUP CREATE", key, group, "0"],
        &["XGROUP DESTROY", key, group],
        &["XGROUP DELCONSUMER", key, group, consumer],
        &["XINFO CONSUMERS", key, group],
        &["SADD", gateways, consumer],
        &["SREM", gateways, consumer],
        &["SMEMBERS", gateways],
        &["EVAL", "return 0", "2", key, ledger],
        &["TYPE", ledger],
        &["HGETALL", ledger],
        &["HSET", ledger, "base", "0"],
        &["HINCRBY", ledger, "acknowledged", "0"],
        &["HDEL", ledger, "base"],
        &["EVAL", "return 0", "1", gone],
        &["TYPE", gone],
        &["GET", gone],
        &["SET", gone, "x"],
        &["DEL", gone],
    ]
    .map(|words| command(words[0], &words[1..]))
    .into();
    commands.extend(looks(key, group, trim));
    commands
}

fn reader(key: &str, group: &str, trim: bool) -> Vec<Cmd> {
    let mut commands = vec![
        command("XREAD", &["STREAMS", key, "0"]),
        command("EVAL", &["return 0", "1", key]),
        command("XGROUP CREATE", &[key, group, "0"]),
        command("XGROUP SETID", &[key, group, "0"]),
    ];
    commands.extend(looks(key, group, trim));
    commands
}

/// What is looked at in a stream, and trimming it.
fn looks<'a>(key: &'a str, group: &'a str, trim: bool) -> impl Iterator<Item = Cmd> + 'a {
    let looks = [
        command("EXISTS", &[key]),
        command("XINFO STREAM", &[key]),
        command("XINFO GROUPS", &[key]),
        command("XPENDING", &[key, group]),
        command("XRANGE", &[key, "-", "+", "COUNT", "1"]),
    ];
    looks.into_iter().chain(trim.then(|| command("XTRIM", &[key, "MINID", "0"])))
}

/// A name may be of two words, such as `XINFO STREAM`.
fn command(name: &str, arguments: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    for word in name.split(' ') {
        command.arg(word);
    }
    command.arg(arguments);
    command
}

/// Tries what is needed.
pub async fn look(connector: &Connector, needs: &[Need]) -> Result<Permissions, LookError> {
    let mut found = Permissions::default();
    for need in needs {
        let mut connection = connector.connect_for(&need.key).await?;
        found.add(&mut connection, need).await?;
    }
    found.denied.dedup();
    found.limits.dedup();
    Ok(found)
}

impl Permissions {
    async fn add(&mut self, connection: &mut Connection, need: &Need) -> Result<(), RedisError> {
        let mut ask = async |name: &str| -> Result<Value, RedisError> {
            redis::cmd(name).query_async(&mut *connection).await
        };
        // Without a transaction it is an error that does nothing, and a refusal has a code of its own.
        match ask("EXEC").await {
            Err(error) if error.to_string().contains("NOPERM") => {
                self.denied.push(format!("EXEC: {error}"));
            }
            Err(error) if error.is_io_error() => return Err(error),
            Ok(_) | Err(_) => {}
        }
        // Anything but a transaction that has begun would make the commands real ones.
        let untried = match ask("MULTI").await {
            Ok(Value::Okay) => None,
            Ok(other) => Some(format!("MULTI was answered with {other:?}")),
            Err(error) if error.is_io_error() => return Err(error),
            Err(error) => Some(format!("MULTI: {error}")),
        };
        if let Some(why) = untried {
            self.limits.push(format!("what is permitted could not be tried: {why}"));
            return Ok(());
        }
        let Need { key, commands, essential } = need;
        let mut pipe = redis::pipe();
        for command in commands {
            pipe.add_command(command.clone());
        }
        // What it does not discard, the end of the connection does.
        pipe.cmd("DISCARD").ignore_errors();
        let replies: Vec<Result<Value, RedisError>> = pipe.query_async(connection).await?;
        let names = commands.iter().map(name_of).map(Some).chain([None]);
        for (name, reply) in names.zip(replies) {
            match (name, reply) {
                (_, Ok(_)) => {}
                (_, Err(error)) if error.code() != Some("NOPERM") => {}
                (Some(name), Err(error)) => {
                    let denied = format!("{name} on `{key}`: {error}");
                    if *essential { self.denied.push(denied) } else { self.limits.push(denied) }
                }
                // Nothing but this look needs it.
                (None, Err(error)) => self.limits.push(format!("DISCARD: {error}")),
            }
        }
        Ok(())
    }
}

/// The command's first word, and the second where the first is a family of commands.
fn name_of(command: &Cmd) -> String {
    let mut words = command.args_iter().filter_map(|argument| match argument {
        redis::Arg::Simple(word) => Some(String::from_utf8_lossy(word)),
        _ => None,
    });
    let first = words.next().unwrap_or_default();
    match words.next() {
        Some(second) if matches!(&*first, "XINFO" | "XGROUP" | "MEMORY") => {
            format!("{first} {second}")
        }
        _ => first.into_owned(),
    }
}
