//! All layers merged, and handed out key by key.
//!
//! Each part of the configuration takes its keys here; what nobody has taken at the end is
//! unknown. Taking also notes the resolved value and its origin, which is what `check` prints.
//! A value that is not valid is noted as a problem and its default handed out, so that the
//! other problems are found in the same run.

use std::collections::BTreeMap;

use super::SECTIONS;
use super::error::{ConfigError, Hint, Problem, Warning};
use super::layer::{Key, Layer, Setting, normalize};
use super::origin::Origin;
use super::value::Rule;

/// A setting as it is in force, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedSetting {
    /// `Section.Key`.
    pub key: &'static str,
    pub value: String,
    pub origin: Origin,
}

#[derive(Debug, Default)]
pub(crate) struct Settings {
    settings: BTreeMap<Key, Setting>,
    /// Every key that was asked for, so every key there is.
    known: Vec<&'static str>,
    pub(crate) resolved: Vec<ResolvedSetting>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Warning>,
}

impl Settings {
    /// Later layers win.
    pub(crate) fn merge(layers: impl IntoIterator<Item = Layer>) -> Self {
        let mut merged = Self::default();
        for layer in layers {
            merged.settings.extend(layer.settings);
            merged.problems.extend(layer.problems);
        }
        merged
    }

    /// The setting as it was written; the caller resolves it.
    pub(crate) fn take_raw(&mut self, key: &'static str) -> Option<Setting> {
        self.known.push(key);
        self.remove(key)
    }

    /// Takes a key that exists for compatibility only, and is not suggested to anybody.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Setting> {
        self.settings.remove(&Key::dotted(key))
    }

    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.settings.contains_key(&Key::dotted(key))
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.settings.get(&Key::dotted(key))?.value.text()
    }

    /// Notes a key that took its value from elsewhere.
    pub(crate) fn resolve_known(&mut self, key: &'static str, value: String, origin: Origin) {
        self.known.push(key);
        self.resolve(key, value, origin);
    }

    pub(crate) fn resolve(&mut self, key: &'static str, value: String, origin: Origin) {
        self.resolved.push(ResolvedSetting { key, value, origin });
    }

    pub(crate) fn take<R: Rule>(
        &mut self,
        key: &'static str,
        rule: R,
        default: R::Value,
    ) -> R::Value {
        let (value, origin) = self.read(key, &rule).unwrap_or((default, Origin::Default));
        self.resolve(key, rule.show(&value), origin);
        value
    }

    /// A key without a default. Empty text unsets it.
    pub(crate) fn take_optional<R: Rule>(
        &mut self,
        key: &'static str,
        rule: R,
    ) -> Option<R::Value> {
        if self.text(key) == Some("") {
            self.remove(key);
        }
        let (value, origin) = match self.read(key, &rule) {
            Some((value, origin)) => (Some(value), origin),
            None => (None, Origin::Default),
        };
        let shown = value.as_ref().map_or_else(String::new, |value| rule.show(value));
        self.resolve(key, shown, origin);
        value
    }

    fn read<R: Rule>(&mut self, key: &'static str, rule: &R) -> Option<(R::Value, Origin)> {
        let setting = self.take_raw(key)?;
        let value = rule.parse(&setting.value);
        if value.is_none() {
            self.problems.push(Problem::Value {
                key,
                value: rule.show_refused(&setting.value),
                origin: setting.origin.clone(),
                expected: rule.expected(),
            });
        }
        Some((value?, setting.origin))
    }

    /// Lets another key stand in for `key` when that is not set.
    pub(crate) fn stand_in(&mut self, key: &'static str, other: &str) {
        if let Some(setting) = self.remove(other) {
            self.settings.entry(Key::dotted(key)).or_insert(setting);
        }
    }

    /// Drops what the filter says, without a word.
    pub(crate) fn ignore(&mut self, filter: impl Fn(&Key, &Origin) -> bool) {
        self.settings.retain(|key, setting| !filter(key, &setting.origin));
    }

    pub(crate) fn origin(&self, key: &str) -> Option<&Origin> {
        self.resolved.iter().find(|setting| setting.key == key).map(|setting| &setting.origin)
    }

    /// Judges what nobody has taken.
    pub(crate) fn finish(mut self) -> Result<(Vec<ResolvedSetting>, Vec<Warning>), ConfigError> {
        for (key, Setting { origin, spelled, .. }) in std::mem::take(&mut self.settings) {
            let hint = self.hint(&key);
            if origin.is_ours_alone() {
                self.problems.push(Problem::Unknown { key: spelled, origin, hint });
            } else if SECTIONS.iter().any(|section| normalize(section) == key.section) {
                self.warnings.push(Warning::Unknown { key: spelled, origin, hint });
            }
        }
        if self.problems.is_empty() {
            Ok((self.resolved, self.warnings))
        } else {
            Err(ConfigError::Invalid(self.problems))
        }
    }

    fn hint(&self, unknown: &Key) -> Option<Hint> {
        let known = || self.known.iter().map(|name| (*name, Key::dotted(name)));
        if let Some((name, _)) = known().find(|(_, key)| key.name == unknown.name) {
            return Some(Hint::OtherSection(name));
        }
        let similarity = |key: &Key| {
            if key.section == unknown.section
                && unknown.name.len() >= 3
                && key.name.contains(&unknown.name)
            {
                return 0.9;
            }
            strsim::normalized_damerau_levenshtein(
                &format!("{}.{}", key.section, key.name),
                &format!("{}.{}", unknown.section, unknown.name),
            )
        };
        known()
            .map(|(name, key)| (similarity(&key), name))
            .filter(|(similarity, _)| *similarity >= 0.6)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, name)| Hint::Similar(name))
    }
}
