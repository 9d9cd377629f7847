//! Events a second from Redis to the served state, beside what a bare client reads and beside
//! what one core can decode and apply; and the CPU time that an event costs.

use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::baseline;
use crate::end_to_end::{Cpu, Mode, run};
use crate::events;
use crate::in_process::{InProcess, PAGE};
use crate::progress::Progress;
use crate::redis_server::{Dump, Redis, STREAM};
use crate::report::{Section, Target};
use crate::settings::Settings;
use crate::spread::{Spread, significant};

/// Events of a batched payload.
const BATCH: usize = 100;

/// What batches are to reach even if one core could do more.
const BATCHED_PER_SECOND: f64 = 3e6;

/// One way to read, of every round.
struct Measured {
    per_second: Vec<f64>,
    cpu: Vec<Cpu>,
}

pub(crate) fn run_all(settings: &Settings) -> Section {
    let events = settings.events;
    let progress = Progress::new("rates", settings.rounds * 8 + 1);
    progress.step("filling Redis");
    let singles = || (0..events).map(events::event);
    let batched = || {
        let chunks = (0..events).step_by(BATCH).map(move |from| from..(from + BATCH).min(events));
        chunks.flat_map(|chunk| events::batches(&chunk.collect::<Vec<_>>(), BATCH, events::event))
    };
    let list = Dump::of_list(singles());
    let batches = Dump::of_list(batched());
    let stream = Dump::of_streams(&[STREAM.into()], singles());

    let runtime = Runtime::new().expect("a runtime");
    let per_second = |seconds: f64| events as f64 / seconds;
    let measure = |what: &str, dump: &Dump, mode: Mode, into: &mut Measured| {
        progress.step(what);
        let run = run(dump, mode, &[], events);
        into.per_second.push(per_second(run.seconds));
        into.cpu.push(run.cpu());
    };
    let [mut by_list, mut by_reader, mut by_group, mut by_batches] =
        std::array::from_fn(|_| Measured { per_second: Vec::new(), cpu: Vec::new() });
    let [mut popped, mut read, mut core, mut batched_core] = [const { Vec::new() }; 4];
    for _ in 0..settings.rounds {
        measure("list", &list, Mode::List, &mut by_list);
        progress.step("bare client, RPOP 25");
        let redis = Redis::start_from(&list);
        popped.push(per_second(timed(events, || runtime.block_on(baseline::pop(&redis)))));
        drop(redis);
        progress.step("in process");
        core.push(per_second(in_process(singles(), PAGE)));
        measure("reader", &stream, Mode::Reader, &mut by_reader);
        progress.step("bare client, XREADGROUP 1000 + XACK");
        let redis = Redis::start_from(&stream);
        read.push(per_second(timed(events, || runtime.block_on(baseline::read_group(&redis)))));
        drop(redis);
        measure("group", &stream, Mode::Group, &mut by_group);
        measure("batches through the list", &batches, Mode::List, &mut by_batches);
        progress.step("batches in process");
        batched_core.push(per_second(in_process(batched(), PAGE / BATCH)));
    }
    drop(progress);

    let mut section = Section::new("rates", "Events a second");
    section.paragraph(&format!(
        "{} events of {} bytes of JSON in Redis, {} series of three labels, one event an \
         entry; {} rounds. The gateway's time is from the start of its process to a complete \
         `/metrics`, with a checkpoint every 0.5 s; its CPU time includes the acknowledgements. \
         A bare client of the same redis crate throws away what it reads. *In process*: decoding \
         and applying on one core, {PAGE} entries at a time, without Redis.",
        significant(events as f64),
        events::event(0).len(),
        significant(events::SERIES as f64),
        settings.rounds,
    ));
    let rows = [
        row("list / `RPOP 25`", &by_list, &popped, Target::AtLeast(3.5), events),
        row("list / in process", &by_list, &core, Target::AtLeast(0.7), events),
        row("reader / `XREADGROUP 1000` + `XACK`", &by_reader, &read, Target::AtLeast(2.5), events),
        row("group / `XREADGROUP 1000` + `XACK`", &by_group, &read, Target::AtLeast(0.95), events),
        batched_row(&by_batches, &batched_core, events),
    ];
    section.table(
        &[
            "gateway / baseline",
            "gateway, M events/s",
            "baseline, M events/s",
            "ratio",
            "target",
            "met",
            "Redis CPU, ns/event",
        ],
        rows,
    );
    let cpu_rows = [
        ("list", &by_list, Target::AtMost(600.0)),
        ("reader", &by_reader, Target::AtMost(800.0)),
        ("group", &by_group, Target::AtMost(1400.0)),
        ("batches through the list", &by_batches, Target::None),
    ];
    let cpu_rows = cpu_rows.map(|(name, measured, target)| {
        let spread = gateway_cpu(measured, events);
        let [target, met] = target.cells(spread);
        vec![name.into(), spread.to_string(), target, met]
    });
    section.table(&["", "gateway CPU, ns/event", "target", "met"], cpu_rows);
    section
}

fn row(
    name: &str,
    measured: &Measured,
    baseline: &[f64],
    target: Target,
    events: usize,
) -> Vec<String> {
    let rounds = measured.per_second.iter().zip(baseline);
    let ratio = Spread::of(rounds.map(|(ours, theirs)| ours / theirs));
    let [target, met] = target.cells(ratio);
    cells(name, measured, baseline, [ratio.to_string(), target, met], events)
}

/// The target is a rate here: the lower of one that was chosen and what one core can do.
fn batched_row(measured: &Measured, core: &[f64], events: usize) -> Vec<String> {
    let rounds = measured.per_second.iter().zip(core);
    let ratio = Spread::of(rounds.map(|(ours, core)| ours / core));
    let lower = BATCHED_PER_SECOND.min(Spread::of(core.iter().copied()).median);
    let is_met = Spread::of(measured.per_second.iter().copied()).median >= lower;
    let target = format!("≥ {:.2} M events/s", lower / 1e6);
    let met = if is_met { "yes" } else { "**no**" };
    let name = format!("list, {BATCH} events an entry / in process");
    cells(&name, measured, core, [ratio.to_string(), target, met.into()], events)
}

fn cells(
    name: &str,
    measured: &Measured,
    baseline: &[f64],
    [ratio, target, met]: [String; 3],
    events: usize,
) -> Vec<String> {
    let millions = |rates: &[f64]| Spread::of(rates.iter().copied()).times(1e-6).to_string();
    let redis = measured.cpu.iter().map(|cpu| cpu.redis_seconds / events as f64 * 1e9);
    vec![
        name.into(),
        millions(&measured.per_second),
        millions(baseline),
        ratio,
        target,
        met,
        Spread::of(redis).to_string(),
    ]
}

fn gateway_cpu(measured: &Measured, events: usize) -> Spread {
    Spread::of(measured.cpu.iter().map(|cpu| cpu.gateway_seconds / events as f64 * 1e9))
}

fn timed(events: usize, read: impl FnOnce() -> usize) -> f64 {
    let started = Instant::now();
    assert_eq!(read(), events, "the bare client read them all");
    started.elapsed().as_secs_f64()
}

fn in_process(payloads: impl Iterator<Item = String>, page: usize) -> f64 {
    let mut process = InProcess::new();
    process.take(payloads, page);
    process.lap()
}
