//! Holds requests to Google's description of the API.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::server::Refusal;

/// Three methods with their schemas; `data/README.md` says where it is from.
static DISCOVERY: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../data/sheets-v4.json")).expect("a committed file"));

/// A method of the API.
pub(super) struct Method(&'static Value);

impl Method {
    /// The method that this request is for, and the spreadsheet's id in its path.
    pub(super) fn find<'a>(verb: &str, path: &'a str) -> Option<(Self, &'a str)> {
        let methods = DISCOVERY["methods"].as_array()?;
        methods.iter().find_map(|method| {
            let (before, after) = method["path"].as_str()?.split_once("{spreadsheetId}")?;
            let id = path.strip_prefix('/')?.strip_prefix(before)?.strip_suffix(after)?;
            let fits = method["httpMethod"] == verb && !id.is_empty() && !id.contains(['/', ':']);
            fits.then_some((Self(method), id))
        })
    }

    /// `values.batchGet`.
    pub(super) fn name(&self) -> &'static str {
        let id = self.0["id"].as_str().unwrap_or_default();
        id.strip_prefix("sheets.spreadsheets.values.")
            .map_or_else(|| id.strip_prefix("sheets.").unwrap_or(id), |_| &id["sheets.spreadsheets.".len()..])
    }

    pub(super) fn allows(&self, scope: &str) -> bool {
        self.0["scopes"].as_array().is_some_and(|scopes| scopes.iter().any(|allowed| allowed == scope))
    }

    fn parameter(&self, name: &str) -> Option<&'static Value> {
        let own = self.0["parameters"].get(name).filter(|parameter| parameter["location"] == "query");
        own.or_else(|| DISCOVERY["parameters"].get(name))
    }
}

/// Every parameter must be known, hold what it may hold, and stand once unless it may repeat.
pub(super) fn check_query(method: &Method, query: &[(String, String)]) -> Result<(), Refusal> {
    for (at, (name, value)) in query.iter().enumerate() {
        let parameter = method.parameter(name).ok_or_else(|| {
            let message =
                format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter.");
            Refusal::invalid(message)
        })?;
        if parameter["repeated"] != true && query[..at].iter().any(|(before, _)| before == name) {
            return Err(Refusal::invalid(format!("Parameter \"{name}\" stands more than once.")));
        }
        if !is_option(parameter, value)
            || (parameter["type"] == "boolean" && !matches!(value.as_str(), "true" | "false"))
        {
            return Err(Refusal::invalid(format!("Invalid value at '{name}', \"{value}\"")));
        }
        if name == "fields" {
            check_mask(&method.0["response"], value)?;
        }
    }
    Ok(())
}

/// The body must have the shape of the method's request; a method without one takes none.
pub(super) fn check_body(method: &Method, body: &[u8]) -> Result<Value, Refusal> {
    let Some(schema) = method.0.get("request") else {
        let refusal = || Err(Refusal::invalid("This method takes no body."));
        return if body.is_empty() { Ok(Value::Null) } else { refusal() };
    };
    let value = serde_json::from_slice(body).map_err(|_| Refusal::invalid("Invalid JSON payload received."))?;
    check_value(schema, &value, "")?;
    Ok(value)
}

fn check_value(schema: &Value, value: &Value, at: &str) -> Result<(), Refusal> {
    let schema = resolved(schema);
    let wrong = || Refusal::invalid(format!("Invalid value at '{at}', {value}"));
    match (schema["type"].as_str(), value) {
        (Some("object"), Value::Object(fields)) => check_object(schema, fields, at),
        (Some("array"), Value::Array(items)) => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, item)| check_value(&schema["items"], item, &format!("{at}[{index}]")))
        }
        (Some("string"), Value::String(text)) if is_option(schema, text) => Ok(()),
        (Some("boolean"), Value::Bool(_)) => Ok(()),
        (Some("integer"), Value::Number(number)) if !number.is_f64() => Ok(()),
        // A cell: text, number, yes or no, or nothing.
        (Some("any"), cell) if !cell.is_array() && !cell.is_object() => Ok(()),
        _ => Err(wrong()),
    }
}

fn check_object(schema: &Value, fields: &Map<String, Value>, at: &str) -> Result<(), Refusal> {
    for (name, value) in fields {
        let unknown = || {
            let message =
                format!("Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field.");
            Refusal::invalid(message)
        };
        check_value(schema["properties"].get(name).ok_or_else(unknown)?, value, &format!("{at}.{name}"))?;
    }
    Ok(())
}

