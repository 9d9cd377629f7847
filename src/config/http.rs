//! `[http]`: where the gateway listens, what clients may take, and which pages may ask.
//!
//! .NET images say that in `ASPNETCORE_URLS` or `ASPNETCORE_HTTP_PORTS`, so a deployment of
//! the C# gateway may too. They count when `Http.Listen` is nowhere set.

use std::time::Duration;

use url::{Host, Origin, Url};

use super::environment::ASPNETCORE_SECTION;
use super::error::Warning;
use super::layer::Setting;
use super::listen::Listen;
use super::settings::Settings;
use super::value::{AtLeast, Names, Raw, Rule, Whole};

const PORT: u16 = 9091;

const A_MOMENT: AtLeast = AtLeast(Duration::from_millis(1));

#[derive(Clone, Debug)]
pub struct HttpConfig {
    pub listen: Listen,
    /// Where health checks and our own metrics are served apart.
    pub lifecycle_listen: Option<Listen>,
    /// Connections open at the same time.
    pub max_connections: usize,
    /// How long a connection may take for, or idle before, a request's headers.
    pub header_timeout: Duration,
    /// How long an answer may wait for its client to read on.
    pub stall_timeout: Duration,
    /// Pages rendered at the same time.
    pub concurrent_scrapes: usize,
    /// Origins of web pages that may push and scrape; `*` stands for all.
    pub cors_origins: Vec<String>,
    /// Host names under which it may be asked; empty for any.
    pub allowed_hosts: Vec<String>,
    /// The origin under which browsers see the gateway, where a proxy stands before it.
    pub external_origin: Option<String>,
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
            _ => settings.take("Http.Listen", Address, Listen::Everywhere { port: PORT }),
        };
        Self {
            listen,
            lifecycle_listen: settings.take_optional("Http.LifecycleListen", Address),
            max_connections: settings.take("Http.MaxConnections", Whole(1..=1_000_000), 512)
                as usize,
            // Longer than the usual scrape interval of a minute, so that Prometheus keeps its connection.
            header_timeout: settings.take("Http.HeaderTimeout", A_MOMENT, Duration::from_secs(75)),
            stall_timeout: settings.take("Http.StallTimeout", A_MOMENT, Duration::from_secs(30)),
            concurrent_scrapes: settings.take("Http.ConcurrentScrapes", Whole(1..=1_000), 4)
                as usize,
            cors_origins: settings.take("Http.CorsOrigins", Origins, Vec::new()),
            allowed_hosts: settings.take("Http.AllowedHosts", HostNames, Vec::new()),
            external_origin: settings.take_optional("Http.ExternalUrl", ExternalUrl),
        }
    }
}

fn first_address(text: &str, scheme: &str) -> Option<Listen> {
    text.split(';').find_map(|part| {
        let address = part.trim().strip_prefix(scheme)?.trim_end_matches('/');
        // .NET's default for a URL without a port.
        let has_port =
            address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let parsed = match has_port || scheme.is_empty() {
            true => address.parse(),
            false => format!("{address}:80").parse(),
        };
        parsed.ok()
    })
}

/// An address to listen on: `0.0.0.0:9091`, `[::]:9091`, `:9091` or `9091`.
struct Address;

impl Rule for Address {
    type Value = Listen;

    fn parse(&self, raw: &Raw) -> Option<Listen> {
        raw.text()?.parse().ok()
    }

    fn expected(&self) -> String {
        "address:port, such as 0.0.0.0:9091, [::]:9091 or :9091".into()
    }

    fn show(&self, value: &Listen) -> String {
        value.to_string()
    }
}

/// The origin of a URL, whatever its path.
struct ExternalUrl;

impl Rule for ExternalUrl {
    type Value = String;

    fn parse(&self, raw: &Raw) -> Option<String> {
        let url = Url::parse(raw.text()?).ok()?;
        match url.origin() {
            origin @ Origin::Tuple(..) if matches!(url.scheme(), "http" | "https") => {
                Some(origin.ascii_serialization())
            }
            _ => None,
        }
    }

    fn expected(&self) -> String {
        "a URL such as https://gateway.example.org".into()
    }

    fn show(&self, value: &String) -> String {
        value.clone()
    }
}

/// Origins as browsers send them, `https://example.org`, or `*` for all.
struct Origins;

impl Rule for Origins {
    type Value = Vec<String>;

    fn parse(&self, raw: &Raw) -> Option<Vec<String>> {
        let origin = |text: String| {
            if text == "*" {
                return Some(text);
            }
            let url = Url::parse(&text).ok()?;
            // Anything more would promise a restriction that there is none of.
            let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            match url.origin() {
                origin @ Origin::Tuple(..) if bare => Some(origin.ascii_serialization()),
                _ => None,
            }
        };
        Names.parse(raw)?.into_iter().map(origin).collect()
    }

    fn expected(&self) -> String {
        "origins such as https://example.org or http://localhost:3000, or *: an array, or \
         separated by commas"
            .into()
    }

    fn show(&self, value: &Vec<String>) -> String {
        Names.show(value)
    }
}

/// Host names as browsers send them, without a port.
struct HostNames;

impl Rule for HostNames {
    type Value = Vec<String>;

    fn parse(&self, raw: &Raw) -> Option<Vec<String>> {
        let name = |text: String| match Host::parse(text.strip_suffix('.').unwrap_or(&text)).ok()? {
            // It would stand for nothing.
            Host::Domain(name) if !name.contains('*') => Some(name),
            // They are allowed whatever is set, so a list of them would restrict nothing.
            _ => None,
        };
        Names.parse(raw)?.into_iter().map(name).collect()
    }

    fn expected(&self) -> String {
        "host names such as gateway.example.org, without port or *, and no addresses, which are \
         allowed anyway: an array, or separated by commas"
            .into()
    }

    fn show(&self, value: &Vec<String>) -> String {
        Names.show(value)
    }
}
