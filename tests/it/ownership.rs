//! One owner per identity: standing by, taking over, handing over, and a zombie that comes back.

use std::time::Duration;

use prom_stream_gateway::commands::load::producer::Plan;
use tokio::time::Instant;

use crate::harness::s3::{S3, Weather};
use crate::harness::{Gateway, Page, Producers, RedisServer, Scraper};
use crate::harness::{eventually, producer, turn, wait_for};

const DEADLINE: Duration = Duration::from_secs(30);
const EVENTS_PER_SECOND: f64 = 4_000.0;

/// Two gateways of one identity: the first is ready, the second stands by.
pub(crate) struct Pair {
    pub(crate) owner: Gateway,
    pub(crate) standby: Gateway,
}

impl Pair {
    #[track_caller]
    pub(crate) fn start(gateway: impl Fn() -> Gateway) -> Self {
        let owner = gateway().start();
        let mut standby = gateway();
        standby.launch();
        let pair = Self { owner, standby };
        pair.wait_standing_by();
        pair
    }

    pub(crate) fn scraper(&self) -> Scraper {
        Scraper::across(&[self.owner.port(), self.standby.port()])
    }

    #[track_caller]
    pub(crate) fn wait_standing_by(&self) {
        wait_for("the second stands by", DEADLINE, || match self.standby.get("/-/ready") {
            Ok(answer) if answer.status == 503 && answer.body.starts_with("standby") => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
}

fn on_disk(redis: &RedisServer) -> (tempfile::TempDir, impl Fn() -> Gateway) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let url = directory.path().join("data").display().to_string();
    let address = redis.address();
    let gateway = move || {
        Gateway::bare()
            .set("Redis__ConnectionString", &address)
            .set("Snapshot__Interval", "150ms")
            .set("Snapshot__Url", &url)
    };
    (directory, gateway)
}

fn load(redis: &RedisServer) -> Producers {
    Producers::start(&Plan { rate: EVENTS_PER_SECOND, ..producer::to_both(redis) })
}

#[test]
fn a_standby_says_so_and_takes_over_when_the_owner_dies() {
    let _turn = turn::shared();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    let mut pair = Pair::start(|| s3.gateway(&redis));
    let producers = load(&redis);
    let scraper = pair.scraper();

    let standby = &pair.standby;
    let answer = |path| standby.get(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(answer("/-/healthy").status, 200);
    for path in ["/-/ready", "/metrics"] {
        let answer = answer(path);
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.body.starts_with("standby: another process owns"), "{}", answer.body);
    }
    let own = Page::parse(&answer("/-/metrics").body).expect("its own metrics can be parsed");
    assert_eq!(own.value("prom_stream_gateway_owner", &[]), Some(0.0));
    let phase = |phase| own.value("prom_stream_gateway_phase", &[("phase", phase)]);
    assert_eq!((phase("standby"), phase("serving")), (Some(1.0), Some(0.0)));

    producers.wait_acknowledged(10_000, DEADLINE);
    let epoch = pair.owner.status()["ownership"]["epoch"].as_u64().expect("a number");
    pair.owner.kill();
    pair.standby.wait_ready();
    assert_eq!(pair.standby.status()["ownership"]["epoch"], epoch + 1);
    let ledger = producers.stop();
    pair.standby.wait_exact(&ledger, "after the takeover");
    assert_eq!(pair.standby.total("processed"), ledger.events_acknowledged);
    scraper.finish();
}

#[test]
fn a_standby_beside_a_directory_takes_over_at_once() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let (_directory, gateway) = on_disk(&redis);
    let mut pair = Pair::start(&gateway);
    let producers = load(&redis);
    for killed in [true, false, true] {
        producers.wait_acknowledged(producers.progress().acknowledged + 4_000, DEADLINE);
        if killed {
            pair.owner.kill();
        } else {
            pair.owner.stop();
        }
        pair.standby.wait_ready();
        std::mem::swap(&mut pair.owner, &mut pair.standby);
        pair.standby.launch();
        pair.wait_standing_by();
    }
    let ledger = producers.stop();
    pair.owner.wait_exact(&ledger, "after three owners");
    assert_eq!(pair.owner.total("processed"), ledger.events_acknowledged);
}

#[test]
fn an_owner_that_stops_hands_over_in_less_than_two_seconds() {
    let _turn = turn::alone();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    // The default: waiting for its end would take too long.
    let mut pair = Pair::start(|| s3.gateway(&redis).set("Snapshot__LeaseTtl", "15s"));
    let producers = load(&redis);
    producers.wait_acknowledged(10_000, DEADLINE);
    let scraper = pair.scraper();
    let asked = Instant::now();
    pair.owner.stop();
    pair.standby.wait_ready();
    let took = asked.elapsed();
    eprintln!("handed over in {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let ledger = producers.stop();
    pair.standby.wait_exact(&ledger, "after the hand-over");
    scraper.finish();
    assert_eq!(pair.standby.total("replayed"), 0, "a clean stop leaves nothing to replay");
}

#[test]
fn an_owner_that_was_paused_past_its_lease_finds_it_gone() {
    let _turn = turn::shared();
    for mode in ["group", "reader"] {
        let (redis, s3) = (RedisServer::start(&[]), S3::start());
        let mut pair = Pair::start(|| s3.gateway(&redis).set("Stream__Mode", mode));
        let producers = load(&redis);
        producers.wait_acknowledged(8_000, DEADLINE);
        pair.owner.pause();
        pair.standby.wait_ready();
        producers.wait_acknowledged(producers.progress().acknowledged + 4_000, DEADLINE);
        pair.owner.resume();
        // It may be gone before it is asked; what it must not do is serve.
        while let Ok(answer) = pair.owner.get("/metrics") {
            assert_eq!(answer.status, 503, "{mode}: a zombie serves");
        }
        let (status, output) = pair.owner.wait_exit();
        assert_eq!(status.code(), Some(1), "{mode}: {output}");
        assert!(output.contains("owned by another gateway now"), "{mode}: {output}");
        let ledger = producers.stop();
        pair.standby.wait_exact(&ledger, &format!("{mode}, after the zombie"));
        assert_eq!(pair.standby.total("processed"), ledger.events_acknowledged, "{mode}");
        assert_eq!(pair.standby.total("lost"), 0, "{mode}");
    }
}

#[test]
fn an_owner_cut_off_from_its_bucket_stops_by_itself_and_goes_on_afterwards() {
    let _turn = turn::shared();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    let gateway = s3.gateway(&redis).start();
    let producers = load(&redis);
    gateway.wait_checkpoint(2);
    s3.set(Weather::Unavailable);
    wait_for("the lease's end", DEADLINE, || match gateway.get("/metrics") {
        Ok(answer) if answer.status == 503 && answer.body.contains("lease") => Ok(()),
        other => Err(format!("{:?}", other.map(|answer| answer.status))),
    });
    assert_eq!(gateway.get("/-/healthy").expect("it answers").status, 200);
    assert_eq!(gateway.get("/-/ready").expect("it answers").status, 503);
    let processed = gateway.total("processed");
    producers.wait_acknowledged(producers.progress().acknowledged + 4_000, DEADLINE);
    assert_eq!(gateway.total("processed"), processed, "it applies without being the owner");
    s3.set(Weather::Fine);
    eventually("it serves again", DEADLINE, || gateway.is_ready());
    let ledger = producers.stop();
    gateway.wait_exact(&ledger, "after the outage");
    assert_eq!(gateway.total("processed"), ledger.events_acknowledged);
}

#[test]
fn of_two_that_start_at_once_one_becomes_the_owner() {
    let _turn = turn::shared();
    let redis = RedisServer::start(&[]);
    let s3 = S3::start();
    let (_directory, on_disk) = on_disk(&redis);
    let in_bucket = || s3.gateway(&redis);
    let makers: [&dyn Fn() -> Gateway; 2] = [&on_disk, &in_bucket];
    for make in makers {
        redis.run::<()>(&["FLUSHALL"]);
        let producers = load(&redis);
        let mut gateways = [make(), make()];
        gateways.iter_mut().for_each(Gateway::launch);
        eventually("one is ready", DEADLINE, || gateways.iter().any(Gateway::is_ready));
        let ready = |gateways: &[Gateway; 2]| [gateways[0].is_ready(), gateways[1].is_ready()];
        for _ in 0..20 {
            assert_ne!(ready(&gateways), [true, true]);
            let page = gateways.iter().find(|one| one.is_ready()).expect("one is ready").page();
            assert_eq!(page.value("prom_stream_gateway_owner", &[]), Some(1.0));
        }
        let owner = usize::from(gateways[1].is_ready());
        gateways[owner].kill();
        gateways[1 - owner].wait_ready();
        let ledger = producers.stop();
        gateways[1 - owner].wait_exact(&ledger, "after the other's death");
        assert_eq!(gateways[1 - owner].total("processed"), ledger.events_acknowledged);
    }
}

/// From the owner's death to the complete page of a standby, with the default lease.
#[test]
fn a_takeover_with_the_default_lease_takes_less_than_twenty_seconds() {
    let _turn = turn::alone();
    let (redis, s3) = (RedisServer::start(&[]), S3::start());
    let gateway = || s3.gateway(&redis).set("Snapshot__LeaseTtl", "15s").list_only();
    let mut pair = Pair::start(gateway);
    let plan =
        Plan { series: 11_500, total: Some(120_000), rate: 0.0, ..producer::to_list(&redis) };
    let ledger = Producers::start(&plan).wait();
    pair.owner.wait_exact(&ledger, "before the owner's death");
    pair.owner.kill();
    let died = Instant::now();
    pair.standby.wait_ready();
    let took = died.elapsed();
    pair.standby.wait_exact(&ledger, "after the takeover");
    let served = pair.standby.status()["series"].as_u64().expect("a number");
    eprintln!("{served} series taken over in {took:?}");
    assert!(served >= 100_000, "{served}");
    assert!(took > Duration::from_secs(8), "{took:?}: the owner might have lived");
    assert!(took < Duration::from_secs(20), "{took:?}");
}
