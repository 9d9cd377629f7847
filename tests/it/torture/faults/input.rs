//! Bad events of every kind among the good ones.

use prom_stream_gateway::commands::load::mix::Random;

use super::super::round::{MAX_SERIES, Round};

/// One for each reason that does not need a payload of its own making.
const REASONS: &[(&str, &str)] = &[
    ("invalid_json", "not json"),
    ("invalid_type", r#"{"type":"meter","name":"torture_bad","value":1}"#),
    ("invalid_name", r#"{"name":"torture-bad","value":1}"#),
    ("invalid_label", r#"{"name":"torture_bad","value":1,"labels":{"__a":"x"}}"#),
    ("invalid_value", r#"{"name":"torture_bad","value":"many"}"#),
    ("negative_counter", r#"{"name":"torture_bad","value":-1}"#),
    ("invalid_buckets", r#"{"type":"histogram","name":"torture_bad","value":1,"buckets":[2,1]}"#),
    ("invalid_quantiles", r#"{"type":"summary","name":"torture_bad","value":1,"quantiles":[0.5]}"#),
    ("invalid_mode", r#"{"name":"torture_bad","value":1,"mode":"mean"}"#),
    ("type_conflict", r#"{"type":"gauge","name":"torture_primer","value":1}"#),
    ("name_conflict", r#"{"name":"torture_primer_count","value":1}"#),
    ("reserved_name", r#"{"name":"prom_stream_gateway_mine","value":1}"#),
];

/// Good members among bad ones.
const MIXED: &str = r#"[{"name":"torture_mixed_total","value":1},{"name":"torture_mixed_total","value":-1},{"name":"torture_mixed_total","value":1}]"#;

/// The largest payload, of a list and also, beside the field's name, of a stream's entry.
const LARGEST: usize = (1 << 20) - "data".len();
const TOO_LARGE: usize = (1 << 20) + 1;

pub(super) fn every_reason(round: &mut Round, _: &mut Random) {
    let bounds: Vec<_> = (0..=MAX_SERIES).map(|bound| bound.to_string()).collect();
    let giant = format!(
        r#"{{"type":"histogram","name":"torture_giant","value":1,"buckets":[{}]}}"#,
        bounds.join(",")
    );
    let too_large = padded(TOO_LARGE);
    let reasons = [("series_limit", giant.as_str()), ("too_large", &too_large)];
    for (reason, payload) in REASONS.iter().chain(&reasons) {
        refused(round, reason, payload.as_bytes());
    }
    round.send(&[MIXED.as_bytes()]);
    let targets = round.targets().len() as u64;
    round.expected.refused("negative_counter", targets);
    round.expected.counted("torture_mixed_total", 2 * targets);
}

/// As large as it may be, and larger.
pub(super) fn large(round: &mut Round, _: &mut Random) {
    let (good, bad) = (padded(LARGEST), padded(TOO_LARGE));
    let targets = round.targets().len() as u64;
    for _ in 0..3 {
        round.send(&[good.as_bytes()]);
        round.expected.counted("torture_large_total", targets);
        refused(round, "too_large", bad.as_bytes());
    }
}

fn padded(size: usize) -> String {
    let event = |padding: &str| {
        format!(r#"{{"name":"torture_large_total","value":1,"padding":"{padding}"}}"#)
    };
    event(&"x".repeat(size - event("").len()))
}

/// Bytes that are no UTF-8, let alone JSON.
pub(super) fn garbage(round: &mut Round, random: &mut Random) {
    for _ in 0..20 {
        let length = 1 + random.below(3000);
        let bytes: Vec<u8> = (0..length).map(|_| 0x80 | random.below(128) as u8).collect();
        refused(round, "invalid_json", &bytes);
    }
}

/// As deep as a payload allows: in a member that nobody asks for, and where the event should be.
pub(super) fn deep(round: &mut Round, random: &mut Random) {
    let depth = 1 + random.below(400_000) as usize;
    let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let good = format!(r#"{{"name":"torture_deep_total","value":1,"ignored":{nested}}}"#);
    round.send(&[good.as_bytes()]);
    round.expected.counted("torture_deep_total", round.targets().len() as u64);
    refused(round, "invalid_json", format!("[{nested}]").as_bytes());
}

fn refused(round: &mut Round, reason: &'static str, payload: &[u8]) {
    round.send(&[payload]);
    round.expected.refused(reason, round.targets().len() as u64);
}
