//! `rowbill schema`: the JSON Schema of the files, for editors.

use serde_json::Value;

use super::args::SchemaOf;
use super::context::Context;
use super::exit;
use crate::config::json_schema;
use crate::connectors::catalog;

/// The schema of a mapping file.
pub fn mapping_schema() -> Value {
    json_schema::mapping(catalog())
}

/// The schema of `rowbill.yaml`.
pub fn settings_schema() -> Value {
    json_schema::settings()
}

pub fn schema(context: &Context, of: SchemaOf) -> u8 {
    let schema = match of {
        SchemaOf::Mapping => mapping_schema(),
        SchemaOf::Settings => settings_schema(),
    };
    context.screen.line(serde_json::to_string_pretty(&schema).unwrap_or_default());
    exit::OK
}
