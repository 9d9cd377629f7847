//! The labels of a push's path, checked and rendered once for all its series.
//!
//! A name may stand once in a path. In the dialect `replace` the labels are the key of a group, and
//! the first one is `job`; labels of empty value belong to the key. In the others a label of empty
//! value is an absent one, and in `aggregate` the label `clearmode` chooses the mode of all series.

use super::super::name::is_label_name_of;
use super::super::refusal::Quoted;
use super::effect::CLEAR_MODE;
use super::{Dialect, PushRequest};
use crate::decode::DecodeOptions;
use crate::model::labels::push_pair;
use crate::model::push::{Group, Matching};
use crate::model::{PushRefusal, Reason, labels};

/// One label of the path.
#[derive(Debug)]
pub(super) struct PathLabel<'r> {
    pub(super) name: &'r str,
    /// `name="value"`
    pub(super) rendered: String,
}

/// The labels of a path, in its order.
#[derive(Debug, Default)]
pub(super) struct PathLabels<'r> {
    pub(super) labels: Vec<PathLabel<'r>>,
    /// Indexes of `labels`, sorted by name.
    by_name: Vec<usize>,
    /// Names, as rendered, of labels of empty value, which no series carries.
    absent: Vec<String>,
    /// The mode that the path asks for.
    pub(super) clear_mode: Option<&'r str>,
}

impl<'r> PathLabels<'r> {
    pub(super) fn read(
        request: &'r PushRequest,
        options: &DecodeOptions,
    ) -> Result<Self, PushRefusal> {
        let mut path = Self::default();
        for (name, value) in &request.labels {
            check_name(name, options.utf8_names)?;
            let rendered = render(name, value);
            path.labels.push(PathLabel { name, rendered });
        }
        path.sort();
        path.check_names_differ()?;
        match request.dialect {
            Dialect::Replace => check_job(&request.labels)?,
            Dialect::Aggregate | Dialect::Sum => {
                path.take_absent(request);
                path.sort();
            }
        }
        Ok(path)
    }

    fn sort(&mut self) {
        self.by_name = (0..self.labels.len()).collect();
        self.by_name.sort_by_key(|index| self.labels[*index].name);
    }

    fn check_names_differ(&self) -> Result<(), PushRefusal> {
        let same = |pair: &&[usize]| self.labels[pair[0]].name == self.labels[pair[1]].name;
        match self.by_name.windows(2).find(same) {
            None => Ok(()),
            Some(pair) => {
                let name = Quoted(self.labels[pair[0]].name);
                let detail = format!("the label {name} stands twice in the path; expected it once");
                Err(invalid_label(detail))
            }
        }
    }

    /// Takes out labels of empty value, and the mode where there is such a thing.
    fn take_absent(&mut self, request: &'r PushRequest) {
        let mut values = request.labels.iter().map(|(_, value)| value.as_str());
        let (mut clear_mode, mut absent) = (None, Vec::new());
        self.labels.retain(|label| {
            let value = values.next().expect("a label for each pair");
            let is_mode = request.dialect == Dialect::Aggregate && label.name == CLEAR_MODE;
            if is_mode && !value.is_empty() {
                clear_mode = Some(value);
            }
            if !is_mode && value.is_empty() {
                absent.push(labels::split(&label.rendered).0.to_owned());
            }
            !is_mode && !value.is_empty()
        });
        (self.clear_mode, self.absent) = (clear_mode, absent);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.by_name.binary_search_by_key(&name, |index| self.labels[*index].name).is_ok()
    }

    /// The series that were pushed with this path. A label of empty value does not widen what is
    /// meant: it stands for the series without it, as it does for a push.
    pub(super) fn matching(&self) -> Matching {
        let pairs = self.labels.iter().map(|label| label.rendered.clone()).collect();
        Matching { pairs, absent: self.absent.clone() }
    }

    /// The group whose key these labels are.
    pub(super) fn group(&self) -> Group {
        let sorted: Vec<&str> =
            self.by_name.iter().map(|index| self.labels[*index].rendered.as_str()).collect();
        Group { labels: sorted.join(",").into() }
    }
}

fn check_name(name: &str, utf8_names: bool) -> Result<(), PushRefusal> {
    if is_label_name_of(name, utf8_names) {
        return Ok(());
    }
    let expected = if utf8_names {
        "one character at least, none of them NUL, and that it does not begin with __"
    } else {
        "[a-zA-Z_][a-zA-Z0-9_]* that does not begin with __"
    };
    let detail = format!("the label name {} in the path; expected {expected}", Quoted(name));
    Err(invalid_label(detail))
}

/// A group's key begins with the job.
fn check_job(labels: &[(String, String)]) -> Result<(), PushRefusal> {
    let expected = "expected /metrics/job/<job>, and more labels after it";
    match labels.first() {
        Some((name, value)) if name == "job" && !value.is_empty() => Ok(()),
        Some((name, _)) if name == "job" => {
            Err(invalid_label(format!("an empty job name in the path; {expected}")))
        }
        Some((name, _)) => Err(invalid_label(format!(
            "the path begins with the label {}; {expected}",
            Quoted(name)
        ))),
        None => Err(invalid_label(format!("a path without job name; {expected}"))),
    }
}

fn render(name: &str, value: &str) -> String {
    let mut rendered = String::with_capacity(name.len() + value.len() + 3);
    push_pair(&mut rendered, name, value);
    rendered
}

fn invalid_label(detail: String) -> PushRefusal {
    PushRefusal { reason: Reason::InvalidLabel, detail }
}
