//! OpenMetrics' exemplars: ` # {trace_id="4bf9"} 0.5 1625.5` behind a sample.

use std::sync::Arc;

use super::super::problem::{Problem, Shown};
use super::super::{exemplar, number};
use super::Reader;
use crate::model::Exemplar;

impl Reader<'_> {
    pub(super) fn exemplar(&mut self) -> Result<Arc<Exemplar>, Problem> {
        let at = self.cursor.at;
        self.cursor.take(b'#');
        self.cursor.skip_blanks();
        if !self.cursor.take(b'{') {
            return Err(self.cursor.expected("{ and an exemplar's labels"));
        }
        let first = self.builder.out.pairs.len();
        if self.labels()?.is_some() {
            return Err(Problem::new(at, "found an exemplar's label without a value"));
        }
        let text = &self.builder.out.text;
        let labels = exemplar::render(text, self.builder.loose_labels(first), at)?;
        self.builder.out.pairs.truncate(first);
        self.cursor.skip_blanks();
        let value = self.exemplar_number(number::float, "an exemplar's value")?;
        let timestamp = match self.cursor.is_at_line_end() {
            true => None,
            false => Some(self.exemplar_number(number::seconds, "a timestamp in seconds")?),
        };
        Ok(Arc::new(Exemplar { labels, value, timestamp }))
    }

    fn exemplar_number<T>(
        &mut self,
        parse: impl Fn(&str) -> Option<T>,
        expected: &str,
    ) -> Result<T, Problem> {
        if self.cursor.is_at_line_end() {
            return Err(self.cursor.expected(expected));
        }
        let at = self.cursor.at;
        let token = self.cursor.token();
        self.cursor.skip_blanks();
        parse(token)
            .ok_or_else(|| Problem::new(at, format!("found {}; expected {expected}", Shown(token))))
    }
}
