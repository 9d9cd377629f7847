//! `[http]`: where the gateway listens.
//!
//! .NET images say that in `ASPNETCORE_URLS` or `ASPNETCORE_HTTP_PORTS`, so a deployment of
//! the C# gateway may too. They count when `Http.Listen` is nowhere set.

use std::net::{Ipv4Addr, SocketAddr};

use super::environment::ASPNETCORE_SECTION;
use super::error::Warning;
use super::layer::Setting;
use super::settings::Settings;
use super::value::{Raw, Rule};

const PORT: u16 = 9091;

#[derive(Clone, Debug)]
pub struct HttpConfig {
    pub listen: SocketAddr,
}

impl HttpConfig {
    pub(super) fn take(settings: &mut Settings) -> Self {
        let urls = settings.remove(&format!("{ASPNETCORE_SECTION}.urls"));
        let ports = settings.remove(&format!("{ASPNETCORE_SECTION}.httpports"));
        let mut fallback = None;
        // As in .NET, the URLs win.
        for (setting, scheme) in [(urls, "http://"), (ports, "")] {
            let Some(Setting { value, origin, .. }) = setting else { continue };
            let text = value.text().unwrap_or_default();
            match first_address(text, scheme) {
                Some(address) => fallback = fallback.or(Some((address, origin))),
                None => settings.warnings.push(Warning::Listen {
                    origin,
                    value: text.to_owned(),
                    expected: match scheme {
                        "" => "a port, such as 8080",
                        _ => "a URL such as http://+:8080 (no https)",
                    },
                }),
            }
        }
        let set = settings.is_set("Http.Listen");
        let listen = match fallback {
            Some((address, origin)) if !set => {
                settings.resolve_known("Http.Listen", address.to_string(), origin);
                address
            }
            _ => settings.take("Http.Listen", Address, (Ipv4Addr::UNSPECIFIED, PORT).into()),
        };
        Self { listen }
    }
}

fn first_address(text: &str, scheme: &str) -> Option<SocketAddr> {
    text.split(';').find_map(|part| {
        let address = part.trim().strip_prefix(scheme)?.trim_end_matches('/');
        // .NET's default for a URL without a port.
        let has_port =
            address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if has_port || scheme.is_empty() {
            parse_address(address)
        } else {
            parse_address(&format!("{address}:80"))
        }
    })
}

/// An address to listen on: `0.0.0.0:9091`, `[::]:9091`, `:9091` or `9091`.
struct Address;

impl Rule for Address {
    type Value = SocketAddr;

    fn parse(&self, raw: &Raw) -> Option<SocketAddr> {
        parse_address(raw.text()?)
    }

    fn expected(&self) -> String {
        "address:port, such as 0.0.0.0:9091, [::]:9091 or :9091".into()
    }

    fn show(&self, value: &SocketAddr) -> String {
        value.to_string()
    }
}

fn parse_address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    match host {
        "" | "*" | "+" => Some((Ipv4Addr::UNSPECIFIED, port.parse().ok()?).into()),
        "localhost" => Some((Ipv4Addr::LOCALHOST, port.parse().ok()?).into()),
        _ => text.parse().ok(),
    }
}
