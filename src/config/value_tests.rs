//! What each rule reads and refuses.

use super::*;

fn text(text: &str) -> Raw {
    Raw::Text(text.into())
}

#[test]
fn booleans() {
    for (word, expected) in [
        ("true", Some(true)),
        ("True", Some(true)),
        ("YES", Some(true)),
        ("on", Some(true)),
        ("1", Some(true)),
        (" false ", Some(false)),
        ("False", Some(false)),
        ("no", Some(false)),
        ("Off", Some(false)),
        ("0", Some(false)),
        ("2", None),
        ("", None),
        ("truee", None),
    ] {
        assert_eq!(Bool.parse(&text(word)), expected, "{word}");
    }
    assert_eq!(Bool.parse(&Raw::List(vec!["true".into()])), None);
}

#[test]
fn whole_numbers_within_bounds() {
    for (number, expected) in
        [("1", Some(1)), (" 64 ", Some(64)), ("0", None), ("65", None), ("-1", None), ("1.5", None)]
    {
        assert_eq!(Whole(1..=64).parse(&text(number)), expected, "{number}");
    }
    assert_eq!(Whole(1..=64).expected(), "a whole number from 1 to 64");
    assert_eq!(Whole(1..=u64::MAX).expected(), "a whole number, 1 or above");
}

#[test]
fn durations() {
    let rule = AtLeast(Duration::from_millis(100));
    for (written, milliseconds) in [
        ("5s", Some(5_000)),
        ("500ms", Some(500)),
        ("5m", Some(300_000)),
        ("1h", Some(3_600_000)),
        ("1d", Some(86_400_000)),
        ("1m30s", Some(90_000)),
        ("1m 30s", Some(90_000)),
        ("1.5s", Some(1_500)),
        ("5", Some(5_000)),
        ("0.5", Some(500)),
        ("00:00:05", Some(5_000)),
        ("00:00:00.5000000", Some(500)),
        ("00:05", Some(300_000)),
        ("1.02:03:04", Some(93_784_000)),
        ("100ms", Some(100)),
        ("99ms", None),
        ("0", None),
        ("-5s", None),
        ("-5", None),
        ("5x", None),
        ("5 parsecs", None),
        ("s", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e30", None),
        ("24:00:00", None),
        ("00:60", None),
        ("00:00:60", None),
        ("00:00:00:05", None),
    ] {
        let expected = milliseconds.map(Duration::from_millis);
        assert_eq!(rule.parse(&text(written)), expected, "{written}");
    }
}

#[test]
fn durations_are_shown_as_they_can_be_written() {
    for (milliseconds, shown) in [
        (500, "500ms"),
        (5_000, "5s"),
        (1_500, "1.5s"),
        (90_000, "90s"),
        (300_000, "5m"),
        (3_600_000, "1h"),
    ] {
        let duration = Duration::from_millis(milliseconds);
        assert_eq!(show_duration(duration), shown);
        assert_eq!(parse_duration(shown), Some(duration));
    }
}

#[test]
fn names() {
    for (raw, expected) in [
        (text("a"), Some(vec!["a"])),
        (text(" a , b "), Some(vec!["a", "b"])),
        (text(r#"["a,b", "c"]"#), Some(vec!["a,b", "c"])),
        (Raw::List(vec!["a".into(), "b".into()]), Some(vec!["a", "b"])),
        (text(""), Some(vec![])),
        (text("[]"), Some(vec![])),
        (text("a,,b"), None),
        (text("[1]"), None),
        (text("[\"a\""), None),
        (Raw::List(vec![" ".into()]), None),
    ] {
        let expected: Option<Vec<String>> =
            expected.map(|names| names.into_iter().map(str::to_owned).collect());
        assert_eq!(Names.parse(&raw), expected, "{raw}");
    }
}

#[test]
fn one_of_a_few_words() {
    let rule = OneOf(&[(1, &["one", "uno"]), (2, &["two"])]);
    assert_eq!(rule.parse(&text("ONE")), Some(1));
    assert_eq!(rule.parse(&text("uno")), Some(1));
    assert_eq!(rule.parse(&text("three")), None);
    assert_eq!(rule.show(&1), "one");
    assert_eq!(rule.expected(), "one of one, two");
}

#[test]
fn text_is_trimmed_and_not_empty() {
    assert_eq!(Text.parse(&text(" a b ")), Some("a b".to_owned()));
    assert_eq!(Text.parse(&text("  ")), None);
}
