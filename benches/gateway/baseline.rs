//! Clients that read as fast as the redis crate lets them, and throw everything away; each
//! returns how many entries it read.

use redis::Value;
use redis::aio::MultiplexedConnection;

use crate::redis_server::{GROUP, QUEUE, Redis, STREAM};

async fn connect(redis: &Redis) -> MultiplexedConnection {
    let settings = redis::io::tcp::TcpSettings::default().set_nodelay(true);
    let info = redis.client().get_connection_info().clone().set_tcp_settings(settings);
    let client = redis::Client::open(info).expect("a valid address");
    client.get_multiplexed_async_connection().await.expect("redis answers")
}

/// `RPOP 25` until nothing is left.
pub(crate) async fn pop(redis: &Redis) -> usize {
    let mut connection = connect(redis).await;
    let mut entries = 0;
    loop {
        let reply: Value =
            redis::cmd("RPOP").arg(QUEUE).arg(25).query_async(&mut connection).await.expect("RPOP");
        let Value::Array(popped) = reply else { return entries };
        entries += popped.len();
    }
}

/// `XREADGROUP COUNT 1000`, then `XACK` of what it returned, until nothing is left.
pub(crate) async fn read_group(redis: &Redis) -> usize {
    let mut connection = connect(redis).await;
    let _: Value = redis::cmd("XGROUP")
        .arg(&["CREATE", STREAM, GROUP, "0"])
        .query_async(&mut connection)
        .await
        .expect("XGROUP CREATE");
    let mut acknowledged = 0;
    loop {
        let reply: Value = redis::cmd("XREADGROUP")
            .arg(&["GROUP", GROUP, "baseline", "COUNT", "1000", "STREAMS", STREAM, ">"])
            .query_async(&mut connection)
            .await
            .expect("XREADGROUP");
        let Value::Array(streams) = reply else { return acknowledged };
        let mut acknowledge = redis::cmd("XACK");
        acknowledge.arg(STREAM).arg(GROUP);
        for stream in streams {
            let Value::Array(stream) = stream else { continue };
            let Some(Value::Array(entries)) = stream.into_iter().nth(1) else { continue };
            for entry in entries {
                let Value::Array(entry) = entry else { continue };
                if let Some(Value::BulkString(id)) = entry.into_iter().next() {
                    acknowledge.arg(id);
                }
            }
        }
        let count: usize = acknowledge.query_async(&mut connection).await.expect("XACK");
        acknowledged += count;
    }
}
