//! The URL notation.
//!
//! * `redis://[user[:password]@]host[:port][/database]`
//! * `rediss://…`: the same over TLS; `#insecure` accepts any certificate
//! * `unix:///path[?db=…&user=…&pass=…]`, also as `redis+unix://`
//!
//! User and password are percent-decoded, so a password may hold any character.

use url::{Host, Url};

use super::{ConnectionStringError, Endpoint, RedisTarget, Secret};

const PORT: u16 = 6379;

pub(super) fn parse(scheme: &str, text: &str) -> Result<RedisTarget, ConnectionStringError> {
    let scheme = scheme.to_ascii_lowercase();
    let tls = match scheme.as_str() {
        "redis" => false,
        "rediss" => true,
        "unix" | "redis+unix" => return unix(text),
        _ => return Err(ConnectionStringError::Scheme { scheme }),
    };
    let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    let host = match url.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(host) => percent_decode(&host.to_string())?,
        None => return Err(ConnectionStringError::NoEndpoint),
    };
    let port = url.port().unwrap_or(PORT);
    let mut target = RedisTarget::to(vec![Endpoint::Tcp { host, port }]);
    target.tls = tls;
    target.user = non_empty(percent_decode(url.username())?);
    target.password =
        url.password().map(percent_decode).transpose()?.and_then(non_empty).map(Secret);
    match url.path().trim_start_matches('/') {
        "" => {}
        path => target.database = database("the path /", path)?,
    }
    match url.fragment() {
        None => {}
        Some("insecure") if tls => target.tls_insecure = true,
        Some(_) => return Err(invalid("after #, only rediss://…#insecure has a meaning")),
    }
    if let Some((name, _)) = url.query_pairs().next() {
        return Err(invalid(format!("parameter {name:?} is not known")));
    }
    Ok(target)
}

fn unix(text: &str) -> Result<RedisTarget, ConnectionStringError> {
    let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    if url.host_str().is_some_and(|host| !host.is_empty()) || url.path().len() < 2 {
        return Err(invalid("expected an absolute path: unix:///path/of/redis.sock"));
    }
    let path = percent_decode(url.path())?;
    let mut target = RedisTarget::to(vec![Endpoint::Unix(path.into())]);
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "db" => target.database = database("db=", &value)?,
            "user" => target.user = non_empty(value.into_owned()),
            "pass" => target.password = non_empty(value.into_owned()).map(Secret),
            _ => return Err(invalid(format!("parameter {name:?}: expected db, user or pass"))),
        }
    }
    Ok(target)
}

fn invalid(reason: impl Into<String>) -> ConnectionStringError {
    ConnectionStringError::Url { reason: reason.into() }
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn database(place: &str, text: &str) -> Result<i64, ConnectionStringError> {
    text.parse()
        .ok()
        .filter(|database| *database >= 0)
        .ok_or_else(|| invalid(format!("{place}{text}: expected a database number, 0 or above")))
}

fn percent_decode(text: &str) -> Result<String, ConnectionStringError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escape = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if byte == b'%' => {
                decoded.push(value);
                rest = &tail[2..];
            }
            _ => {
                decoded.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(decoded).map_err(|_| invalid("percent-escapes that are not UTF-8"))
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
