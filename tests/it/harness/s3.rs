//! An S3 service of one test: a bucket in memory behind the HTTP that clients of S3 speak.
//!
//! As much as the gateway uses, and as the service documents it: conditional puts,
//! lists that come in pages, several deletions in one request. Signatures are not
//! verified. What a real service does once in a year, this one does when told to:
//! see [`Weather`] and [`Fault`].

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{sleep, spawn};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;

use super::{Gateway, RedisServer};

mod bucket;
mod wire;

use bucket::Bucket;
use wire::{Answer, Request};

pub(crate) const BUCKET: &str = "test-bucket";
pub(crate) const KEY_ID: &str = "test-key";
pub(crate) const SECRET: &str = "test-secret";
const SILENCE: Duration = Duration::from_secs(2);
/// Deeper than one folder, as people have it.
const PREFIX: &str = "some/prefix";

pub(crate) struct S3 {
    port: u16,
    service: Arc<Service>,
}

struct Service {
    /// One lock around all objects makes every request atomic.
    state: Mutex<State>,
    stopping: AtomicBool,
}

#[derive(Default)]
struct State {
    bucket: Bucket,
    weather: Weather,
    faults: VecDeque<Fault>,
    /// Puts that were refused because their condition did not hold.
    preconditions_failed: u64,
}

/// How every request fares.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Weather {
    #[default]
    Fine,
    /// 503, nothing applied.
    Unavailable,
    /// Each answer takes this long.
    Slow(Duration),
    /// 503 to one operation, nothing applied; the others fare well.
    Broken(Operation),
    /// The answers to one operation take this long.
    SlowTo(Operation, Duration),
}

/// What the gateway asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    List,
    Get,
    PutSnapshot,
    Delete,
}

