//! StackExchange.Redis' notation: `host[:port],…,keyword=value,…`.
//!
//! Keywords ignore case and surrounding space. Options that tune the .NET client and mean
//! nothing to this one are accepted and ignored, so that a string that worked goes on working;
//! a keyword that StackExchange.Redis does not know either is refused, since a misspelled
//! `pasword` would otherwise surface as an authentication error at night.

use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::time::Duration;

use super::{ConnectionStringError, Endpoint, RedisTarget, Secret};
use crate::config::value::parse_bool;

/// What we act on.
const HONOURED: [&str; 9] = [
    "password",
    "user",
    "ssl",
    "sslHost",
    "defaultDatabase",
    "name",
    "connectTimeout",
    "abortConnect",
    "serviceName",
];

/// What only concerns the .NET client.
const IGNORED: [&str; 28] = [
    "allowAdmin",
    "asyncTimeout",
    "channelPrefix",
    "checkCertificateRevocation",
    "configChannel",
    "configCheckSeconds",
    "connectRetry",
    "heartbeatConsistencyChecks",
    "heartbeatInterval",
    "highIntegrity",
    "includeDetailInExceptions",
    "includePerformanceCountersInExceptions",
    "keepAlive",
    "libraryName",
    "loggerFactory",
    "preserveAsyncOrder",
    "protocol",
    "proxy",
    "resolveDns",
    "responseTimeout",
    "setClientLibrary",
    "setlib",
    "sslProtocols",
    "syncTimeout",
    "tieBreaker",
    "tunnel",
    "version",
    "writeBuffer",
];

const PORT: u16 = 6379;
const TLS_PORT: u16 = 6380;
const SENTINEL_PORT: u16 = 26379;

/// An endpoint whose port may depend on options that follow it.
enum Unresolved {
    Tcp(String, Option<u16>),
    Unix(PathBuf),
}

pub(super) fn parse(text: &str) -> Result<RedisTarget, ConnectionStringError> {
    let mut target = RedisTarget::to(Vec::new());
    let mut endpoints = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let read = match part.split_once('=') {
            Some((keyword, value)) => set(&mut target, keyword.trim(), value.trim()),
            None => endpoint(part).map(|endpoint| endpoints.push(endpoint)),
        };
        read.map_err(|error| {
            if target.password.is_some() { ConnectionStringError::AfterPassword } else { error }
        })?;
    }
    if endpoints.is_empty() {
        return Err(ConnectionStringError::NoEndpoint);
    }
    let default_port = match (&target.service_name, target.tls) {
        (Some(_), _) => SENTINEL_PORT,
        (None, true) => TLS_PORT,
        (None, false) => PORT,
    };
    target.endpoints = endpoints
        .into_iter()
        .map(|endpoint| match endpoint {
            Unresolved::Tcp(host, port) => {
                Endpoint::Tcp { host, port: port.unwrap_or(default_port) }
            }
            Unresolved::Unix(path) => Endpoint::Unix(path),
        })
        .collect();
    Ok(target)
}

/// Whether options follow what stands before the first comma: in a URL, a mistake.
pub(super) fn follow(text: &str) -> bool {
    text.split(',').skip(1).filter_map(|part| part.split_once('=')).any(|(keyword, _)| {
        let known = |option: &&str| option.eq_ignore_ascii_case(keyword.trim());
        HONOURED.iter().chain(&IGNORED).any(known)
    })
}

fn set(target: &mut RedisTarget, keyword: &str, value: &str) -> Result<(), ConnectionStringError> {
    if let Some(command) = keyword.strip_prefix('$') {
        // `$CLIENT=` disables a command, which is common with managed services; ours need no list.
        let disabled = value.is_empty() || value.eq_ignore_ascii_case(command);
        return if disabled {
            Ok(())
        } else {
            Err(ConnectionStringError::RenamedCommand { command: command.into() })
        };
    }
    let bad = |expected| ConnectionStringError::Value {
        keyword: keyword.into(),
        value: value.into(),
        expected,
    };
    let boolean = || parse_bool(value).ok_or_else(|| bad("true or false"));
    let text = || (!value.is_empty()).then(|| value.to_owned());
    match keyword.to_ascii_lowercase().as_str() {
        "password" => target.password = text().map(Secret),
        "user" => target.user = text(),
        "ssl" => target.tls = boolean()?,
        "sslhost" => target.tls_host = text(),
        "defaultdatabase" => {
            target.database = value
                .parse()
                .ok()
                .filter(|database: &i64| *database >= 0)
                .ok_or_else(|| bad("a database number, 0 or above"))?;
        }
        "name" => target.client_name = text(),
        "connecttimeout" => {
            let milliseconds = value.parse().ok().filter(|milliseconds: &u32| *milliseconds > 0);
            target.connect_timeout = Duration::from_millis(
                milliseconds.ok_or_else(|| bad("milliseconds, 1 or above"))?.into(),
            );
        }
        "abortconnect" => target.abort_connect = boolean()?,
        "servicename" => target.service_name = text(),
        other if IGNORED.iter().any(|known| known.eq_ignore_ascii_case(other)) => {}
        other => {
            return Err(ConnectionStringError::UnknownKeyword {
                keyword: keyword.into(),
                suggestion: closest(other),
            });
        }
    }
    Ok(())
}

fn closest(keyword: &str) -> Option<&'static str> {
    HONOURED
        .iter()
        .chain(&IGNORED)
        .map(|known| {
            (strsim::normalized_damerau_levenshtein(&known.to_ascii_lowercase(), keyword), *known)
        })
        .filter(|(similarity, _)| *similarity >= 0.6)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

fn endpoint(text: &str) -> Result<Unresolved, ConnectionStringError> {
    let bad = |expected| ConnectionStringError::Endpoint { endpoint: text.into(), expected };
    if let Some(path) = text.strip_prefix('!') {
        return Ok(Unresolved::Unix(path.into()));
    }
    let port = |port: &str| {
        port.parse()
            .ok()
            .filter(|port: &u16| *port > 0)
            .ok_or_else(|| bad("a port from 1 to 65535 after the colon"))
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) =
            rest.split_once(']').ok_or_else(|| bad("a closing bracket: [address]:port"))?;
        host.parse::<Ipv6Addr>().map_err(|_| bad("an IPv6 address between the brackets"))?;
        return match rest.strip_prefix(':') {
            Some(number) => Ok(Unresolved::Tcp(host.into(), Some(port(number)?))),
            None if rest.is_empty() => Ok(Unresolved::Tcp(host.into(), None)),
            None => Err(bad("a port after the address: [address]:port")),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok(Unresolved::Tcp(text.into(), None));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, number)) => (host, Some(port(number)?)),
        None => (text, None),
    };
    let valid = |c: char| c.is_alphanumeric() || "-._".contains(c);
    if host.is_empty() || !host.chars().all(valid) {
        return Err(bad("host[:port], [IPv6 address][:port] or !path of a Unix socket"));
    }
    Ok(Unresolved::Tcp(host.into(), port))
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
