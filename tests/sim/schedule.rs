//! One schedule from its seed: producers send, lives begin and end, and in the end it must add up.

use std::sync::Arc;
use std::time::Duration;

use prom_stream_gateway::checkpoint::{self, RestoreError, Standby};
use prom_stream_gateway::model::{SourceKey, SourceKind, Timestamp};
use prom_stream_gateway::store::Store;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::bucket::Bucket;
use crate::crash::CrashPoint;
use crate::ledger::{BAD_ONE_OF, Ledger};
use crate::life::{Ended, Life, Window, storage};
use crate::plan::{End, Plan, QUEUE, STREAM};
use crate::redis_model::Redis;
use crate::resp::Reply;
use crate::world::World;
use crate::zombies::Zombies;

/// After the last fault everything must be served within this time.
const CONVERGENCE: Duration = Duration::from_secs(60);
/// And stay as it is: now and then for longer than anything waits to be looked at again.
const QUIET: [Duration; 4] = [
    Duration::from_millis(600),
    Duration::from_millis(600),
    Duration::from_millis(600),
    Duration::from_secs(7),
];

/// What became of a schedule.
pub(crate) struct Report {
    pub(crate) plan: Plan,
    pub(crate) failure: Option<String>,
    pub(crate) trace: Vec<String>,
    pub(crate) hash: u64,
    pub(crate) events: u64,
}

pub(crate) fn run(seed: u64) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O");
    runtime.block_on(async {
        let plan = Arc::new(Plan::draw(seed));
        let ledger = Ledger::new(&plan);
        let world = World::new(seed, plan.node_entries, plan.faults_per_mille, ledger);
        let driven = tokio::select! {
            biased;
            () = world.failed() => Ok(()),
            driven = drive(&plan, &world) => driven,
        };
        if let Err(reason) = driven {
            world.fail(reason);
        }
        let failure = world.failure();
        let events = world.with_ledger(|ledger| ledger.events());
        let (trace, hash) = world.record();
        Report { plan: Plan::clone(&plan), failure, trace, hash, events }
    })
}

async fn drive(plan: &Arc<Plan>, world: &World) -> Result<(), String> {
    let bucket = Bucket::new(world.clone());
    let mut producers = JoinSet::new();
    let mut zombies = Zombies::default();
    for (planned, number) in plan.lives.iter().zip(0..) {
        producers.spawn(produce(Arc::clone(plan), world.clone(), planned.events));
        if plan.wipe_in == Some(number) {
            // One that was never superseded would still be the owner.
            std::mem::take(&mut zombies).end().await?;
        }
        let mut life = Life::start(world, &bucket, plan);
        if plan.wipe_in == Some(number) {
            wipe(plan, &mut producers, &mut life, world).await?;
        }
        live_until(planned.end, life, &mut zombies, world).await?;
        if number == plan.damage_after {
            bucket.damage_newest().await;
        }
        sleep(Duration::from_millis(world.below(400))).await;
    }
    zombies.end().await?;
    // The last one goes through faults too, and then must recover without a restart.
    producers.spawn(produce(Arc::clone(plan), world.clone(), world.below(7)));
    let mut life = Life::start(world, &bucket, plan);
    let window = life.window.clone();
    let faulty = Duration::from_millis(world.below(2500) + plan.lease_ms);
    tokio::select! {
        biased;
        ended = life.ended() => return Err(format!("the last life ended: {ended:?}")),
        () = watch(std::slice::from_ref(&window), faulty, world) => {}
    }
    while producers.join_next().await.is_some() {}
    world.stop_faults();
    world.note("no more faults");
    tokio::select! {
        biased;
        ended = life.ended() => return Err(format!("the last life ended: {ended:?}")),
        converged = converge(&window, world) => converged?,
    }
    tokio::select! {
        biased;
        ended = life.ended() => return Err(format!("the last life ended: {ended:?}")),
        tidied = tidy(world) => tidied?,
    }
    match life.stop().await? {
        Ended::Checkpointed => check_last_snapshot(&bucket, plan, world).await,
        Ended::Unfinished => Ok(()),
        Ended::Fenced => Err("the last life was fenced".into()),
    }
}

/// Empties Redis once everything is read, whatever of it is in a snapshot. What is served again
/// after that must be there for good: the life may be killed then.
async fn wipe(
    plan: &Plan,
    producers: &mut JoinSet<()>,
    life: &mut Life,
    world: &World,
) -> Result<(), String> {
    while producers.join_next().await.is_some() {}
    let window = life.window.clone();
    let events = || async {
        sleep(Duration::from_millis(world.below(1500))).await;
        converge(&window, world).await
    };
    tokio::select! {
        biased;
        ended = life.ended() => return Err(format!("a life ended before the wipe: {ended:?}")),
        converged = events() => converged?,
    }
    world.with_redis(Redis::wipe);
    world.note("WIPED");
    for (source, _) in plan.sources() {
        let payload = world.with_ledger(|ledger| ledger.event(&source, false));
        send(plan, world, &source, &payload);
    }
    tokio::select! {
        biased;
        ended = life.ended() => Err(format!("a life ended after the wipe: {ended:?}")),
        converged = converge(&window, world) => converged,
    }
}

