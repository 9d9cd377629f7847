//! Keys that a cluster keeps together: those with the same *hash tag* lie in one slot.
//!
//! The tag is what stands between the first `{` and the next `}`, unless that
//! is nothing; of a key without one, all of it counts.

/// The tag that a key carries.
fn hash_tag(key: &str) -> Option<&str> {
    let (_, rest) = key.split_once('{')?;
    let (tag, _) = rest.split_once('}')?;
    (!tag.is_empty()).then_some(tag)
}

/// A name to derive keys from that lie in the slot of `key`: a key that carries a tag keeps it,
/// any other becomes one.
pub fn tagged(key: &str) -> String {
    if hash_tag(key).is_some() { key.to_owned() } else { format!("{{{key}}}") }
}

/// Whether keys can be derived from `key` that lie in its slot. What has no tag and cannot become
/// one has a `}` in it, where the tag would end.
pub fn can_be_tagged(key: &str) -> bool {
    hash_tag(key).is_some() || hash_tag(&tagged(key)) == Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_keys_lie_in_the_slot_of_their_key() {
        for (key, expected) in [
            ("jobs:metrics", "{jobs:metrics}"),
            ("{jobs}", "{jobs}"),
            ("{jobs}:metrics", "{jobs}:metrics"),
            ("a}b{jobs}", "a}b{jobs}"),
            ("a{b", "{a{b}"),
        ] {
            assert_eq!((tagged(key).as_str(), can_be_tagged(key)), (expected, true), "{key}");
        }
        for key in ["a}b", "{}x", "}", "{}", "x{}{y}"] {
            assert!(!can_be_tagged(key), "{key}");
        }
    }
}
