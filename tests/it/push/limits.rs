//! What hostile and careless clients can take: a bounded memory, a bounded time, and nothing for
//! good. Measured from outside, on the real process: its peak memory, its descriptors, and what
//! others are answered meanwhile.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::time::Instant;

use super::{answered, served};
use crate::harness::{Gateway, Page, eventually, http, turn, wait_for};

const MIB: usize = 1 << 20;

/// Far above the limits set here, far below the defaults.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a connection takes beside its bodies: buffers of HTTP, of an unpacker, of a thread's stack.
const CONNECTION_BYTES: usize = MIB;

/// What an allocator may hold back, and a page of metrics or a checkpoint take.
const SLACK_BYTES: usize = 16 * MIB;

/// Pushes only; no Redis.
fn gateway() -> Gateway {
    Gateway::bare()
        .set("Redis__MetricQueueEnabled", "false")
        .set("Stream__Mode", "off")
        .set("Redis__ConnectionString", "127.0.0.1:1")
}

/// The most memory that the process ever had, in bytes.
pub(super) fn peak_memory(gateway: &Gateway) -> usize {
    let path = format!("/proc/{}/status", gateway.pid().as_raw_nonzero());
    let status = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kibibytes.and_then(|text| text.parse::<usize>().ok()).expect("VmHWM in kB") << 10
}

fn descriptors(gateway: &Gateway) -> usize {
    let path = format!("/proc/{}/fd", gateway.pid().as_raw_nonzero());
    fs::read_dir(&path).unwrap_or_else(|error| panic!("{path}: {error}")).count()
}

/// One of the gateway's own numbers about pushes.
#[track_caller]
fn own(gateway: &Gateway, name: &str) -> f64 {
    let text = gateway.get("/-/metrics").expect("an answer").body;
    let page = Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let name = format!("prom_stream_gateway_push_{name}");
    page.value(&name, &[]).unwrap_or_else(|| panic!("no {name}\n{text}"))
}

/// Nothing is under way any more, and nothing is held for what was.
#[track_caller]
fn everything_is_given_back(gateway: &Gateway, descriptors_before: usize) {
    wait_for("memory and descriptors given back", DEADLINE, || {
        let numbers = (own(gateway, "requests_in_flight"), own(gateway, "buffered_bytes"));
        let descriptors = descriptors(gateway);
        match numbers == (0.0, 0.0) && descriptors <= descriptors_before {
            true => Ok(()),
            false => Err(format!("{numbers:?}, {descriptors} of {descriptors_before} descriptors")),
        }
    });
}

/// A connection on which so much of a request was sent.
fn begin(gateway: &Gateway, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).expect("it listens");
    stream.write_all(head.as_bytes()).expect("it reads");
    stream
}

