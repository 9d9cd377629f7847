//! The URL notation.
//!
//! * `redis://[user[:password]@]host[:port][/database]`, also as `valkey://` and `tcp://`
//! * `rediss://…`, also as `valkeys://` and `tls://`: the same over TLS; `#insecure` accepts any
//!   certificate
//! * `unix:///path[?db=…&user=…&pass=…]`, also as `redis+unix://`
//!
//! User and password are percent-decoded, so a password may hold any character.

use url::{Host, Url};

use super::{ConnectionStringError, Endpoint, RedisTarget, Secret, options};

const PORT: u16 = 6379;

pub(super) fn parse(scheme: &str, text: &str) -> Result<RedisTarget, ConnectionStringError> {
    let scheme = scheme.to_ascii_lowercase();
    let tls = match scheme.as_str() {
        "redis" | "valkey" | "tcp" => false,
        "rediss" | "valkeys" | "tls" => true,
        "unix" | "redis+unix" => return unix(text),
        _ => return Err(ConnectionStringError::Scheme { scheme }),
    };
    if behind_the_authority(text).contains('@') {
        return Err(ConnectionStringError::UnencodedPassword);
    }
    let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    // Up to the last @ it may be a password.
    no_options_follow(text.rsplit_once('@').map_or(text, |(_, behind)| behind))?;
    let host = match url.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(host) => percent_decode(&host.to_string())?,
        None => return Err(ConnectionStringError::NoEndpoint),
    };
    let port = url.port().unwrap_or(PORT);
    let mut target = RedisTarget::to(vec![Endpoint::Tcp { host, port }]);
    target.tls = tls;
    target.user = user(percent_decode(url.username())?)?;
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

/// The path, the query and what follows: an @ there was meant to end a password.
fn behind_the_authority(text: &str) -> &str {
    let (_, rest) = text.split_once("://").unwrap_or_default();
    rest.find(['/', '?', '#']).map_or("", |end| &rest[end..])
}

fn unix(text: &str) -> Result<RedisTarget, ConnectionStringError> {
    let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    if url.host_str().is_some_and(|host| !host.is_empty()) || url.path().len() < 2 {
        return Err(invalid("expected an absolute path: unix:///path/of/redis.sock"));
    }
    let path = percent_decode(url.path())?;
    no_options_follow(&path)?;
    let mut target = RedisTarget::to(vec![Endpoint::Unix(path.into())]);
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "db" => target.database = database("db=", &value)?,
            "user" => target.user = user(value.into_owned())?,
            "pass" => target.password = non_empty(value.into_owned()).map(Secret),
            _ => return Err(invalid(format!("parameter {name:?}: expected db, user or pass"))),
        }
    }
    Ok(target)
}

/// What stands there would be used and shown as something that it is not.
fn no_options_follow(text: &str) -> Result<(), ConnectionStringError> {
    if options::follow(text) { Err(ConnectionStringError::OptionsInUrl) } else { Ok(()) }
}

fn user(text: String) -> Result<Option<String>, ConnectionStringError> {
    no_options_follow(&text)?;
    Ok(non_empty(text))
}

fn invalid(reason: impl Into<String>) -> ConnectionStringError {
    ConnectionStringError::Url { reason: reason.into() }
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn database(place: &str, text: &str) -> Result<i64, ConnectionStringError> {
    text.parse().ok().filter(|database| *database >= 0).ok_or_else(|| {
        // What is neither number nor word may be part of a password.
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let shown = if text.bytes().all(harmless) { text } else { "…" };
        invalid(format!("{place}{shown}: expected a database number, 0 or above"))
    })
}

fn percent_decode(text: &str) -> Result<String, ConnectionStringError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let is_hexadecimal = |digits: &&[u8]| digits.iter().all(u8::is_ascii_hexdigit);
        let escape =
            tail.get(..2).filter(is_hexadecimal).and_then(|digits| str::from_utf8(digits).ok());
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
