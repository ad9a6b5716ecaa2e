//! The JSON Schema of the files, for editors: made from the same shapes that the checks use.

use rowbill_connector::{Catalog, Schema};
use serde_json::{Map, Value, json};

use super::act::Act;
use super::act_file::CLAIM;
use super::shape::{Fields, Shape};
use super::shapes::{MAPPING, SETTINGS};

/// The schema of `rowbill.yaml`.
pub fn settings() -> Value {
    titled(shape(SETTINGS), "rowbill.yaml")
}

/// The schema of a mapping file.
pub fn mapping(catalog: &Catalog) -> Value {
    let mut schema = titled(shape(MAPPING), "a mapping of rowbill");
    let customer = json!({ "description": "the customer: by_email, from and key, id, or a template that gives cus_…" });
    let invoice = json!({ "description": "the invoice: from and key, id, or a template that gives in_…" });
    let blocks = [
        ("create_customer", "POST /v1/customers", vec![]),
        ("add_invoice_item", "POST /v1/invoiceitems", vec![("customer", customer.clone())]),
        (
            "create_invoice",
            "POST /v1/invoices",
            vec![
                ("customer", customer),
                ("items_from", json!({ "type": "string" })),
                ("items", Value::Null),
                ("finish", json!({ "enum": ["draft", "finalize", "send"] })),
            ],
        ),
    ];
    let acts = Act::ALL.map(|act| (act.name(), act.operation(), vec![("invoice", invoice.clone())]));
    for (action, operation, own) in blocks.into_iter().chain(acts) {
        let mut block = match action {
            "record_payment" => parameters(&CLAIM),
            _ => parameters(&catalog.operations[operation].params),
        };
        for (name, value) in own {
            let value =
                if name == "items" { parameters(&catalog.operations["POST /v1/invoiceitems"].params) } else { value };
            block["properties"][name] = value;
        }
        if let Some(act) = Act::ALL.into_iter().find(|act| act.name() == action)
            && let Some(properties) = block["properties"].as_object_mut()
        {
            properties.retain(|name, _| !act.reserved().contains(&name.as_str()));
        }
        let description = schema["properties"][action]["description"].clone();
        block["description"] = description;
        schema["properties"][action] = block;
    }
    schema
}

fn titled(mut schema: Value, title: &str) -> Value {
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(title);
    schema
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text | Shape::Template => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Word(words) => {
            let options: Vec<Value> =
                words.iter().map(|(word, doc)| json!({ "const": constant(word), "description": doc })).collect();
            json!({ "oneOf": options })
        }
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Whole(least) => json!({ "type": "integer", "minimum": least }),
        Shape::Decimal => json!({ "type": ["number", "string"] }),
        Shape::Duration => json!({ "type": "string", "pattern": "^[0-9]+[smhd]$" }),
        Shape::Rate => json!({ "type": "string", "pattern": "^([0-9]+/s|unlimited)$" }),
        Shape::List(inner) => json!({ "type": "array", "items": self::shape(*inner), "minItems": 1 }),
        Shape::OneOrMany(inner) => {
            json!({ "anyOf": [self::shape(*inner), { "type": "array", "items": self::shape(*inner), "minItems": 1 }] })
        }
        Shape::Map(fields) => map(fields),
        Shape::Named(inner) => json!({ "type": "object", "additionalProperties": self::shape(*inner) }),
        Shape::WordOr(words, fields) => json!({ "anyOf": [self::shape(Shape::Word(words)), map(fields)] }),
        Shape::TextOr(fields) => json!({ "anyOf": [{ "type": "string" }, map(fields)] }),
        Shape::Open => json!({}),
    }
}

/// `version: 1` is a number to YAML.
fn constant(word: &str) -> Value {
    word.parse::<i64>().map_or_else(|_| json!(word), |number| json!(number))
}

fn map(fields: &Fields) -> Value {
    let mut properties = Map::new();
    for field in fields.fields {
        let mut schema = shape(field.shape);
        schema["description"] = json!(field.doc);
        properties.insert(field.name.to_owned(), schema);
    }
    let required: Vec<&str> = fields.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut schema =
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    if fields.one_needed {
        schema["oneOf"] = fields.one_of.iter().map(|name| json!({ "required": [name] })).collect();
    }
    schema
}

fn parameters(schema: &Schema) -> Value {
    let mut properties = Map::new();
    for (name, inner) in schema.properties.iter().filter(|(name, _)| *name != "expand") {
        properties.insert(name.clone(), parameter(inner));
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn parameter(schema: &Schema) -> Value {
    if !schema.properties.is_empty() {
        return parameters(schema);
    }
    match &schema.items {
        Some(items) => json!({ "anyOf": [{ "type": "array", "items": parameter(items) }, { "type": "string" }] }),
        None if schema.options.is_empty() || schema.open => json!({}),
        None => json!({ "anyOf": [{ "enum": schema.options }, { "type": "string", "pattern": "\\$\\{\\{" }] }),
    }
}
