//! `NaN`, `Infinity` and `-Infinity`: JSON has no such words, and Python's encoder writes them.
//!
//! They are put into quotes, and then read as the strings of that name are. This is tried only with
//! what could not be read as it is.

/// Longest first.
const LITERALS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// The JSON with its literals in quotes; `None` when it has none.
pub(super) fn quoted(json: &str) -> Option<String> {
    if !json.contains("NaN") && !json.contains("Infinity") {
        return None;
    }
    let bytes = json.as_bytes();
    let (mut quoted, mut copied) = (String::with_capacity(json.len() + 16), 0);
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'"' {
            at = string_end(bytes, at)?;
        } else if let Some(literal) = literal(json, at) {
            quoted.push_str(&json[copied..at]);
            quoted.push('"');
            quoted.push_str(literal);
            quoted.push('"');
            at += literal.len();
            copied = at;
        } else {
            at += 1;
        }
    }
    (copied > 0).then(|| quoted + &json[copied..])
}

/// The literal that stands at a byte outside of strings, as a whole value.
fn literal(json: &str, at: usize) -> Option<&'static str> {
    let rest = json.get(at..)?;
    let literal = LITERALS.into_iter().find(|literal| rest.starts_with(literal))?;
    let before = json[..at].trim_ascii_end().bytes().next_back();
    let after = rest[literal.len()..].trim_ascii_start().bytes().next();
    let is_value =
        matches!(before, Some(b':' | b'[' | b',')) && matches!(after, Some(b',' | b']' | b'}'));
    is_value.then_some(literal)
}

/// Where the string ends that begins with the quotes at `open`.
pub(super) fn string_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_outside_of_strings_are_put_into_quotes() {
        let cases = [
            (r#"{"a":NaN}"#, Some(r#"{"a":"NaN"}"#)),
            (
                r#"{"a": -Infinity ,"b":[Infinity,NaN]}"#,
                Some(r#"{"a": "-Infinity" ,"b":["Infinity","NaN"]}"#),
            ),
            (r#"{"NaN":"\"NaN","é":NaN}"#, Some(r#"{"NaN":"\"NaN","é":"NaN"}"#)),
            (r#"{"a":"NaN,"}"#, None),
            (r#"{"a":1}"#, None),
            (r#"{NaN:1}"#, None),
            (r#"{"a":NaNs}"#, None),
            (r#"{"a":xNaN}"#, None),
            (r#"{"a":NaN,"b":""#, None),
            ("NaN", None),
        ];
        for (json, expected) in cases {
            assert_eq!(quoted(json).as_deref(), expected, "{json}");
        }
    }
}
