//! The labels of exemplars, rendered for good: nobody looks into them again.

use super::problem::{Problem, Shown};
use crate::model::exposition::ExposedLabel;
use crate::model::labels;

/// OpenMetrics' limit for the names and values of an exemplar's labels together.
const MAX_CHARS: usize = 128;

/// `trace_id="4bf9"`; quotes around names that need them.
pub(super) fn render(text: &str, pairs: &[ExposedLabel], at: usize) -> Result<Box<str>, Problem> {
    let pairs = pairs.iter().map(|pair| (&text[pair.name.range()], &text[pair.value.range()]));
    let parts = || pairs.clone().flat_map(|(name, value)| [name, value]);
    if let Some(part) = parts().find(|part| !labels::is_servable(part)) {
        let part = Shown(part);
        let problem = format!(
            "found {part} in an exemplar's labels; expected no NUL, which no reader takes there"
        );
        return Err(Problem::new(at, problem));
    }
    let chars: usize = parts().map(|part| part.chars().count()).sum();
    if chars > MAX_CHARS {
        let problem = format!(
            "found an exemplar with {chars} characters of labels; expected at most {MAX_CHARS}"
        );
        return Err(Problem::new(at, problem));
    }
    Ok(labels::text(pairs).into())
}
