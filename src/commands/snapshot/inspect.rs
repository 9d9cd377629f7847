//! One snapshot in tables: what it says of itself, where its sources stand,
//! and which families it holds.

use super::table::table;
use crate::checkpoint::codec::Snapshot;
use crate::checkpoint::head::Generation;
use crate::model::{Position, Reason};
use crate::store::SourceState;

pub(super) fn render(snapshot: &Snapshot) -> String {
    let Snapshot { meta, parents, cut } = snapshot;
    let fact = |name: &str, value: String| vec![format!("{name}:"), value];
    let facts = [
        fact("Identity", meta.identity.clone()),
        fact("Generation", meta.generation.to_string()),
        fact("Files", files(parents)),
        fact("Created", meta.created_at.rfc3339()),
        fact("Written by", format!("version {}", meta.writer_version)),
        fact("At shutdown", if meta.clean_shutdown { "yes" } else { "no" }.into()),
        fact("Series", meta.series.to_string()),
        fact("Families", cut.families.len().to_string()),
    ];
    let sources: Vec<_> = cut.sources.iter().map(source).collect();
    let mut families: Vec<_> = cut.families.iter().collect();
    families.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let families: Vec<_> = families
        .into_iter()
        .map(|family| {
            vec![
                family.name.to_string(),
                family.metric_type.to_string(),
                family.labels.len().to_string(),
                family.help.lines().next().unwrap_or_default().to_owned(),
            ]
        })
        .collect();
    let header = ["SOURCE", "POSITION", "PROCESSED", "LOST", "DROPPED"];
    [
        table(&["", ""], &[], &facts).trim_start().to_owned(),
        table(&header, &[2, 3], &sources),
        table(&["FAMILY", "TYPE", "LABEL SETS", "HELP"], &[2], &families),
    ]
    .join("\n")
}

fn files(parents: &[Generation]) -> String {
    match parents {
        [] => "one, whole".into(),
        [.., whole] => format!("{}: {whole}, and what changed since", parents.len() + 1),
    }
}

fn source(source: &SourceState) -> Vec<String> {
    let tally = &source.tally;
    let dropped: Vec<_> = Reason::ALL
        .into_iter()
        .filter(|reason| tally.dropped[*reason as usize] > 0)
        .map(|reason| format!("{reason} {}", tally.dropped[reason as usize]))
        .collect();
    vec![
        format!("{}:{}", source.key.kind.as_str(), source.key.key),
        position(&source.position),
        tally.processed.to_string(),
        tally.lost.to_string(),
        if dropped.is_empty() { "-".into() } else { dropped.join(", ") },
    ]
}

fn position(position: &Position) -> String {
    match position {
        Position::List(list) => match list.remaining {
            Some(remaining) => format!("segment {}, {remaining} items to go", list.segment),
            None => format!("segment {}, not looked at", list.segment),
        },
        Position::Group(group) => {
            format!("up to {}, {} unacknowledged", group.last, group.unacknowledged.len())
        }
        Position::Reader(reader) => match reader.entries_consumed {
            Some(consumed) => format!("up to {}, {consumed} entries", reader.last),
            None => format!("up to {}", reader.last),
        },
        Position::Push(push) => format!("up to record {}", push.next),
    }
}
