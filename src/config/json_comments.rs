//! .NET reads JSON with `//` and `/* */` comments and trailing commas; serde_json does not.
//!
//! Both are replaced by spaces, character for character, so that the line and column of a
//! syntax error are still those of the file.

pub(crate) fn blank_out(text: &str) -> String {
    let mut output: Vec<char> = Vec::with_capacity(text.len());
    // Where a comma stands that nothing but blanks has followed yet.
    let mut open_comma = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('"', _) => {
                open_comma = None;
                output.push('"');
                while let Some(inside) = characters.next() {
                    output.push(inside);
                    match inside {
                        '\\' => output.extend(characters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            ('/', Some('/')) => {
                output.push(' ');
                while let Some(inside) = characters.next_if(|&c| c != '\n') {
                    output.push(blank(inside));
                }
            }
            ('/', Some('*')) => {
                output.extend([' ', ' ']);
                characters.next();
                let mut previous = ' ';
                for inside in characters.by_ref() {
                    output.push(blank(inside));
                    if (previous, inside) == ('*', '/') {
                        break;
                    }
                    previous = inside;
                }
            }
            (',', _) => {
                open_comma = Some(output.len());
                output.push(',');
            }
            ('}' | ']', _) => {
                if let Some(comma) = open_comma.take() {
                    output[comma] = ' ';
                }
                output.push(character);
            }
            (other, _) => {
                if !other.is_whitespace() {
                    open_comma = None;
                }
                output.push(other);
            }
        }
    }
    output.into_iter().collect()
}

fn blank(character: char) -> char {
    if character == '\n' { '\n' } else { ' ' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_become_blanks() {
        for (text, expected) in [
            ("{\"a\": 1} // end", "{\"a\": 1}       "),
            ("{/* one\ntwo */\"a\": 1}", "{      \n      \"a\": 1}"),
            ("{/***/}", "{     }"),
            ("[1, 2, ]", "[1, 2  ]"),
            ("[1, // one\n]", "[1        \n]"),
            ("{\"a\": {\"b\": 1,},}", "{\"a\": {\"b\": 1 } }"),
        ] {
            assert_eq!(blank_out(text), expected, "{text}");
        }
    }

    #[test]
    fn strings_are_left_alone() {
        for text in [r#"{"url": "http://+:8080"}"#, r#"["/* no */", "a,]", "\" // inside", "\\"]"#]
        {
            assert_eq!(blank_out(text), text);
        }
    }

    #[test]
    fn what_is_broken_stays_broken() {
        for text in ["{\"a\": 1", "{\"a", "/* open", "{,\"a\": 1}", "[1,,2]", "[1,,]"] {
            let blanked = blank_out(text);
            assert!(serde_json::from_str::<serde_json::Value>(&blanked).is_err(), "{text}");
        }
    }
}
