//! Where the members of an array stand, whatever they are.
//!
//! Only brackets and quotes are looked at: a member ends at the comma or the bracket that is not
//! within any of its own.

use std::ops::Range;

use super::literals::string_end;
use super::payload::skip_blanks;

/// Each member of the array whose bracket is at `open`, without the blanks around it; where there is
/// none, the comma or the bracket that should follow it. `None` when brackets or quotes don't match,
/// or when something follows the array.
pub(super) fn members(bytes: &[u8], open: usize) -> Option<Vec<Range<usize>>> {
    let mut members = Vec::new();
    let mut at = open;
    loop {
        let start = skip_blanks(bytes, at + 1);
        at = end(bytes, start)?;
        let length = bytes[start..at].trim_ascii_end().len();
        members.push(if length == 0 { at..at + 1 } else { start..start + length });
        if bytes[at] == b']' {
            return (skip_blanks(bytes, at + 1) == bytes.len()).then_some(members);
        }
    }
}

/// The first comma or closing bracket that belongs to the array itself.
fn end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut closing = Vec::new();
    let mut at = start;
    loop {
        match *bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at)?;
                continue;
            }
            b'{' => closing.push(b'}'),
            b'[' => closing.push(b']'),
            b',' | b']' if closing.is_empty() => return Some(at),
            bracket @ (b'}' | b']') if closing.pop() != Some(bracket) => return None,
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_end_where_their_brackets_and_quotes_say() {
        let found = |text: &'static str| {
            let members = members(text.as_bytes(), 0)?;
            Some(members.into_iter().map(|range| &text[range]).collect::<Vec<_>>())
        };
        let cases: &[(_, Option<&[&str]>)] = &[
            ("[a, {\"x\":[1,2]} ,b ]\n", Some(&["a", "{\"x\":[1,2]}", "b"])),
            (r#"["a,\"]",{"}":NaN}]"#, Some(&[r#""a,\"]""#, r#"{"}":NaN}"#])),
            ("[1,]", Some(&["1", "]"])),
            ("[,1]", Some(&[",", "1"])),
            ("[1", None),
            ("[1,{]", None),
            ("[{]}", None),
            ("[1}]", None),
            ("[\"]", None),
            ("[1] 2", None),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text).as_deref(), *expected, "{text}");
        }
    }
}
