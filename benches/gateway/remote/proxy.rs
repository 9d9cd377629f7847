//! A TCP proxy that delays what passes and does nothing else to it.
//!
//! For each direction of a connection one thread reads and stamps chunks, and another writes each
//! when its time has come. Threads and not tasks, because they can sleep for a fraction of a
//! millisecond. Up to [`CHUNKS`] are on their way, so bandwidth is as good as unlimited.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{sleep, spawn};
use std::time::Duration;

use tokio::time::Instant;

const CHUNK_BYTES: usize = 1 << 16;

/// 64 MB: at a delay of 10 ms that is 6 GB a second.
const CHUNKS: usize = 1000;

/// Listens until dropped; connections end with either side.
pub(super) struct Proxy {
    pub(super) port: u16,
    is_dropped: Arc<AtomicBool>,
}

impl Proxy {
    pub(super) fn to(server_port: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let is_dropped = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&is_dropped);
        spawn(move || {
            for client in listener.incoming() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let server = TcpStream::connect(("127.0.0.1", server_port));
                // Redis is away when a run has ended.
                let (Ok(client), Ok(server)) = (client, server) else { continue };
                connect(&client, &server, delay);
                connect(&server, &client, delay);
            }
        });
        Self { port, is_dropped }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.is_dropped.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

fn connect(from: &TcpStream, to: &TcpStream, delay: Duration) {
    to.set_nodelay(true).expect("an open socket");
    let clone = |stream: &TcpStream| stream.try_clone().expect("another descriptor");
    let (from, to) = (clone(from), clone(to));
    let (sender, receiver) = sync_channel(CHUNKS);
    spawn(move || read(from, &sender, delay));
    spawn(move || write(to, &receiver));
}

fn read(mut from: TcpStream, sender: &SyncSender<(Instant, Vec<u8>)>, delay: Duration) {
    let mut buffer = vec![0; CHUNK_BYTES];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if sender.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, receiver: &Receiver<(Instant, Vec<u8>)>) {
    for (due, chunk) in receiver {
        sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&chunk).is_err() {
            break;
        }
    }
    // The other side may have closed it already.
    to.shutdown(Shutdown::Both).ok();
}
