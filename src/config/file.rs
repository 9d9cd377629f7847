//! The file layer: our own TOML, or the C# gateway's `appsettings.json`.

use std::fs;
use std::path::Path;

use super::error::ConfigError;
use super::json_comments;
use super::layer::Layer;
use super::origin::Origin;
use super::value::Raw;

pub(crate) fn layer(path: &Path) -> Result<Layer, ConfigError> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let parse = match extension.to_ascii_lowercase().as_str() {
        "toml" => toml_layer,
        "json" => json_layer,
        _ => return Err(ConfigError::Extension { path: path.into() }),
    };
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.into(), source })?;
    // Windows editors start a file with a byte order mark; neither format has one.
    parse(text.trim_start_matches('\u{feff}'), path)
}

fn toml_layer(text: &str, path: &Path) -> Result<Layer, ConfigError> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
        ConfigError::Toml { path: path.into(), line, reason: error.message().to_owned() }
    })?;
    let mut layer = Layer::default();
    flatten_toml(
        &mut layer,
        &mut Vec::new(),
        &toml::Value::Table(table),
        &Origin::Toml(path.into()),
    );
    Ok(layer.gather_lists())
}

fn flatten_toml<'a>(
    layer: &mut Layer,
    path: &mut Vec<&'a str>,
    value: &'a toml::Value,
    origin: &Origin,
) {
    let scalar = |value: &toml::Value| match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Array(_) | toml::Value::Table(_) => None,
        other => Some(other.to_string()),
    };
    match value {
        toml::Value::Table(table) => {
            for (name, value) in table {
                path.push(name);
                flatten_toml(layer, path, value, origin);
                path.pop();
            }
        }
        toml::Value::Array(items) => {
            // What is neither a value nor a list of values keeps its place, as an unknown key.
            let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
            let raw = texts.map_or_else(|| Raw::Text(value.to_string()), Raw::List);
            layer.insert(path, raw, origin.clone());
        }
        value => {
            let text = scalar(value).expect("arrays and tables are handled above");
            layer.insert(path, Raw::Text(text), origin.clone());
        }
    }
}

fn json_layer(text: &str, path: &Path) -> Result<Layer, ConfigError> {
    let value: serde_json::Value = serde_json::from_str(&json_comments::blank_out(text))
        .map_err(|source| ConfigError::Json { path: path.into(), source })?;
    let mut layer = Layer::default();
    flatten_json(&mut layer, &mut Vec::new(), &value, &Origin::AppSettings(path.into()));
    Ok(layer.gather_lists())
}

fn flatten_json<'a>(
    layer: &mut Layer,
    path: &mut Vec<&'a str>,
    value: &'a serde_json::Value,
    origin: &Origin,
) {
    let scalar = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Bool(value) => Some(value.to_string()),
        serde_json::Value::Number(value) => Some(value.to_string()),
        _ => None,
    };
    match value {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                let depth = path.len();
                // .NET also takes a path as a name: "Redis:ConnectionString".
                path.extend(name.split(':'));
                flatten_json(layer, path, value, origin);
                path.truncate(depth);
            }
        }
        serde_json::Value::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
            let raw = texts.map_or_else(|| Raw::Text(value.to_string()), Raw::List);
            layer.insert(path, raw, origin.clone());
        }
        serde_json::Value::Null => {}
        value => {
            let text = scalar(value).expect("the others are handled above");
            layer.insert(path, Raw::Text(text), origin.clone());
        }
    }
}