impl Operation {
    /// `None`: another one, such as the put of `head`.
    fn of(request: &Request) -> Option<Self> {
        let of_the_bucket = !request.path.trim_start_matches('/').contains('/');
        match request.method.as_str() {
            "GET" if of_the_bucket => Some(Self::List),
            "GET" | "HEAD" => Some(Self::Get),
            "PUT" if request.path.ends_with(".snap") => Some(Self::PutSnapshot),
            "DELETE" | "POST" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// How one put of `head` fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    RefusedWith500,
    AppliedWith500,
    AppliedWithoutAnswer,
    /// And the connection stays open for a while.
    AppliedThenSilence,
    NeitherAppliedNorAnswered,
    /// Another write of the same object was under way.
    Conflict,
}

impl Fault {
    pub(crate) fn applies(self) -> bool {
        matches!(self, Self::AppliedWith500 | Self::AppliedWithoutAnswer | Self::AppliedThenSilence)
    }

    fn answers(self) -> bool {
        matches!(self, Self::AppliedWith500 | Self::RefusedWith500 | Self::Conflict)
    }
}

impl S3 {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        let service =
            Arc::new(Service { state: Mutex::default(), stopping: AtomicBool::new(false) });
        let served = service.clone();
        spawn(move || {
            for stream in listener.incoming() {
                if served.stopping.load(Ordering::Relaxed) {
                    return;
                }
                let (served, stream) = (served.clone(), stream.expect("accepting works"));
                // A client that goes away is its own affair.
                spawn(move || serve(&served, stream).ok());
            }
        });
        Self { port, service }
    }

    /// A gateway that keeps its snapshots here, and not running yet.
    pub(crate) fn gateway(&self, redis: &RedisServer) -> Gateway {
        gateway_at(self.port, redis)
    }

    pub(crate) fn set(&self, weather: Weather) {
        self.service.state.lock().weather = weather;
    }

    /// The next puts of `head`, one each.
    pub(crate) fn expect(&self, faults: &[Fault]) {
        self.service.state.lock().faults.extend(faults);
    }

    /// Faults that no put has met yet.
    pub(crate) fn faults_left(&self) -> usize {
        self.service.state.lock().faults.len()
    }

    /// Puts that were refused because their condition did not hold.
    pub(crate) fn preconditions_failed(&self) -> u64 {
        self.service.state.lock().preconditions_failed
    }

    /// What `head` of the identity `default` holds.
    #[track_caller]
    pub(crate) fn head(&self) -> Value {
        let state = self.service.state.lock();
        let head = state.bucket.get(&key("head")).expect("there is a head");
        serde_json::from_slice(&head.bytes).expect("head is JSON")
    }

    /// The keys of all snapshots, oldest first: their names sort by age.
    pub(crate) fn snapshots(&self) -> Vec<String> {
        self.service.state.lock().bucket.keys(&key("snapshots/")).map(Into::into).collect()
    }

    /// The key of one of the identity's objects, such as `head`.
    pub(crate) fn key(name: &str) -> String {
        key(name)
    }

    /// Removes an object behind everybody's back.
    pub(crate) fn remove(&self, key: &str) {
        self.service.state.lock().bucket.delete(key);
    }

    /// Changes an object behind everybody's back.
    #[track_caller]
    pub(crate) fn damage(&self, key: &str, damage: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.service.state.lock();
        let mut bytes = state.bucket.get(key).expect("the object exists").bytes.clone();
        damage(&mut bytes);
        state.bucket.put(key, bytes, &BTreeMap::new());
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.service.stopping.store(true, Ordering::Relaxed);
        // Wakes the listener, which then sees it; if that fails, it is gone already.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

/// A gateway that keeps its snapshots behind the port, and not running yet.
pub(crate) fn gateway_at(port: u16, redis: &RedisServer) -> Gateway {
    Gateway::of(redis)
        .set("Snapshot__Url", &format!("s3://{BUCKET}/{PREFIX}"))
        .set("AWS_ENDPOINT", &format!("http://127.0.0.1:{port}"))
        .set("AWS_ALLOW_HTTP", "true")
        .set("AWS_ACCESS_KEY_ID", KEY_ID)
        .set("AWS_SECRET_ACCESS_KEY", SECRET)
        .set("AWS_REGION", "us-east-1")
        .set("Snapshot__LeaseTtl", "1s")
}

fn key(name: &str) -> String {
    format!("{PREFIX}/default/{name}")
}

/// One connection, until the client closes it.
fn serve(service: &Service, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = Request::read(&mut reader)? {
        let weather = service.state.lock().weather;
        match weather {
            Weather::Slow(delay) => sleep(delay),
            Weather::SlowTo(slow, delay) if Operation::of(&request) == Some(slow) => sleep(delay),
            _ => {}
        }
        match service.answer(&request) {
            Some(answer) => answer.write(&stream, &request.method)?,
            None => return Ok(()),
        }
    }
    Ok(())
}

impl Service {
    /// `None`: the connection breaks instead.
    fn answer(&self, request: &Request) -> Option<Answer> {
        let mut state = self.state.lock();
        let refuses = match state.weather {
            Weather::Unavailable => true,
            Weather::Broken(broken) => Operation::of(request) == Some(broken),
            Weather::Fine | Weather::Slow(_) | Weather::SlowTo(..) => false,
        };
        if refuses {
            return Some(Answer::error(503, "SlowDown"));
        }
        let is_put_of_head = request.method == "PUT" && request.path.ends_with("/head");
        let fault = if is_put_of_head { state.faults.pop_front() } else { None };
        let Some(fault) = fault else {
            let answer = route(&mut state.bucket, request);
            state.preconditions_failed += u64::from(answer.status == 412);
            return Some(answer);
        };
        if fault.applies() {
            let answer = route(&mut state.bucket, request);
            assert_eq!(answer.status, 200, "a fault was to be applied, and its condition failed");
        }
        drop(state);
        if fault == Fault::AppliedThenSilence {
            sleep(SILENCE);
        }
        fault.answers().then(|| match fault {
            Fault::Conflict => Answer::error(409, "ConditionalRequestConflict"),
            _ => Answer::error(500, "InternalError"),
        })
    }
}

/// Which of the operations a request is.
fn route(bucket: &mut Bucket, request: &Request) -> Answer {
    let path = request.path.trim_start_matches('/');
    let (name, key) = path.split_once('/').unwrap_or((path, ""));
    if name != BUCKET {
        return Answer::error(404, "NoSuchBucket");
    }
    match (request.method.as_str(), key) {
        ("GET", "") => bucket.list(&request.query),
        ("POST", "") => bucket.delete_all(&request.body),
        ("PUT", key) => bucket.put(key, request.body.clone(), &request.headers),
        ("GET" | "HEAD", key) => match bucket.get(key) {
            Some(object) => Answer::object(object.e_tag(), object.bytes.clone()),
            None => Answer::error(404, "NoSuchKey"),
        },
        ("DELETE", key) => bucket.delete(key),
        _ => Answer::error(501, "NotImplemented"),
    }
}
