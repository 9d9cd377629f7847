//! The environment layer: `Section__Key=value`, for our sections only.
//!
//! An empty value counts as not set: that is what `${UNSET}` in a compose file leaves behind.
//! Everything else in the environment belongs to others, with one exception: the two
//! variables in which .NET images carry their listen address.

use std::ffi::OsString;

use super::SECTIONS;
use super::error::Problem;
use super::layer::{Layer, normalize};
use super::origin::Origin;
use super::value::Raw;

pub(crate) const ASPNETCORE_SECTION: &str = "aspnetcore";

pub(crate) fn layer(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Layer {
    let mut layer = Layer::default();
    for (name, value) in variables {
        // A name that is not UTF-8 cannot be one of ours.
        let Some(name) = name.to_str() else { continue };
        let Some(path) = path(name) else { continue };
        let origin = Origin::Environment(name.to_owned());
        match value.to_str() {
            Some(value) if value.trim().is_empty() => {}
            Some(value) => layer.insert(&path, Raw::Text(value.to_owned()), origin),
            None => layer.problems.push(Problem::NotUnicode { origin }),
        }
    }
    layer.gather_lists()
}

fn path(name: &str) -> Option<Vec<&str>> {
    match name {
        "ASPNETCORE_URLS" => return Some(vec![ASPNETCORE_SECTION, "urls"]),
        "ASPNETCORE_HTTP_PORTS" => return Some(vec![ASPNETCORE_SECTION, "httpports"]),
        _ => {}
    }
    let path: Vec<&str> = name.split("__").collect();
    let section = normalize(path[0]);
    let ours = SECTIONS.iter().any(|known| normalize(known) == section);
    (ours && path.len() > 1).then_some(path)
}
