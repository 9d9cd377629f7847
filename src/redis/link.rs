//! The one connection of a source's half: opened when it is asked for, closed when in doubt.
//!
//! A connection that was given up may not be at its end: what was sent may still lie in a
//! buffer, or be on its way again after a packet was lost. Arriving late, it would be executed
//! behind the back of its successor: a read of a group gives entries to nobody, a `SETID` moves
//! a group that has gone on. So before a new connection is used, the server is told to close
//! the one before it: whatever it has not executed by then, it never will. (Where our user may
//! not do that, a source finds such entries later, and the rename of a list is fenced itself.)

use super::dial::RESPONSE_TIMEOUT;
use super::greeting::{ClientId, Greeting};
use super::{ConnectError, Connection, Connector, Error, Peer, failed};

pub struct Link {
    connector: Connector,
    key: String,
    peer: Option<Peer>,
    /// The connection made last, until a later one has replaced it.
    latest: Option<ClientId>,
    /// How many times as long as usual replies are waited for.
    patience: u32,
}

impl Link {
    /// A link to the server that has the key; all keys used on it share that key's slot.
    pub fn new(connector: Connector, key: &str) -> Self {
        Self { connector, key: key.to_owned(), peer: None, latest: None, patience: 1 }
    }

    pub fn is_open(&self) -> bool {
        self.peer.is_some()
    }

    /// The connection, made now unless it is there.
    pub async fn open(&mut self) -> Result<&mut Connection, Error> {
        let peer = match self.peer.take() {
            Some(peer) => peer,
            None => self.replace().await?,
        };
        Ok(&mut self.peer.insert(peer).connection)
    }

    async fn replace(&mut self) -> Result<Peer, ConnectError> {
        let mut peer = self.connector.reach(Some(&self.key)).await?;
        if let Some(before) = &self.latest {
            before.kill(&mut peer.connection).await.map_err(failed(&peer.endpoint))?;
        }
        self.latest = peer.client.clone();
        peer.connection.set_response_timeout(RESPONSE_TIMEOUT * self.patience);
        Ok(peer)
    }

    /// From here on, replies are waited for so many times as long as usual.
    pub fn set_patience(&mut self, times: u32) {
        self.patience = times;
        if let Some(peer) = &mut self.peer {
            peer.connection.set_response_timeout(RESPONSE_TIMEOUT * times);
        }
    }

    /// Whether an open connection still leads to the primary: a server that was demoted goes on
    /// answering what only reads.
    pub async fn verify(&mut self) -> Result<(), Error> {
        let Some(peer) = &mut self.peer else { return Ok(()) };
        let greeting = Greeting::ask(&mut peer.connection, Some(&self.key)).await;
        greeting.map_err(failed(&peer.endpoint))?.check_primary(&peer.endpoint)?;
        Ok(())
    }

    /// The connection, which must have been opened.
    pub fn get(&mut self) -> Result<&mut Connection, Error> {
        self.peer.as_mut().map(|peer| &mut peer.connection).ok_or(Error::Disconnected)
    }

    pub fn close(&mut self) {
        self.peer = None;
    }
}
