//! The labels of exemplars, rendered for good: nobody looks into them again.

use super::problem::Problem;
use crate::model::exposition::ExposedLabel;
use crate::model::labels::push_escaped;

use super::super::name::is_label_name;

/// OpenMetrics' limit for the names and values of an exemplar's labels together.
const MAX_CHARS: usize = 128;

/// `trace_id="4bf9"`; quotes around names that need them.
pub(super) fn render(text: &str, labels: &[ExposedLabel], at: usize) -> Result<Box<str>, Problem> {
    let mut rendered = String::new();
    let mut chars = 0;
    for label in labels {
        let (name, value) = (&text[label.name.range()], &text[label.value.range()]);
        chars += name.chars().count() + value.chars().count();
        if !rendered.is_empty() {
            rendered.push(',');
        }
        if is_label_name(name) {
            rendered.push_str(name);
        } else {
            rendered.push('"');
            push_escaped(&mut rendered, name);
            rendered.push('"');
        }
        rendered.push_str("=\"");
        push_escaped(&mut rendered, value);
        rendered.push('"');
    }
    if chars > MAX_CHARS {
        let problem = format!(
            "found an exemplar with {chars} characters of labels; expected at most {MAX_CHARS}"
        );
        return Err(Problem::new(at, problem));
    }
    Ok(rendered.into())
}
