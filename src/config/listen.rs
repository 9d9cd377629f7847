//! Where to listen: everywhere, or at one address.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// `:9091`, `9091`, `*:9091` and .NET's `+:9091` mean every address of this machine, of both
/// families, as they do for the Prometheus family and for .NET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    Everywhere { port: u16 },
    At(SocketAddr),
}

/// It is no address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAddress;

impl Listen {
    /// A gateway that listens there is reached at this address from the same machine.
    pub fn from_here(self) -> SocketAddr {
        match self {
            Self::Everywhere { port } => (Ipv4Addr::LOCALHOST, port).into(),
            Self::At(SocketAddr::V4(v4)) if v4.ip().is_unspecified() => {
                (Ipv4Addr::LOCALHOST, v4.port()).into()
            }
            Self::At(SocketAddr::V6(v6)) if v6.ip().is_unspecified() => {
                (std::net::Ipv6Addr::LOCALHOST, v6.port()).into()
            }
            Self::At(address) => address,
        }
    }
}

impl FromStr for Listen {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let port = || port.parse().map_err(|_| NotAnAddress);
        match host {
            "" | "*" | "+" => Ok(Self::Everywhere { port: port()? }),
            "localhost" => Ok(Self::At((Ipv4Addr::LOCALHOST, port()?).into())),
            _ => text.parse().map(Self::At).map_err(|_| NotAnAddress),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere { port } => write!(f, ":{port}"),
            Self::At(address) => address.fmt(f),
        }
    }
}
