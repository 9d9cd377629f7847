//! The classic alphabet of names, which every reader of a page can take unquoted.

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
pub fn is_metric_name(name: &str) -> bool {
    is_word(name, LETTER | COLON)
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`: it stands in label texts without quotes.
pub fn is_label_word(name: &str) -> bool {
    is_word(name, LETTER)
}

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const COLON: u8 = 4;

/// What each byte is: names are most of an event, and this is looked at for each of their bytes.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => LETTER,
            b'0'..=b'9' => DIGIT,
            b':' => COLON,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// Whether it begins with one of `letters`, and goes on with those and digits.
fn is_word(name: &str, letters: u8) -> bool {
    let is = |byte: &u8, classes| CLASSES[usize::from(*byte)] & classes != 0;
    name.as_bytes().first().is_some_and(|first| is(first, letters))
        && name.bytes().all(|byte| is(&byte, letters | DIGIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_data_model() {
        for good in ["a", "_", ":", "a:b_c9", "A1", "__x"] {
            assert!(is_metric_name(good), "{good}");
            assert_eq!(is_label_word(good), !good.contains(':'), "{good}");
        }
        for bad in ["", "9a", "a-b", "a b", "é", "a.b", "a\n"] {
            assert!(!is_metric_name(bad) && !is_label_word(bad), "{bad}");
        }
    }
}
