//! Lists of `user=password`, as an array or separated by commas, and how they are shown: without
//! the passwords.

use super::value::{Names, Raw, Rule};

/// In the place of a list that is refused: it holds passwords, and where they begin is just what is
/// not clear.
pub(super) const HIDDEN: &str = "***";

/// Each user, made of name and password; `None` where one cannot be made.
pub(super) fn pairs<T>(raw: &Raw, user: impl Fn(&str, &str) -> Option<T>) -> Option<Vec<T>> {
    let of_text = |text: String| {
        let (name, password) = text.split_once('=')?;
        user(name, password)
    };
    Names.parse(raw)?.into_iter().map(of_text).collect()
}

pub(super) fn without_passwords<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("{name}={HIDDEN}")).collect::<Vec<_>>().join(",")
}