/// Lets a life go on until its end comes.
async fn live_until(
    end: End,
    mut life: Life,
    zombies: &mut Zombies,
    world: &World,
) -> Result<(), String> {
    let mut windows = zombies.windows();
    windows.push(life.window.clone());
    let after_ms = match end {
        End::CrashAtOperation { or_after_ms } => {
            world.plan_crash(Some(CrashPoint::draw(world)));
            or_after_ms
        }
        End::CrashAfter { milliseconds } => milliseconds,
        End::Stop { after_ms } | End::Freeze { after_ms, .. } => after_ms,
    };
    tokio::select! {
        biased;
        ended = life.ended() => {
            world.plan_crash(None);
            return match ended? {
                Ended::Fenced if !zombies.0.is_empty() => Ok(()),
                other => Err(format!("a life ended by itself: {other:?}")),
            };
        }
        () = world.crashed() => {}
        () = watch(&windows, Duration::from_millis(after_ms), world) => {}
    }
    world.plan_crash(None);
    match end {
        End::Stop { .. } => {
            world.note("stopping");
            life.stop().await.map(drop)
        }
        End::Freeze { for_ms, .. } => {
            world.note("frozen");
            zombies.add(life, for_ms, world);
            Ok(())
        }
        _ => {
            let noticed_after = [0, 0, 1500][world.below(3) as usize];
            world.note("killed");
            life.crash(Duration::from_millis(noticed_after)).await;
            Ok(())
        }
    }
}

/// Scrapes now and then.
async fn watch(windows: &[Window], duration: Duration, world: &World) {
    let until = Instant::now() + duration;
    while Instant::now() < until {
        let pause = Duration::from_millis(10 + world.below(200));
        sleep(pause.min(until - Instant::now())).await;
        windows.iter().for_each(Window::scrape);
    }
}

/// Sends events to the sources at random, each as soon as Redis took the one before.
async fn produce(plan: Arc<Plan>, world: World, events: u64) {
    let sources = plan.sources();
    for _ in 0..events {
        let pause = match world.below(4) {
            0 => 0,
            1 | 2 => world.below(60),
            _ => world.below(700),
        };
        sleep(Duration::from_millis(pause)).await;
        let (source, _) = &sources[world.below(sources.len() as u64) as usize];
        let bad = world.below(BAD_ONE_OF) == 0;
        let payload = world.with_ledger(|ledger| ledger.event(source, bad));
        send(&plan, &world, source, &payload);
    }
}

fn send(plan: &Plan, world: &World, source: &SourceKey, payload: &str) {
    let may_trim = world.with_ledger(|ledger| ledger.may_trim);
    let max_length = plan.max_length.filter(|_| may_trim).map(|most| most.to_string());
    let command: &[&str] = match source.kind {
        SourceKind::List => &["LPUSH", QUEUE, payload],
        SourceKind::Push => panic!("there is no journal here"),
        SourceKind::Group | SourceKind::Reader => match &max_length {
            None => &["XADD", STREAM, "*", "event", payload],
            Some(most) => &["XADD", STREAM, "MAXLEN", "=", most, "*", "event", payload],
        },
    };
    let reply = world.execute(&command.iter().map(|part| part.as_bytes().to_vec()).collect());
    let event = world.with_ledger(|ledger| ledger.events());
    world.note(&format!("producer {} event {event} -> {}", command[0], reply.summary()));
    if let Reply::Error(error) = reply {
        world.fail(format!("{} was refused: {error}", command[0]));
    }
}

async fn converge(window: &Window, world: &World) -> Result<(), String> {
    let deadline = Instant::now() + CONVERGENCE;
    while let Some(difference) = window.missing().or_else(|| window.difference()) {
        if Instant::now() >= deadline {
            return Err(difference);
        }
        sleep(Duration::from_millis(100)).await;
    }
    sleep(QUIET[world.below(4) as usize]).await;
    window.scrape();
    window.difference().map_or(Ok(()), |difference| Err(format!("afterwards: {difference}")))
}

/// Waits until what every retained snapshot covers is gone from Redis; a slow checkpoint may be
/// under way.
async fn tidy(world: &World) -> Result<(), String> {
    let deadline = Instant::now() + CONVERGENCE;
    loop {
        match left_behind(world) {
            Err(left) if Instant::now() < deadline => {
                world.note(&left);
                sleep(Duration::from_millis(300)).await;
            }
            result => return result,
        }
    }
}

fn left_behind(world: &World) -> Result<(), String> {
    let segments = world.with_redis(|redis| redis.keys_with_prefix("{queue}:seg:sim:"));
    let segments: Vec<_> = segments.iter().filter(|key| !key.ends_with(":owner")).collect();
    if !segments.is_empty() {
        return Err(format!("segments were never removed: {segments:?}"));
    }
    match world.with_redis(|redis| redis.pending_entries(STREAM)) {
        0 => Ok(()),
        pending => Err(format!("{pending} entries were never acknowledged")),
    }
}

/// What an orderly stop left behind is the whole state.
async fn check_last_snapshot(bucket: &Bucket, plan: &Plan, world: &World) -> Result<(), String> {
    let terms = plan.terms();
    let storage = storage(bucket);
    let mut standby = Standby::new(terms.lease_ttl);
    let deadline = Instant::now() + CONVERGENCE;
    let restored = loop {
        match checkpoint::restore(&storage, &mut standby, terms).await {
            // Giving the ownership back may have failed.
            Err(RestoreError::Owned { .. }) if Instant::now() < deadline => {
                sleep(terms.lease_ttl / 4).await;
            }
            restored => break restored,
        }
    };
    let restored = restored.map_err(|error| error.to_string())?;
    let store = Store::restore(restored.cut.unwrap_or_default(), u64::MAX);
    let (state, tallies) = (store.scrape(Timestamp(0)), store.tallies());
    match world.with_ledger(|ledger| ledger.difference(&state, &tallies)) {
        None => Ok(()),
        Some(difference) => Err(format!("the last snapshot: {difference}")),
    }
}