/// Of a push whose body is to have this length.
fn head(length: usize) -> String {
    format!("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
}

/// Packed zeros; joined, they are a packed body again.
fn zeros(encoding: &str, length: usize) -> Vec<u8> {
    let plain = vec![0; length];
    match encoding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&plain).expect("memory");
            encoder.finish().expect("memory")
        }
        "zstd" => zstd::encode_all(&*plain, 3).expect("memory"),
        "snappy" => {
            let mut encoder = snap::write::FrameEncoder::new(Vec::new());
            encoder.write_all(&plain).expect("memory");
            encoder.into_inner().expect("memory")
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_small_body_that_unpacks_to_half_a_gigabyte() {
    const MOST_BODY_BYTES: usize = 2 * MIB;
    const MOST_BUFFERED_BYTES: usize = 8 * MIB;
    const PIECE_BYTES: usize = 4 * MIB;
    const AT_ONCE: usize = 16;
    let _turn = turn::shared();
    let gateway = gateway()
        .set("Push__MaxBodyBytes", &MOST_BODY_BYTES.to_string())
        .set("Push__MaxBufferedBytes", &MOST_BUFFERED_BYTES.to_string())
        .start();
    answered(&gateway, "POST /metrics", "before_total 1\n", 200);
    let (before, descriptors_before) = (peak_memory(&gateway), descriptors(&gateway));
    let bombs = ["gzip", "zstd", "snappy"].map(|encoding| {
        let piece = zeros(encoding, PIECE_BYTES);
        // Snappy packs 1 to 21 at best: as many as may be sent at all.
        let pieces = (500 * MIB / PIECE_BYTES).min(MOST_BODY_BYTES / piece.len());
        assert!(pieces * PIECE_BYTES > 16 * MOST_BODY_BYTES, "{encoding}: {pieces} pieces");
        (format!("Content-Encoding: {encoding}"), piece.repeat(pieces))
    });
    let push = |(header, bomb): &(String, Vec<u8>)| {
        let answer = http::send(gateway.port(), "POST", "/metrics", &[header], bomb);
        let answer = answer.unwrap_or_else(|error| panic!("{header}: {error}"));
        (format!("{header}: {answer:?}"), answer.status)
    };
    for bomb in &bombs {
        let (said, status) = push(bomb);
        assert_eq!(status, 413, "{said}");
    }
    std::thread::scope(|scope| {
        for number in 0..AT_ONCE {
            let bomb = &bombs[number % bombs.len()];
            scope.spawn(move || {
                let (said, status) = push(bomb);
                // Those that come too many at once are told to come again.
                assert!([413, 503].contains(&status), "{said}");
            });
        }
    });
    // A packed body and what came of it count both; an unpacker looks back at what it has written.
    let bound = before + 2 * MOST_BUFFERED_BYTES + AT_ONCE * CONNECTION_BYTES + SLACK_BYTES;
    let peak = peak_memory(&gateway);
    assert!(peak <= bound, "{} KiB before, then {} KiB", before >> 10, peak >> 10);
    everything_is_given_back(&gateway, descriptors_before);
    served(&gateway, "before", &["before_total 1"]);
}

/// A client that sends a little now and then, and reads what it is answered.
struct Trickle {
    stream: TcpStream,
    /// Sent over and over.
    byte: u8,
    answer: Vec<u8>,
    ended: bool,
}

impl Trickle {
    fn start(gateway: &Gateway, head: &str, byte: u8) -> Self {
        let stream = begin(gateway, head);
        stream.set_nonblocking(true).expect("a socket can be made so");
        Self { stream, byte, answer: Vec::new(), ended: false }
    }

    fn go_on(&mut self) {
        let mut piece = [0; 512];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => break self.ended = true,
                Ok(length) => self.answer.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // Reset, because something was sent after the end.
                Err(_) => break self.ended = true,
            }
        }
        // An error shows when reading, too.
        if !self.ended {
            self.stream.write_all(&[self.byte]).ok();
        }
    }
}

#[test]
fn clients_that_send_a_little_now_and_then() {
    const EACH: usize = 20;
    let _turn = turn::shared();
    let gateway =
        gateway().set("Http__HeaderTimeout", "1s").set("Push__RequestTimeout", "1s").start();
    answered(&gateway, "POST /metrics", "others_total 1\n", 200);
    let descriptors_before = descriptors(&gateway);
    let chunked = "POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n";
    let (declared, mut slow) = (head(1000), Vec::new());
    for _ in 0..EACH {
        slow.push(Trickle::start(&gateway, "POST /metrics HTTP/1.1\r\nHost: x\r\nX: ", b'x'));
        slow.push(Trickle::start(&gateway, "", b'P'));
        slow.push(Trickle::start(&gateway, &declared, b'\n'));
        slow.push(Trickle::start(&gateway, chunked, b'\n'));
    }
    let began = Instant::now();
    let mut pushes = 1;
    wait_for("the end of every slow client", DEADLINE, || {
        slow.iter_mut().filter(|one| !one.ended).for_each(Trickle::go_on);
        answered(&gateway, "POST /metrics", "others_total 1\n", 200);
        pushes += 1;
        match slow.iter().filter(|one| !one.ended).count() {
            0 => Ok(()),
            left => Err(format!("{left} of {}", slow.len())),
        }
    });
    assert!(began.elapsed() >= Duration::from_millis(500), "ended by something else");
    assert!(pushes > 3, "only {pushes} pushes of others were answered");
    for one in slow.chunks_exact(4).flat_map(|four| &four[2..]) {
        let answer = String::from_utf8_lossy(&one.answer);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    }
    everything_is_given_back(&gateway, descriptors_before);
    served(&gateway, "others", &[&format!("others_total {pushes}")]);
}

