//! A sample's line. What it means by the type of its family is `meaning`'s.

use std::sync::Arc;

use super::super::names::Role;
use super::super::problem::Problem;
use super::{Reader, Syntax};
use crate::model::{Exemplar, MetricType, Span};

/// A sample whose meaning is not known yet. Its labels are the builder's last.
pub(super) struct Sample<'a> {
    /// Where its line starts.
    pub(super) at: usize,
    pub(super) family: usize,
    pub(super) role: Role,
    pub(super) first_label: usize,
    pub(super) value: &'a str,
    /// In front of the value.
    pub(super) value_at: usize,
    pub(super) has_timestamp: bool,
    pub(super) exemplar: Option<(usize, Arc<Exemplar>)>,
}

impl<'a> Reader<'a> {
    pub(super) fn sample(&mut self) -> Result<(), Problem> {
        let at = self.cursor.at;
        let mut name = match self.cursor.peek() {
            Some(b'"') => self.quoted_name()?,
            _ => self.cursor.metric_name(),
        };
        let has_blank = self.cursor.skip_blanks();
        let first_label = self.builder.out.pairs.len();
        let has_labels = self.cursor.take(b'{');
        if has_labels {
            match self.labels()? {
                Some(_) if !name.is_empty() => {
                    return Err(Problem::new(at, "found two metric names; expected one"));
                }
                Some(inside) => name = inside,
                None => {}
            }
        }
        if name.is_empty() {
            let expected = "a metric name [a-zA-Z_:][a-zA-Z0-9_:]*";
            return Err(self.cursor.back_to(at).expected(expected));
        }
        self.cursor.skip_blanks();
        if !has_labels && !has_blank {
            return Err(self.cursor.expected("labels in braces, or a blank and a value"));
        }
        let value_at = self.cursor.at;
        let value = self.cursor.token();
        self.cursor.skip_blanks();
        let has_timestamp = self.timestamp()?;
        let exemplar = match self.cursor.peek() {
            Some(b'#') if self.syntax == Syntax::OpenMetrics => {
                Some((self.cursor.at, self.exemplar()?))
            }
            _ => None,
        };
        let (family, role) = self.family_of(name);
        let sample =
            Sample { at, family, role, first_label, value, value_at, has_timestamp, exemplar };
        self.add(sample)
    }

    /// The family of a sample's name: an untyped one of its own, when none was declared.
    fn family_of(&mut self, span: Span) -> (usize, Role) {
        let name = self.name(span);
        if let Some(found) = self.builder.names.sample(name.clone()) {
            return found;
        }
        let family = self.builder.family(name.clone(), span);
        self.builder.families[family].metric_type = Some(MetricType::Untyped);
        let own = [("", Role::Value)];
        self.builder.names.claim(family, name, &own).expect("nobody has claimed it");
        (family, Role::Value)
    }
}
