//! What becomes of names that are not of the classic alphabet.
//!
//! A reader says with `escaping=` how it wants them: as they are, or spelled in
//! `[a-zA-Z0-9_:]`. Names of that alphabet are never changed, whatever the scheme.

use crate::model::labels;
use crate::model::name::{is_label_word, is_metric_name};

/// How names of other characters are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escaping {
    /// As they are, quoted where the format needs it.
    AllowUtf8,
    /// Every other character becomes `_`.
    #[default]
    Underscores,
    /// `.` becomes `_dot_`, `_` becomes `__`, every other character `_`.
    Dots,
    /// `U__`, then every other character as its code point: `a.b` is `U__a_2e_b`. Can be undone.
    Values,
}

impl Escaping {
    pub const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    /// The value of `escaping=` in `Accept` and `Content-Type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }
}

/// What a name is a name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameOf {
    Metric,
    /// No colons.
    Label,
}

impl NameOf {
    /// Whether every reader can take the name unquoted.
    pub(super) fn is_classic(self, name: &str) -> bool {
        match self {
            Self::Metric => is_metric_name(name),
            Self::Label => is_label_word(name),
        }
    }

    /// Whether who wants `escaping` can take the name as it is. Nobody takes NUL.
    pub(super) fn is_taken_as_it_is(self, name: &str, escaping: Escaping) -> bool {
        self.is_classic(name) || (escaping == Escaping::AllowUtf8 && labels::is_servable(name))
    }

    /// The name in the classic alphabet; changed even if it could stay.
    pub(super) fn escape(self, name: &str, escaping: Escaping) -> String {
        let mut escaped = String::with_capacity(name.len() + 8);
        if escaping == Escaping::Values {
            escaped.push_str("U__");
        }
        for (at, character) in name.char_indices() {
            let fits = if at == 0 { self.takes_first(character) } else { self.takes(character) };
            match (escaping, character) {
                (Escaping::Dots | Escaping::Values, '_') => escaped.push_str("__"),
                (Escaping::Dots, '.') => escaped.push_str("_dot_"),
                _ if fits => escaped.push(character),
                (Escaping::Values, _) => escaped.push_str(&format!("_{:x}_", character as u32)),
                _ => escaped.push('_'),
            }
        }
        // An empty name, if anybody has one.
        if escaped.is_empty() { "_".into() } else { escaped }
    }

    fn takes_first(self, character: char) -> bool {
        self.takes(character) && !character.is_ascii_digit()
    }

    fn takes(self, character: char) -> bool {
        character.is_ascii_alphanumeric()
            || character == '_'
            || (character == ':' && self == Self::Metric)
    }
}

/// The name for one who wants `escaping`, other than any that is `taken` already.
pub(super) fn unique(
    name_of: NameOf,
    name: &str,
    escaping: Escaping,
    taken: impl Fn(&str) -> bool,
) -> String {
    let escaped = name_of.escape(name, escaping);
    if !taken(&escaped) {
        return escaped;
    }
    let mut exact = name_of.escape(name, Escaping::Values);
    // Only a name that somebody has spelled in this way himself is still taken.
    while taken(&exact) {
        exact.push('_');
    }
    exact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_spells_names_in_its_way() {
        use Escaping::{Dots, Underscores, Values};
        let cases = [
            ("http.requests_total", Underscores, "http_requests_total"),
            ("http.requests_total", Dots, "http_dot_requests__total"),
            ("http.requests_total", Values, "U__http_2e_requests__total"),
            ("9 lives", Underscores, "__lives"),
            ("9 lives", Dots, "__lives"),
            ("9 lives", Values, "U___39__20_lives"),
            ("é:ß", Underscores, "_:_"),
            ("é:ß", Values, "U___e9_:_df_"),
            ("", Underscores, "_"),
        ];
        for (name, escaping, expected) in cases {
            assert_eq!(NameOf::Metric.escape(name, escaping), expected, "{name} {escaping:?}");
        }
        assert_eq!(NameOf::Label.escape("a:b", Values), "U__a_3a_b");
    }

    #[test]
    fn classic_names_are_told_apart() {
        for (name, metric, label) in [
            ("a_9", true, true),
            ("a:b", true, false),
            ("9a", false, false),
            ("", false, false),
            ("a.b", false, false),
            ("é", false, false),
        ] {
            assert_eq!(NameOf::Metric.is_classic(name), metric, "{name}");
            assert_eq!(NameOf::Label.is_classic(name), label, "{name}");
        }
    }

    #[test]
    fn a_name_that_is_taken_is_spelled_exactly() {
        let name = |taken: &[&str]| {
            unique(NameOf::Metric, "a.b", Escaping::Underscores, |name| taken.contains(&name))
        };
        assert_eq!(name(&[]), "a_b");
        assert_eq!(name(&["a_b"]), "U__a_2e_b");
        assert_eq!(name(&["a_b", "U__a_2e_b"]), "U__a_2e_b_");
    }
}