#[test]
fn more_idle_connections_than_there_may_be() {
    const MOST_CONNECTIONS: usize = 50;
    const IDLE: usize = 200;
    let _turn = turn::shared();
    let gateway = gateway()
        .set("Http__MaxConnections", &MOST_CONNECTIONS.to_string())
        .set("Http__HeaderTimeout", "500ms")
        .start();
    answered(&gateway, "POST /metrics", "idle_total 1\n", 200);
    let (before, descriptors_before) = (peak_memory(&gateway), descriptors(&gateway));
    let mut idle: Vec<_> = (0..IDLE).map(|_| Trickle::start(&gateway, "", b'P')).collect();
    // It comes last, after all of them.
    let port = gateway.port();
    let push = std::thread::spawn(move || {
        wait_for("an answer", DEADLINE, || {
            http::send(port, "POST", "/metrics", &[], b"idle_total 1\n").map_err(|e| e.to_string())
        })
    });
    // Places for those who read; and what may come and go beside: the files of a checkpoint.
    let most_descriptors = descriptors_before + MOST_CONNECTIONS + 32 + 8;
    wait_for("the end of the idle connections", DEADLINE, || {
        let now = descriptors(&gateway);
        assert!(now <= most_descriptors, "{now} descriptors, {descriptors_before} before");
        let open = |one: &&mut Trickle| match (&one.stream).read(&mut [0; 512]) {
            Ok(0) => false,
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        match idle.iter_mut().filter(open).count() {
            0 => Ok(()),
            open => Err(format!("{open} of {IDLE} are open")),
        }
    });
    let answer = push.join().expect("the push does not panic");
    assert_eq!(answer.status, 200, "{answer:?}");
    let (peak, bound) = (peak_memory(&gateway), before + MOST_CONNECTIONS * CONNECTION_BYTES / 4);
    assert!(peak <= bound, "{} KiB before, then {} KiB", before >> 10, peak >> 10);
    everything_is_given_back(&gateway, descriptors_before);
    served(&gateway, "idle", &["idle_total 2"]);
}

#[test]
fn clients_that_vanish_give_back_what_they_took() {
    const BODY_BYTES: usize = 100_000;
    const TIMES: usize = 100;
    let _turn = turn::shared();
    let gateway = gateway()
        .set("Push__MaxBodyBytes", &BODY_BYTES.to_string())
        .set("Push__MaxBufferedBytes", &(3 * BODY_BYTES).to_string())
        .start();
    let body = format!("vanished_total 1\n{}", "\n".repeat(BODY_BYTES - 17));
    answered(&gateway, "POST /metrics", &body, 200);
    let descriptors_before = descriptors(&gateway);
    for number in 0..TIMES {
        let mut stream = begin(&gateway, &head(BODY_BYTES));
        if number % 2 == 0 {
            // In the middle of its body, once that is seen to take memory.
            stream.write_all(&body.as_bytes()[..BODY_BYTES - 1]).expect("it reads");
            eventually("memory taken", DEADLINE, || own(&gateway, "buffered_bytes") > 0.0);
        } else {
            // Before the answer. It may be refused while another still holds memory.
            let sent = stream.write_all(body.as_bytes());
            sent.and_then(|()| stream.shutdown(Shutdown::Both)).or_else(gone).expect("sent");
        }
    }
    everything_is_given_back(&gateway, descriptors_before);
    // All there may be, once more.
    let answer = http::send(gateway.port(), "POST", "/metrics", &[], body.as_bytes());
    assert_eq!(answer.expect("an answer").status, 200);
}

fn gone(error: io::Error) -> io::Result<()> {
    let kinds = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset, ErrorKind::NotConnected];
    if kinds.contains(&error.kind()) { Ok(()) } else { Err(error) }
}
