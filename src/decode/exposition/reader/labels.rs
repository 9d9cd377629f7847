//! The braces of a sample: labels, and with UTF-8 names perhaps the metric's name.

use super::super::label_sets;
use super::super::problem::{Problem, Shown};
use super::Reader;
use crate::model::Span;
use crate::model::exposition::ExposedLabel;

impl Reader<'_> {
    /// What follows `{`, up to and with `}`. Labels are appended to the builder's; returned is a
    /// metric's name that stands there in quotes.
    pub(super) fn labels(&mut self) -> Result<Option<Span>, Problem> {
        let first = self.builder.out.pairs.len();
        let mut metric_name = None;
        loop {
            self.cursor.skip_blanks();
            if self.cursor.take(b'}') {
                break;
            }
            let at = self.cursor.at;
            let name = match self.cursor.peek() {
                Some(b'"') => self.quoted_name()?,
                _ => self.cursor.label_name(),
            };
            if name.is_empty() {
                return Err(self.cursor.expected("a label name [a-zA-Z_][a-zA-Z0-9_]* or }"));
            }
            let is_quoted = name.start as usize != at;
            self.cursor.skip_blanks();
            if is_quoted && metric_name.is_none() && matches!(self.cursor.peek(), Some(b',' | b'}'))
            {
                metric_name = Some(name);
            } else {
                self.label(name, at)?;
            }
            self.cursor.skip_blanks();
            if !self.cursor.take(b',') && self.cursor.peek() != Some(b'}') {
                return Err(self.cursor.expected("a comma or }"));
            }
        }
        self.refuse_repeated_names(first)?;
        Ok(metric_name)
    }

    /// What follows a label's name.
    fn label(&mut self, name: Span, at: usize) -> Result<(), Problem> {
        if self.builder.out.text(name).starts_with("__") {
            let name = Shown(self.builder.out.text(name));
            let problem = format!("found the label {name}; expected a name that __ does not begin");
            return Err(Problem::new(at, problem));
        }
        if !self.cursor.take(b'=') {
            return Err(self.cursor.expected("= and a label value"));
        }
        self.cursor.skip_blanks();
        let value = self.cursor.quoted(&mut self.builder.out.text)?;
        self.builder.out.pairs.push(ExposedLabel { name, value });
        Ok(())
    }

    fn refuse_repeated_names(&self, first: usize) -> Result<(), Problem> {
        let labels = self.builder.loose_labels(first);
        let Some(repeated) = label_sets::repeated_name(&self.builder.out.text, labels) else {
            return Ok(());
        };
        let name = Shown(self.builder.out.text(labels[repeated].name));
        let problem = format!("found the label {name} twice; expected each label once");
        Err(Problem::new(self.cursor.at, problem))
    }
}
