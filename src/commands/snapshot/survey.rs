//! Every snapshot there is, examined: what `list` and `verify` print.

use std::collections::BTreeMap;

use super::table::{size, table};
use crate::checkpoint::Storage;
use crate::checkpoint::codec::Meta;
use crate::checkpoint::head::{Generation, HeadEntry};
use crate::checkpoint::resolve::Candidate;
use crate::checkpoint::restore::examine;
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
    retained: bool,
    /// `None`: it does not exist.
    size_bytes: Option<u64>,
    verdict: Result<Meta, String>,
}

/// Examines all that `head` names and all that exist.
pub(super) async fn survey(storage: &Storage) -> Result<Survey, StorageError> {
    let mut survey = look_once(storage).await?;
    for _ in 1..ATTEMPTS {
        // A running gateway deletes what it displaced, perhaps between our reads.
        if survey.found.iter().all(|one| one.size_bytes.is_some()) {
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

    let mut found = Vec::with_capacity(entries.len());
    for (generation, entry) in entries.into_iter().rev() {
        let retained = entry.is_some();
        let examined = examine(storage, &Candidate { generation, entry }).await?;
        found.push(Finding {
            generation,
            retained,
            size_bytes: sizes.get(&generation).copied(),
            verdict: examined.map(|verified| verified.snapshot.meta),
        });
    }
    Ok(Survey { place: format!("{}/{}", storage.place(), storage.identity()), head_error, found })
}

impl Survey {
    pub(super) fn list(&self) -> String {
        if self.found.is_empty() && self.head_error.is_none() {
            return format!("no snapshots in {}\n", self.place);
        }
        let rows: Vec<_> = self.found.iter().map(Finding::row).collect();
        let header = ["GENERATION", "CREATED", "SIZE", "SERIES", "HEAD", "STATE"];
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
        for one in self.found.iter().filter(|one| all || one.retained) {
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
    fn row(&self) -> Vec<String> {
        let meta = self.verdict.as_ref().ok();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        vec![
            self.generation.to_string(),
            or_dash(meta.map(|meta| meta.created_at.rfc3339())),
            or_dash(self.size_bytes.map(size)),
            or_dash(meta.map(|meta| meta.series.to_string())),
            if self.retained { "yes" } else { "no" }.into(),
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
