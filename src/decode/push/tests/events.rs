//! JSON events over HTTP: all or none.

use super::*;
use crate::model::Mode;

fn push(body: &str) -> Result<Arc<Push>, PushRefusal> {
    let request = PushRequest {
        format: BodyFormat::Events,
        body: body.as_bytes().to_vec(),
        ..request(Dialect::Aggregate, Method::Post, &[])
    };
    interpret(&request, &options())
}

#[test]
fn events_become_a_batch_whatever_their_size() {
    let long = format!(r#"{{"name":"x","help":"{}"}}"#, "h".repeat(2 << 20));
    let table = [
        (r#"{"name":"x","value":2,"type":"gauge","mode":"sum"}"#, 1),
        (r#"[{"name":"x"},{"name":"y"}]"#, 2),
        ("{\"name\":\"x\"}\n{\"name\":\"y\"}\n", 2),
        ("[]", 0),
        (&long, 1),
    ];
    for (body, count) in table {
        let push = push(body).expect("taken");
        let Operation::Events(batch) = &push.operation else { panic!("{push:?}") };
        assert_eq!((batch.events.len(), batch.bad.len()), (count, 0));
        if let Some(event) = batch.events.first() {
            assert_eq!(batch.text(event.name), "x");
            let is_gauge = event.metric_type == MetricType::Gauge;
            assert_eq!(event.mode, if is_gauge { Mode::Add } else { Mode::Natural });
        }
    }
}

#[test]
fn a_bad_event_refuses_all_and_is_named_by_its_number() {
    let good = r#"{"name":"x"}"#;
    let negative = r#"{"name":"x","value":-1}"#;
    let nameless = r#"{"value":1}"#;
    let table = [
        (
            format!("[{good},{negative},{good},{nameless}]"),
            Reason::NegativeCounter,
            "2 of 4 events refused, so none is applied: event 2: negative_counter: -1 as value of \
             the counter \"x\"; expected 0 or more; event 4: invalid_name: nothing as name",
        ),
        (
            format!("{good}\n7\n{nameless}\n{nameless}\n{nameless}\n{good}"),
            Reason::InvalidJson,
            "4 of 6 events refused, so none is applied: event 2: invalid_json: 7; expected an event",
        ),
        (negative.to_owned(), Reason::NegativeCounter, "1 of 1 events refused"),
        (format!("[{good},"), Reason::InvalidJson, ""),
        ("{".to_owned(), Reason::InvalidJson, "{; EOF"),
        (String::new(), Reason::InvalidJson, "an empty payload"),
    ];
    for (body, reason, detail) in table {
        let refusal = push(&body).expect_err(&body);
        assert_eq!(refusal.reason, reason, "{}", refusal.detail);
        assert!(refusal.detail.starts_with(detail), "{:?} for {body}", refusal.detail);
        let told =
            refusal.detail.matches(": event ").count() + refusal.detail.matches("; event ").count();
        assert!(told <= 3, "{}", refusal.detail);
        assert_eq!(refusal.detail.ends_with("; …"), refusal.detail.starts_with("4 of 6"));
    }
}