/// Dotted paths with commas between them; each must lead to a field of the answer.
fn check_mask(schema: &Value, mask: &str) -> Result<(), Refusal> {
    for path in mask.split(',') {
        let mut here = resolved(schema);
        for name in path.split('.') {
            let inside = if here["type"] == "array" { resolved(&here["items"]) } else { here };
            let field = inside["properties"].get(name);
            here = resolved(field.ok_or_else(|| {
                Refusal::invalid(format!("Request contains an invalid argument: invalid field mask \"{path}\""))
            })?);
        }
    }
    Ok(())
}

/// What the paths lead to, and nothing else.
pub(super) fn masked(value: &Value, paths: &[&str]) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| masked(item, paths)).collect(),
        Value::Object(fields) if !paths.contains(&"") => {
            let kept = fields.iter().filter_map(|(name, field)| {
                let below: Vec<&str> = paths.iter().filter_map(|path| below(path, name)).collect();
                (!below.is_empty()).then(|| (name.clone(), masked(field, &below)))
            });
            Value::Object(kept.collect())
        }
        other => other.clone(),
    }
}

fn below<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(name)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}

fn resolved(schema: &Value) -> &Value {
    schema["$ref"].as_str().map_or(schema, |name| &DISCOVERY["schemas"][name])
}

fn is_option(schema: &Value, text: &str) -> bool {
    schema["enum"].as_array().is_none_or(|options| options.iter().any(|option| option == text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn query(path: &str, pairs: &[(&str, &str)]) -> Result<(), String> {
        let (method, _) = Method::find("GET", path).ok_or("no method")?;
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        check_query(&method, &pairs).map_err(|refusal| refusal.2)
    }

    fn body(value: &Value) -> Result<(), String> {
        let (method, _) = Method::find("POST", "/v4/spreadsheets/x/values:batchUpdate").ok_or("no method")?;
        check_body(&method, value.to_string().as_bytes()).map(drop).map_err(|refusal| refusal.2)
    }

    #[test]
    fn methods_are_found_by_their_paths() {
        let name = |verb, path| Method::find(verb, path).map(|(method, id)| (method.name(), id.to_owned()));
        assert_eq!(name("GET", "/v4/spreadsheets/1Ab"), Some(("spreadsheets.get", "1Ab".to_owned())));
        assert_eq!(name("GET", "/v4/spreadsheets/x/values:batchGet"), Some(("values.batchGet", "x".to_owned())));
        for (verb, path) in
            [("POST", "/v4/spreadsheets/x"), ("GET", "/v4/spreadsheets/"), ("GET", "/v3/spreadsheets/x")]
        {
            assert_eq!(name(verb, path), None);
        }
    }

    #[test]
    fn unknown_doubled_and_wrong_parameters_are_refused() {
        let values = "/v4/spreadsheets/x/values:batchGet";
        assert_eq!(
            query(values, &[("ranges", "A"), ("ranges", "B"), ("majorDimension", "ROWS"), ("alt", "json")]),
            Ok(())
        );
        assert!(query(values, &[("range", "A")]).is_err());
        assert!(query(values, &[("spreadsheetId", "x")]).is_err());
        assert!(query(values, &[("valueRenderOption", "RAW")]).is_err());
        assert!(query(values, &[("alt", "json"), ("alt", "json")]).is_err());
        let facts = "/v4/spreadsheets/x";
        assert_eq!(query(facts, &[("fields", "properties.timeZone,sheets.properties.title")]), Ok(()));
        assert!(query(facts, &[("fields", "properties.zone")]).is_err());
    }

    #[test]
    fn bodies_have_the_shape_of_the_schema() {
        let data = json!([{ "range": "A1", "values": [["a", 1, true, null]] }]);
        assert_eq!(body(&json!({ "valueInputOption": "RAW", "data": data })), Ok(()));
        assert!(body(&json!({ "valueInputOption": "raw" })).is_err());
        assert!(body(&json!({ "value_input": "RAW" })).is_err());
        assert!(body(&json!({ "data": [{ "range": 1 }] })).is_err());
        assert!(body(&json!({ "data": [{ "range": "A1", "values": [[["a"]]] }] })).is_err());
        let unknown = body(&json!({ "data": [{ "rang": "A1" }] })).unwrap_err();
        assert!(unknown.contains("Unknown name \"rang\" at '.data[0]'"), "{unknown}");
    }

    #[test]
    fn a_mask_leaves_what_it_names() {
        let whole = json!({ "a": { "b": 1, "c": 2 }, "d": [{ "e": { "f": 1 }, "g": 2 }], "h": 3 });
        assert_eq!(masked(&whole, &["a.b", "d.e"]), json!({ "a": { "b": 1 }, "d": [{ "e": { "f": 1 } }] }));
    }
}
