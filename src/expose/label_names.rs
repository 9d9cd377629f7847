//! Label names that a reader cannot take, and what it gets instead.
//!
//! Hardly any family has one, so that is looked for first, and everything else
//! costs nothing. A name is spelled in the same way in all rows of a family,
//! and never as another name there: else two series could become one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::escaping::{Escaping, NameOf, unique};
use crate::model::labels;

/// Quoted names as they are written, and how they are served.
#[derive(Debug, Default, Hash)]
pub(super) struct LabelNames {
    served: BTreeMap<String, String>,
}

impl LabelNames {
    /// For all the label texts of a family.
    pub(super) fn of<'t>(texts: impl Iterator<Item = &'t str> + Clone, escaping: Escaping) -> Self {
        if !texts.clone().any(labels::has_quoted_names) {
            return Self::default();
        }
        let names: BTreeSet<&str> =
            texts.flat_map(labels::pairs).map(|pair| labels::split(pair).0).collect();
        let stays =
            |name: &&str| NameOf::Label.is_taken_as_it_is(&labels::unquoted(name), escaping);
        let (staying, others): (Vec<&str>, Vec<&str>) = names.into_iter().partition(stays);
        let mut taken: BTreeSet<Cow<'_, str>> = staying.into_iter().map(Cow::Borrowed).collect();
        let mut served = BTreeMap::new();
        for name in others {
            // Names like `__name__` mean something to Prometheus.
            let is_taken = |name: &str| name.starts_with("__") || taken.contains(name);
            let spelled = unique(NameOf::Label, &labels::unquoted(name), escaping, is_taken);
            taken.insert(Cow::Owned(spelled.clone()));
            served.insert(name.to_owned(), spelled);
        }
        Self { served }
    }

    /// The label text as it is served.
    pub(super) fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.served.is_empty() || !labels::has_quoted_names(text) {
            return Cow::Borrowed(text);
        }
        let mut served = String::with_capacity(text.len() + 16);
        for pair in labels::pairs(text) {
            if !served.is_empty() {
                served.push(',');
            }
            let name = labels::split(pair).0;
            served.push_str(self.served.get(name).map_or(name, String::as_str));
            served.push_str(&pair[name.len()..]);
        }
        Cow::Owned(served)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_apart_and_values_as_they_are() {
        let texts = [r#""a.b"="\"x.y\"",c="=""#, r#"a_b="1""#, r#""a b"="",".._x.."="2""#];
        let names = |escaping| {
            let names = LabelNames::of(texts.iter().copied(), escaping);
            texts.map(|text| names.apply(text).into_owned())
        };
        assert_eq!(names(Escaping::AllowUtf8), texts);
        let underscores = [
            r#"U__a_2e_b="\"x.y\"",c="=""#,
            r#"a_b="1""#,
            r#"U__a_20_b="",U___2e__2e___x_2e__2e_="2""#,
        ];
        assert_eq!(names(Escaping::Underscores), underscores);
        let dots = [
            r#"a_dot_b="\"x.y\"",c="=""#,
            r#"a_b="1""#,
            r#"U__a_20_b="",_dot__dot___x_dot__dot_="2""#,
        ];
        assert_eq!(names(Escaping::Dots), dots);
    }
}
