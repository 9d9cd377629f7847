//! A TCP proxy between the gateway and a server, whose link can be made as bad as links get.
//!
//! What a proxy cannot do is lose bytes in the middle of a connection and go on: TCP never
//! does. So a connection that has swallowed anything stays silent for ever, as a half-open
//! one does, and only connections that are made later are what the link is then. Nor is the
//! end of one side passed on by a silent or held connection: the server goes on believing in
//! its peer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{sleep, spawn};
use std::time::Duration;

use prom_stream_gateway::commands::load::mix::Random;

use super::ports::free_port;

/// Bytes passed on at a time; with a delay this makes a bandwidth: 20 ms pass 800 kB/s.
const CHUNK_BYTES: usize = 16 << 10;

/// What the link does to what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Fine,
    /// Each chunk of each direction comes so much later.
    Delayed(Duration),
    /// Nothing passes; all of it does, late, once the link is another.
    Held,
    /// The same for requests alone; replies pass.
    HeldRequests,
    /// Half-open: bytes are swallowed in both directions.
    Silent,
    /// Requests reach the server; its replies are swallowed.
    SilentReplies,
    /// New connections are closed at once; present ones stay as they are.
    Refusing,
}

/// Listens on a port of its own, and stops when dropped.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server_port: u16,
    /// What new connections become.
    link: Mutex<Link>,
    connections: Mutex<Vec<Arc<Connection>>>,
    stopped: AtomicBool,
}

/// One client, and the server's side of it.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    link: Mutex<Link>,
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Requests,
    Replies,
}

impl Proxy {
    /// A fine link to a server of this machine.
    pub(crate) fn to(server_port: u16) -> Self {
        let (port, listener) = std::iter::repeat_with(free_port)
            .find_map(|port| Some((port, TcpListener::bind(("127.0.0.1", port)).ok()?)))
            .expect("another process cannot be faster for ever");
        let shared = Arc::new(Shared {
            server_port,
            link: Mutex::new(Link::Fine),
            connections: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        spawn(move || accepting.accept(&listener));
        Self { port, shared }
    }

    /// In the syntax of Redis.ConnectionString.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The link from now on, for present connections and new ones.
    pub(crate) fn set(&self, link: Link) {
        *lock(&self.shared.link) = link;
        self.set_present(link);
    }

    /// What the present connections are from now on; new ones are as before.
    pub(crate) fn set_present(&self, link: Link) {
        for connection in lock(&self.shared.connections).iter() {
            connection.set(link);
        }
    }

    /// Present connections are silent for ever; new ones are fine.
    pub(crate) fn half_open(&self) {
        self.set_present(Link::Silent);
    }

    /// Closes every present connection.
    pub(crate) fn cut(&self) {
        for connection in lock(&self.shared.connections).drain(..) {
            connection.close();
        }
    }

    /// A link that goes bad in a random way and comes back, so many times; fine at the end.
    pub(crate) fn flap(&self, rounds: u32, longest: Duration, random: &mut Random) {
        let pause = |random: &mut Random| {
            sleep(Duration::from_micros(random.below(longest.as_micros() as u64)));
        };
        for _ in 0..rounds {
            pause(random);
            match random.below(6) {
                0 => self.set(Link::Refusing),
                1 => self.set(Link::Held),
                2 => self.set(Link::Delayed(Duration::from_millis(5))),
                3 => self.set_present(Link::SilentReplies),
                4 => self.half_open(),
                _ => {}
            }
            pause(random);
            self.cut();
            self.set(Link::Fine);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts; it is gone already if this fails.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
        self.cut();
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
            let link = *lock(&self.link);
            let server = TcpStream::connect(("127.0.0.1", self.server_port));
            // Dropped, both are closed: the server is away, or the link refuses.
            let (Ok(client), Ok(server), true) = (client, server, link != Link::Refusing) else {
                continue;
            };
            for side in [&client, &server] {
                side.set_nodelay(true).expect("a socket takes TCP_NODELAY");
            }
            let (link, changed) = (Mutex::new(link), Condvar::new());
            let connection = Arc::new(Connection { client, server, link, changed });
            lock(&self.connections).push(connection.clone());
            for direction in [Direction::Requests, Direction::Replies] {
                let connection = connection.clone();
                spawn(move || connection.pump(direction));
            }
        }
    }
}

impl Connection {
    fn set(&self, link: Link) {
        let mut present = lock(&self.link);
        let next = match (*present, link) {
            // What swallowed bytes cannot become sound again.
            (Link::Silent, _) | (_, Link::Refusing) => return,
            (Link::SilentReplies, other) if other != Link::Silent => return,
            (_, next) => next,
        };
        *present = next;
        self.changed.notify_all();
    }

    fn close(&self) {
        // One of them may be closed already.
        self.client.shutdown(Shutdown::Both).ok();
        self.server.shutdown(Shutdown::Both).ok();
        self.set(Link::Silent);
    }

    fn pump(&self, direction: Direction) {
        let (mut from, mut to) = match direction {
            Direction::Requests => (&self.client, &self.server),
            Direction::Replies => (&self.server, &self.client),
        };
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = from.read(&mut chunk).unwrap_or(0);
            let passes = self.passes(direction);
            if passes && length == 0 {
                // The other side may be closed already.
                to.shutdown(Shutdown::Write).ok();
            }
            if length == 0 || (passes && to.write_all(&chunk[..length]).is_err()) {
                return;
            }
        }
    }

    /// Whether what was just read is passed on; returns when it may be.
    fn passes(&self, direction: Direction) -> bool {
        let mut link = lock(&self.link);
        loop {
            match *link {
                Link::Fine | Link::Refusing => return true,
                Link::Delayed(delay) => {
                    drop(link);
                    sleep(delay);
                    return true;
                }
                Link::SilentReplies => return direction == Direction::Requests,
                Link::Silent => return false,
                Link::HeldRequests if direction == Direction::Replies => return true,
                Link::Held | Link::HeldRequests => {
                    link = self.changed.wait(link).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
