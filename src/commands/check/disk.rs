//! Can snapshots and pushes be kept where they are to be?

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::Outcome;
use crate::checkpoint::Storage;
use crate::checkpoint::storage::StorageError;
use crate::config::{Config, SnapshotPlace};
use crate::gateway::journal_directory;

/// How long a remote snapshot store may take to answer.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn snapshot_store(config: &Config) -> Outcome {
    match config.snapshot.url.place() {
        SnapshotPlace::Directory(directory) => {
            let of_identity = directory.join(&config.gateway.identity);
            let tried =
                try_write(&of_identity).and_then(|()| try_write(&of_identity.join("snapshots")));
            kept_in(directory, tried, "set Snapshot.Url")
        }
        SnapshotPlace::Memory(_) | SnapshotPlace::Bucket(_) => remote(config).await,
    }
}

pub(super) fn journal(config: &Config) -> Outcome {
    if !config.keeps_a_journal() {
        return Outcome::Works("not needed: pushes are not kept here".into());
    }
    match journal_directory(config) {
        None => Outcome::Works("in memory: a crash loses pushes that no snapshot covers".into()),
        Some(directory) => kept_in(
            &directory,
            try_write(&directory).and_then(|()| try_files(&directory)),
            "set Push.Journal",
        ),
    }
}

fn kept_in(directory: &Path, tried: io::Result<()>, setting: &str) -> Outcome {
    match tried {
        Ok(()) => Outcome::Works(format!("{} can be written", directory.display())),
        Err(error) => Outcome::Failed {
            error: format!("{}: {error}", directory.display()),
            next_step: format!("give this user the directory and what is in it, or {setting}"),
        },
    }
}

/// Reads what is there, and writes an object beside it: writing a snapshot would take the identity
/// from its owner.
async fn remote(config: &Config) -> Outcome {
    let url = &config.snapshot.url;
    let tried = async {
        let storage = Storage::open_existing(url, &config.gateway.identity)?;
        storage.read_head().await?;
        let snapshots = storage.list().await?.len();
        storage.try_write().await?;
        Ok::<_, StorageError>(snapshots)
    };
    match timeout(STORE_PATIENCE, tried).await {
        Ok(Ok(snapshots)) => {
            Outcome::Works(format!("{url} can be written and holds {snapshots} snapshots"))
        }
        Ok(Err(error)) => Outcome::Failed {
            error: format!("{url}: {:#}", anyhow::Error::from(error)),
            next_step: "are Snapshot.Url and the cloud credentials in the environment right?"
                .into(),
        },
        Err(_) => Outcome::Failed {
            error: format!("{url}: no answer within {STORE_PATIENCE:?}"),
            next_step: "is the endpoint reachable from here?".into(),
        },
    }
}

/// Writes and removes a file, and the directories that were not there before.
fn try_write(directory: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        directory.ancestors().take_while(|path| path != &Path::new("") && !path.exists()).collect();
    std::fs::create_dir_all(directory)?;
    let probe = directory.join(format!(".check-{}", std::process::id()));
    std::fs::write(&probe, b"check")?;
    std::fs::remove_file(&probe)?;
    missing.into_iter().try_for_each(std::fs::remove_dir)
}

/// Whether every file there may be read and written, by which another user's are found.
fn try_files(directory: &Path) -> io::Result<()> {
    let files = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        files => files?,
    };
    for file in files {
        let path = file?.path();
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        opened.map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::check::tests::config;

    #[tokio::test]
    async fn a_writable_directory_works_and_is_left_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        for directory in [root.path().to_owned(), root.path().join("new/data")] {
            let config = config(&[&format!("Snapshot.Url={}", directory.display())]);
            assert!(matches!(snapshot_store(&config).await, Outcome::Works(_)));
            assert!(matches!(journal(&config), Outcome::Works(_)));
        }
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_file_in_place_of_the_directory_fails_with_a_next_step() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display();
        let config = config(&[
            &format!("Snapshot.Url=file://{path}/data"),
            &format!("Push.Journal={path}/j"),
        ]);
        for (outcome, setting) in
            [(snapshot_store(&config).await, "Snapshot.Url"), (journal(&config), "Push.Journal")]
        {
            let Outcome::Failed { error, next_step } = outcome else {
                panic!("a file cannot hold a directory");
            };
            assert!(error.starts_with(&path.to_string()), "{error}");
            assert!(next_step.contains(setting), "{next_step}");
        }
    }

    #[test]
    fn what_is_in_the_journal_is_looked_at() {
        let root = tempfile::tempdir().unwrap();
        let config = config(&[&format!("Push.Journal={}", root.path().display())]);
        // A directory cannot be written to as a file, whoever asks.
        std::fs::create_dir_all(root.path().join("default/7.journal")).unwrap();
        let Outcome::Failed { error, .. } = journal(&config) else { panic!("it cannot be read") };
        assert!(error.contains("7.journal"), "{error}");
    }

    #[tokio::test]
    async fn a_remote_store_is_asked() {
        let config = config(&["Snapshot.Url=memory:///state"]);
        let Outcome::Works(found) = snapshot_store(&config).await else {
            panic!("memory answers");
        };
        assert_eq!(found, "memory:///state can be written and holds 0 snapshots");
        let again = snapshot_store(&config).await;
        assert!(matches!(again, Outcome::Works(_)), "nothing was left");
    }
}
