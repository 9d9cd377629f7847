//! The objects, and what a bucket does with them.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::wire::Answer;

/// Keys of one page of a list: so few that a short list needs a second.
const PAGE: usize = 2;

#[derive(Default)]
pub(super) struct Bucket {
    objects: BTreeMap<String, Object>,
}

pub(super) struct Object {
    pub(super) bytes: Vec<u8>,
}

impl Object {
    /// Of the content, as the service has it: the same bytes have the same tag.
    pub(super) fn e_tag(&self) -> String {
        format!("\"{:x}\"", Sha256::digest(&self.bytes))
    }
}

impl Bucket {
    pub(super) fn get(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)
    }

    pub(super) fn keys<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.objects.keys().map(String::as_str).filter(move |key| key.starts_with(prefix))
    }

    /// Only if the conditions among the headers hold.
    pub(super) fn put(
        &mut self,
        key: &str,
        bytes: Vec<u8>,
        headers: &BTreeMap<String, String>,
    ) -> Answer {
        let present = self.objects.get(key).map(Object::e_tag);
        match (headers.get("if-match"), headers.get("if-none-match").map(String::as_str)) {
            (Some(_), _) if present.is_none() => return Answer::error(404, "NoSuchKey"),
            (Some(wanted), _) if present.as_ref() != Some(wanted) => {
                return Answer::error(412, "PreconditionFailed");
            }
            (_, Some("*")) if present.is_some() => {
                return Answer::error(412, "PreconditionFailed");
            }
            (_, None | Some("*")) => {}
            (_, Some(_)) => return Answer::error(501, "NotImplemented"),
        }
        let object = Object { bytes };
        let e_tag = object.e_tag();
        self.objects.insert(key.into(), object);
        Answer::object(e_tag, Vec::new())
    }

    pub(super) fn delete(&mut self, key: &str) -> Answer {
        self.objects.remove(key);
        Answer::empty(204)
    }

    /// DeleteObjects: the keys stand in an XML document.
    pub(super) fn delete_all(&mut self, body: &[u8]) -> Answer {
        let text = String::from_utf8_lossy(body);
        let named = text.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
        let mut deleted = String::new();
        for (key, _) in named {
            self.objects.remove(key);
            deleted += &format!("<Deleted><Key>{key}</Key></Deleted>");
        }
        Answer::xml(&format!("<DeleteResult>{deleted}</DeleteResult>"))
    }

    /// ListObjectsV2; the token for the next page is the last key of this one.
    pub(super) fn list(&self, query: &BTreeMap<String, String>) -> Answer {
        let text = |name: &str| query.get(name).map_or("", String::as_str);
        if text("list-type") != "2" || query.contains_key("delimiter") {
            return Answer::error(501, "NotImplemented");
        }
        let after = text("continuation-token");
        let mut rest = self.keys(text("prefix")).filter(|key| *key > after);
        let page: Vec<_> = rest.by_ref().take(PAGE).collect();
        let truncated = rest.next().is_some();
        let contents: String = page
            .iter()
            .map(|key| {
                let object = &self.objects[*key];
                format!(
                    "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z\
                     </LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
                    object.e_tag(),
                    object.bytes.len()
                )
            })
            .collect();
        let next = match page.last() {
            Some(last) if truncated => {
                format!("<NextContinuationToken>{last}</NextContinuationToken>")
            }
            _ => String::new(),
        };
        Answer::xml(&format!(
            "<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{contents}{next}\
             </ListBucketResult>"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(name.into(), value.into())])
    }

    #[test]
    fn a_put_whose_condition_fails_changes_nothing() {
        let mut bucket = Bucket::default();
        let create = headers("if-none-match", "*");
        let on = |e_tag: &str| headers("if-match", e_tag);
        assert_eq!(bucket.put("k", b"0".to_vec(), &on("\"x\"")).status, 404);
        assert_eq!(bucket.put("k", b"1".to_vec(), &create).status, 200);
        assert_eq!(bucket.put("k", b"2".to_vec(), &create).status, 412);
        assert_eq!(bucket.put("k", b"3".to_vec(), &on("\"x\"")).status, 412);
        let e_tag = bucket.get("k").unwrap().e_tag();
        assert_eq!(bucket.get("k").unwrap().bytes, b"1");
        assert_eq!(bucket.put("k", b"4".to_vec(), &on(&e_tag)).status, 200);
        assert_eq!(bucket.put("k", b"5".to_vec(), &on(&e_tag)).status, 412);
        assert_eq!(bucket.get("k").unwrap().bytes, b"4");
    }
}
