//! Reads label texts (`a="1",b="2"`) strictly: the inverse of how they are written.

/// Names and unescaped values, in their order.
pub(super) fn read(text: &str) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if !labels.is_empty() {
            rest = rest.strip_prefix(',').expect("a comma between two labels");
        }
        let (name, after) = rest.split_once("=\"").expect("a label has a value");
        let (value, after) = quoted(after);
        labels.push((name.to_owned(), value));
        rest = after;
    }
    labels
}

/// The value up to the closing quote, unescaped, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    loop {
        match characters.next().expect("a value ends with a quote") {
            (at, '"') => return (value, &text[at + 1..]),
            (_, '\n') => panic!("a line feed that is not escaped, in {text:?}"),
            (_, '\\') => value.push(match characters.next() {
                Some((_, 'n')) => '\n',
                Some((_, escaped @ ('\\' | '"'))) => escaped,
                other => panic!("an escape of {other:?} in {text:?}"),
            }),
            (_, plain) => value.push(plain),
        }
    }
}
