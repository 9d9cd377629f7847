//! `/api/v1/metrics`: what each group holds, in the shape of the Pushgateway's API.
//!
//! Series that belong to no group are left out; `/metrics` has them all. The answer is written
//! while it is read from one cut of the state, on a blocking thread.

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::reply::{self, Response};
use super::{Shared, cuts};
use crate::model::Timestamp;
use crate::model::labels;
use crate::model::push::{PUSH_FAILURE_TIME, PUSH_TIME};
use crate::store::{Cut, Family, Values};

mod family;

use family::FamilyView;

/// Keys of a group beside its families, which cannot have these names here.
const LABELS: &str = "labels";
const LAST_PUSH_SUCCESSFUL: &str = "last_push_successful";

pub(super) async fn groups(shared: Shared) -> Response {
    let missing = shared.context.status.missing();
    let store = match shared.context.store.get() {
        Some(store) if missing.is_empty() => store,
        _ => return not_yet(&missing.join("; ")),
    };
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "cannot write the groups");
        reply::text(StatusCode::INTERNAL_SERVER_ERROR, "cannot write the groups\n")
    };
    let (turn, view) = match cuts::settled(&shared, store).await {
        Ok(settled) => settled,
        Err(error) => return failed(&error),
    };
    let written = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        serde_json::to_vec(&Answer { status: "success", data: Groups(&view.cut) })
    });
    match written.await {
        Ok(Ok(body)) => {
            let mut response = reply::bytes(StatusCode::OK, body);
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

fn not_yet(why: &str) -> Response {
    let view = serde_json::json!({ "status": "error", "reason": "unavailable", "detail": why });
    let mut response = reply::json(StatusCode::SERVICE_UNAVAILABLE, &view);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

#[derive(Serialize)]
struct Answer<'a> {
    status: &'static str,
    data: Groups<'a>,
}

struct Groups<'a>(&'a Cut);

/// One group, and which rows of which families are its own.
struct GroupView<'a> {
    labels: &'a str,
    members: Vec<(&'a Family, Vec<usize>)>,
    now: Timestamp,
}

impl Serialize for Groups<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(cut) = *self;
        let mut groups: Vec<GroupView> = cut
            .groups
            .iter()
            .map(|labels| GroupView { labels, members: Vec::new(), now: cut.taken_at })
            .collect();
        let mut families: Vec<&Family> = cut.families.iter().collect();
        families.sort_unstable_by_key(|family| &family.name);
        for family in families {
            for row in family.rows() {
                let Some(group) = family.group(row).and_then(|group| groups.get_mut(group)) else {
                    continue;
                };
                match group.members.last_mut() {
                    Some((last, rows)) if std::ptr::eq(*last, family) => rows.push(row),
                    _ => group.members.push((family, vec![row])),
                }
            }
        }
        // A group that was deleted keeps its place for a while.
        serializer.collect_seq(groups.iter().filter(|group| !group.members.is_empty()))
    }
}

impl GroupView<'_> {
    /// The value of a family that has one series in each group.
    fn only(&self, name: &str) -> Option<f64> {
        let (family, rows) = self.members.iter().find(|(family, _)| *family.name == *name)?;
        match &family.values {
            Values::Scalars(values) => values.get(*rows.first()?).copied(),
            _ => None,
        }
    }
}

impl Serialize for GroupView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (pushed, failed) = (self.only(PUSH_TIME), self.only(PUSH_FAILURE_TIME));
        let successful = failed.is_none_or(|failed| pushed.is_some_and(|pushed| pushed > failed));
        let seconds = pushed.filter(|pushed| *pushed > 0.0).or(failed);
        let at = seconds.map_or(self.now, |seconds| Timestamp((seconds * 1000.0) as u64));
        let time_stamp = at.rfc3339();
        let mut group = serializer.serialize_map(None)?;
        group.serialize_entry(LABELS, &LabelSet(self.labels))?;
        group.serialize_entry(LAST_PUSH_SUCCESSFUL, &successful)?;
        for (family, rows) in &self.members {
            if ![LABELS, LAST_PUSH_SUCCESSFUL].contains(&&*family.name) {
                let view = FamilyView { family, rows, time_stamp: &time_stamp, now: self.now };
                group.serialize_entry(&*family.name, &view)?;
            }
        }
        group.end()
    }
}

/// A label text, as an object.
struct LabelSet<'a>(&'a str);

impl Serialize for LabelSet<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(labels::pairs(self.0).map(|pair| {
            let (name, value) = labels::split(pair);
            (labels::unquoted(name), labels::unescaped(value))
        }))
    }
}

#[cfg(test)]
mod tests;
