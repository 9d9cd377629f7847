//! What every decoder promises, whatever bytes it is given.
//!
//! One function a target, and each asserts more than that nothing panics: what was
//! decoded obeys the rules, survives being written and read again, and what was
//! refused has a reason. The same functions are run by the smoke test beside this
//! file, over a corpus and its mutations, and by `cargo fuzz` for as long as one
//! likes (`make fuzz`).

#[path = "targets/connection_string.rs"]
mod connection_string;
#[path = "targets/conversation.rs"]
mod conversation;
#[path = "targets/envelope.rs"]
mod envelope;
#[path = "targets/event.rs"]
mod event;
#[path = "targets/event_rules.rs"]
mod event_rules;
#[path = "targets/exposition.rs"]
mod exposition;
#[path = "targets/exposition_rules.rs"]
mod exposition_rules;
#[path = "targets/head.rs"]
mod head;
#[path = "targets/label_text.rs"]
mod label_text;
#[path = "../it/harness/page.rs"]
mod page;
#[path = "targets/sent_again.rs"]
mod sent_again;
#[path = "targets/snapshot.rs"]
mod snapshot;
#[path = "targets/through_the_store.rs"]
mod through_the_store;

/// Takes the bytes apart and panics when a promise does not hold.
pub(crate) type Target = fn(&[u8]);

/// Each of the same name as its folder of the corpus and its binary for `cargo fuzz`.
pub(crate) const TARGETS: [(&str, Target); 11] = [
    ("connection_string", connection_string::target),
    ("conversation", conversation::target),
    ("envelope", envelope::target),
    ("event", event::payload),
    ("exposition_openmetrics", exposition::open_metrics),
    ("exposition_protobuf", exposition::protobuf),
    ("exposition_text", exposition::text),
    ("head", head::target),
    ("snapshot_content", snapshot::content),
    ("snapshot_file", snapshot::file),
    ("stream_entry", event::stream_entry),
];

/// Runs the target of that name.
pub(crate) fn run(name: &str, bytes: &[u8]) {
    let (_, target) =
        TARGETS.iter().find(|(known, _)| *known == name).expect("a target of that name");
    target(bytes);
}
