//! Every snapshot there is, examined: what `list` and `verify` print.

use std::collections::BTreeMap;

use super::table::{size, table};
use crate::checkpoint::Storage;
use crate::checkpoint::codec::Meta;
use crate::checkpoint::head::{Generation, HeadEntry};
use crate::checkpoint::reading::{Reading, examine};
use crate::checkpoint::resolve::Candidate;
use crate::checkpoint::storage::{ReadHead, StorageError};

/// How often to look again when a gateway writes checkpoints meanwhile.
const ATTEMPTS: u32 = 5;

pub(super) struct Survey {
    /// Where, for messages.
    place: String,
    /// What is wrong with `head`.
    head_error: Option<String>,
    /// Newest first.
    found: Vec<Finding>,
}

struct Finding {
    generation: Generation,
    role: Role,
    /// What it says the changes since; `None`: it is whole, or nobody knows.
    parent: Option<Generation>,
    /// `None`: it does not exist.
    size_bytes: Option<u64>,
    verdict: Result<Meta, String>,
}

/// What `head` says of a file.
enum Role {
    Retained,
    /// One that is retained builds upon it.
    PartOf(Generation),
    Unnamed,
}

/// Examines all that `head` names and all that exist.
pub(super) async fn survey(storage: &Storage) -> Result<Survey, StorageError> {
    let mut survey = look_once(storage).await?;
    for _ in 1..ATTEMPTS {
        // A running gateway deletes what it displaced, perhaps between our reads.
        if survey.found.iter().all(|one| one.size_bytes.is_some() && !one.is_bad()) {
            break;
        }
        survey = look_once(storage).await?;
    }
    Ok(survey)
}

async fn look_once(storage: &Storage) -> Result<Survey, StorageError> {
    let listed = storage.list().await?;
    let (retained, head_error) = match storage.read_head().await? {
        ReadHead::Present(head, _) => (head.retained, None),
        ReadHead::Corrupt { why, .. } => (Vec::new(), Some(why)),
        ReadHead::Missing if listed.is_empty() => (Vec::new(), None),
        ReadHead::Missing => (Vec::new(), Some("it does not exist".into())),
    };
    let sizes: BTreeMap<_, _> =
        listed.iter().map(|listed| (listed.generation, listed.size_bytes)).collect();
    let mut entries: BTreeMap<Generation, Option<HeadEntry>> =
        sizes.keys().map(|generation| (*generation, None)).collect();
    entries.extend(retained.into_iter().map(|entry| (entry.generation(), Some(entry))));

    let retained: Vec<&HeadEntry> = entries.values().flatten().collect();
    let part_of = |generation: Generation| {
        retained.iter().find(|entry| entry.parents().any(|parent| parent == generation))
    };
    let mut found = Vec::with_capacity(entries.len());
    for (&generation, entry) in entries.iter().rev() {
        let role = match (entry, part_of(generation)) {
            (Some(_), _) => Role::Retained,
            (None, Some(entry)) => Role::PartOf(entry.generation()),
            (None, None) => Role::Unnamed,
        };
        let (parent, verdict) = match &role {
            // It was looked at with the one that needs it; by itself it may be whole all the same.
            Role::PartOf(_) => alone(storage, generation).await?,
            Role::Retained | Role::Unnamed => {
                let candidate = Candidate { generation, entry: entry.clone() };
                let examined = examine(storage, &candidate).await?.map(|one| one.snapshot);
                let parent = examined.as_ref().ok().and_then(|one| one.parents.first().copied());
                (parent, examined.map(|one| one.meta))
            }
        };
        let size_bytes = sizes.get(&generation).copied();
        found.push(Finding { generation, role, parent, size_bytes, verdict });
    }
    Ok(Survey { place: format!("{}/{}", storage.place(), storage.identity()), head_error, found })
}

/// One file, without those that it builds upon.
async fn alone(
    storage: &Storage,
    generation: Generation,
) -> Result<(Option<Generation>, Result<Meta, String>), StorageError> {
    let mut reading = Reading::new(&Candidate { generation, entry: None }, storage.identity());
    let file = storage.read_snapshot(generation).await?;
    let verdict = reading.add(file.as_deref());
    Ok((reading.wanted(), verdict.map(|()| reading.meta().expect("it was read"))))
}

impl Survey {
    pub(super) fn list(&self) -> String {
        if self.found.is_empty() && self.head_error.is_none() {
            return format!("no snapshots in {}\n", self.place);
        }
        let rows: Vec<_> = self.found.iter().map(Finding::row).collect();
        let header = ["GENERATION", "CREATED", "SIZE", "SERIES", "SINCE", "HEAD", "STATE"];
        let mut text = table(&header, &[2, 3], &rows);
        if let Some(why) = &self.head_error {
            text.push_str(&format!("head: {why}\n"));
        }
        text
    }

    /// What was checked, and whether it is sound.
    pub(super) fn verify(&self, all: bool) -> (String, bool) {
        let mut text = String::new();
        let mut sound = self.head_error.is_none();
        if let Some(why) = &self.head_error {
            text.push_str(&format!("head: {why}\n"));
        }
        // Without a head, every snapshot may be the one that counts.
        let all = all || self.head_error.is_some();
        for one in self.found.iter().filter(|one| all || matches!(one.role, Role::Retained)) {
            sound &= one.verdict.is_ok();
            text.push_str(&format!("{}: {}\n", one.generation, one.state()));
        }
        if text.is_empty() {
            text = format!("no snapshots in {}\n", self.place);
        }
        (text, sound)
    }
}

impl Finding {
    fn is_bad(&self) -> bool {
        matches!(self.role, Role::Retained) && self.verdict.is_err()
    }

    fn row(&self) -> Vec<String> {
        let meta = self.verdict.as_ref().ok();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        vec![
            self.generation.to_string(),
            or_dash(meta.map(|meta| meta.created_at.rfc3339())),
            or_dash(self.size_bytes.map(size)),
            or_dash(meta.map(|meta| meta.series.to_string())),
            or_dash(self.parent.map(|parent| parent.to_string())),
            match self.role {
                Role::Retained => "yes".into(),
                Role::PartOf(newer) => format!("for {newer}"),
                Role::Unnamed => "no".into(),
            },
            self.state(),
        ]
    }

    fn state(&self) -> String {
        match &self.verdict {
            Ok(_) => "valid".into(),
            Err(why) => why.clone(),
        }
    }
}
