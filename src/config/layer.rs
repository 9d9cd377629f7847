//! One layer of settings: a file, the environment or the flags, flattened.
//!
//! Every layer becomes the same thing, a map from [`Key`] to [`Setting`], whatever it was
//! written in. Keys match ignoring case, `_` and `-`: `Redis__MetricQueueWorkers`,
//! `REDIS__METRIC_QUEUE_WORKERS` and `[redis] metric_queue_workers` are the same key.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::error::Problem;
use super::origin::Origin;
use super::value::Raw;

/// A key in the form in which keys are compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) section: String,
    /// Deeper levels, as .NET's `LogLevel:Default`, are joined with `:`.
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new<'a>(path: impl IntoIterator<Item = &'a str>) -> Self {
        let mut path = path.into_iter().map(normalize);
        let section = path.next().unwrap_or_default();
        Self { section, name: path.collect::<Vec<_>>().join(":") }
    }

    /// From `Section.Key`.
    pub(crate) fn dotted(name: &str) -> Self {
        Self::new(name.split('.'))
    }
}

pub(crate) fn normalize(text: &str) -> String {
    text.trim().chars().filter(|c| !"_-".contains(*c)).flat_map(char::to_lowercase).collect()
}

/// A value, as one layer gives it.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) value: Raw,
    pub(crate) origin: Origin,
    /// The key as it was written.
    pub(crate) spelled: String,
}

#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub(crate) settings: BTreeMap<Key, Setting>,
    pub(crate) problems: Vec<Problem>,
}

impl Layer {
    /// Adds a setting; a key that is there already under another spelling is a problem,
    /// because either value could be the one that is meant.
    pub(crate) fn insert(&mut self, path: &[&str], value: Raw, origin: Origin) {
        let spelled = path.join(".");
        match self.settings.entry(Key::new(path.iter().copied())) {
            Entry::Vacant(vacant) => {
                vacant.insert(Setting { value, origin, spelled });
            }
            Entry::Occupied(occupied) => {
                let first = occupied.get();
                self.problems.push(Problem::Twice {
                    key: spelled.clone(),
                    first: place(first),
                    second: place(&Setting { value, origin, spelled }),
                });
            }
        }
    }

    /// Adds a setting; the last one wins, as with flags.
    pub(crate) fn replace(&mut self, path: &[&str], value: Raw, origin: Origin) {
        let setting = Setting { value, origin, spelled: path.join(".") };
        self.settings.insert(Key::new(path.iter().copied()), setting);
    }

    /// Gathers .NET's numbered items, `Stream:Keys:0`, `Stream:Keys:1`, into lists.
    pub(crate) fn gather_lists(mut self) -> Self {
        let mut lists: BTreeMap<Key, BTreeMap<u32, Setting>> = BTreeMap::new();
        let all = std::mem::take(&mut self.settings);
        for (key, setting) in all {
            let numbered = key.name.rsplit_once(':').and_then(|(name, number)| {
                let list = Key { section: key.section.clone(), name: name.to_owned() };
                Some((list, number.parse::<u32>().ok()?))
            });
            match numbered {
                Some((list, number)) => {
                    lists.entry(list).or_default().insert(number, setting);
                }
                None => {
                    self.settings.insert(key, setting);
                }
            }
        }
        for (key, items) in lists {
            let Some(first) = items.values().next().cloned() else { continue };
            let texts = items.values().filter_map(|item| item.value.text().map(str::to_owned));
            let list = Setting { value: Raw::List(texts.collect()), ..first };
            if let Some(whole) = self.settings.get(&key) {
                self.problems.push(Problem::Twice {
                    key: whole.spelled.clone(),
                    first: place(whole),
                    second: place(&list),
                });
            }
            self.settings.insert(key, list);
        }
        self
    }
}

fn place(setting: &Setting) -> String {
    match &setting.origin {
        origin @ Origin::Environment(_) => origin.to_string(),
        origin => format!("{} ({origin})", setting.spelled),
    }
}
