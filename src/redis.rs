//! The client side of Redis: how it is reached, what it is asked, and what it answers.
//!
//! Nothing here knows what entries mean or how far they were read: that is the
//! business of [`crate::source`], which is built upon it.
//!
//! - [`Connector`] finds the server that is the right one (endpoints, TLS,
//!   Sentinel, Cluster), and a [`Link`] is the one connection of one user to it.
//! - [`resp`] takes replies apart where they lie, [`reply`] finds pages of
//!   entries in them, and [`stream_info`] asks what a stream and its groups hold.
//! - [`dead_letters`] and [`pushes`] write to streams what is to be kept there.

mod cluster;
mod connection;
mod connector;
pub mod dead_letters;
mod dial;
mod dialed;
mod error;
mod greeting;
mod link;
mod login;
pub mod pushes;
pub mod reply;
pub mod resp;
mod server_info;
pub mod stream_info;
mod tls;

pub use connection::Connection;
pub use connector::{ConnectError, Connector};
pub use dial::BLOCK;
pub use dialed::{ByteStream, Dial};
pub use error::Error;
pub use link::Link;
pub use server_info::{ServerInfo, server_info};

use connector::{Peer, describe, failed};
