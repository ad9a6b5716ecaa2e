//! Parameters held against the operation data: what arrives in the handlers has the declared types.

use rowbill_connector::Schema;
use serde_json::{Map, Number, Value};

use crate::form::{Fields, Form};
use crate::refusal::Refusal;

/// Checks the parameters of an operation and gives them their types. Cleared values come out as `null`.
pub(crate) fn check(schema: &Schema, fields: Fields) -> Result<Map<String, Value>, Refusal> {
    object(schema, "", fields)
}

fn object(schema: &Schema, path: &str, fields: Fields) -> Result<Map<String, Value>, Refusal> {
    if let Some(each) = &schema.additional_properties {
        return free_keys(each, path, fields);
    }
    let unknown: Vec<String> =
        fields.keys().filter(|name| !schema.properties.contains_key(*name)).map(|name| join(path, name)).collect();
    if let [first, others @ ..] = unknown.as_slice() {
        let many = if others.is_empty() { "" } else { "s" };
        let message = format!("Received unknown parameter{many}: {}", unknown.join(", "));
        return Err(Refusal::of(first, message).code("parameter_unknown"));
    }
    if let Some(name) = schema.required.iter().find(|name| !fields.contains_key(*name)) {
        return Err(Refusal::missing(&join(path, name)));
    }
    fields
        .into_iter()
        .map(|(name, form)| {
            let value = typed(&schema.properties[&name], &join(path, &name), form)?;
            Ok((name, value))
        })
        .collect()
}

/// Metadata and other objects whose keys the caller chooses.
fn free_keys(each: &Schema, path: &str, fields: Fields) -> Result<Map<String, Value>, Refusal> {
    let metadata = path.ends_with("metadata") || path.ends_with("metadata]");
    let mut map = Map::new();
    for (name, form) in fields {
        let value = match form {
            Form::Text(text) if metadata => metadata_value(path, &name, text)?,
            form => typed(each, &join(path, &name), form)?,
        };
        map.insert(name, value);
    }
    Ok(map)
}

fn metadata_value(path: &str, name: &str, text: String) -> Result<Value, Refusal> {
    let (key, value) = (name.chars().count(), text.chars().count());
    if key == 0 || key > 40 || name.contains(['[', ']']) {
        let message =
            format!("Metadata keys must be between 1 and 40 characters, without brackets. Invalid key: {name}");
        return Err(Refusal::of(path, message));
    }
    if value > 500 {
        let message = format!(
            "Metadata values can have up to 500 characters, but you passed in a value that is {value} characters. \
             Invalid value: {}",
            shortened(&text)
        );
        return Err(Refusal::of(path, message));
    }
    Ok(Value::String(text))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}[{name}]") }
}

fn typed(schema: &Schema, path: &str, form: Form) -> Result<Value, Refusal> {
    if matches!(&form, Form::Text(text) if text.is_empty()) {
        return if schema.unset { Ok(Value::Null) } else { Err(empty(path)) };
    }
    if !schema.any_of.is_empty() {
        return alternatives(schema, path, &form);
    }
    match (schema.kind.as_deref().unwrap_or("string"), form) {
        ("object", Form::Map(fields)) => object(schema, path, fields).map(Value::Object),
        ("array", form) => array(schema, path, form),
        ("integer", Form::Text(text)) => integer(path, &text),
        ("number", Form::Text(text)) => number(path, &text),
        ("boolean", Form::Text(text)) => boolean(path, &text),
        ("string", Form::Text(text)) => string(schema, path, text),
        (kind, _) => Err(Refusal::of(path, format!("Invalid {kind}"))),
    }
}

fn empty(path: &str) -> Refusal {
    let message = format!(
        "You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; however \
         '{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty value."
    );
    Refusal::of(path, message).code("parameter_invalid_empty")
}

/// The alternative whose shape fits decides, and its error is the one that is told.
fn alternatives(schema: &Schema, path: &str, form: &Form) -> Result<Value, Refusal> {
    let nested = !matches!(form, Form::Text(_));
    let fits = |each: &&Schema| nested == matches!(each.kind.as_deref(), Some("object" | "array"));
    let mut refused = Refusal::of(path, "Invalid value");
    for each in schema.any_of.iter().filter(fits) {
        match typed(each, path, form.clone()) {
            Ok(value) => return Ok(value),
            Err(refusal) => refused = refusal,
        }
    }
    Err(refused)
}

fn array(schema: &Schema, path: &str, form: Form) -> Result<Value, Refusal> {
    let any = Schema::default();
    let each = schema.items.as_deref().unwrap_or(&any);
    let elements = elements(form).ok_or_else(|| Refusal::of(path, "Invalid array"))?;
    let typed = |(index, form)| typed(each, &format!("{path}[{index}]"), form);
    elements.into_iter().enumerate().map(typed).collect::<Result<_, _>>().map(Value::Array)
}

/// `a[]=…` and `a[0]=…` alike.
fn elements(form: Form) -> Option<Vec<Form>> {
    match form {
        Form::List(list) => Some(list),
        Form::Map(map) => {
            let numbered = map.into_iter().map(|(name, form)| Some((name.parse::<u32>().ok()?, form)));
            let mut numbered = numbered.collect::<Option<Vec<_>>>()?;
            numbered.sort_by_key(|(index, _)| *index);
            Some(numbered.into_iter().map(|(_, form)| form).collect())
        }
        Form::Text(_) => None,
    }
}

fn integer(path: &str, text: &str) -> Result<Value, Refusal> {
    let wrong = || Refusal::of(path, format!("Invalid integer: {text}")).code("parameter_invalid_integer");
    text.parse::<i64>().map(Value::from).map_err(|_| wrong())
}

fn number(path: &str, text: &str) -> Result<Value, Refusal> {
    let wrong = || Refusal::of(path, format!("Invalid decimal: {text}"));
    text.parse::<Number>().map(Value::Number).map_err(|_| wrong())
}

fn boolean(path: &str, text: &str) -> Result<Value, Refusal> {
    text.parse::<bool>().map(Value::Bool).map_err(|_| Refusal::of(path, format!("Invalid boolean: {text}")))
}

fn string(schema: &Schema, path: &str, text: String) -> Result<Value, Refusal> {
    if !schema.options.is_empty() && !schema.open && !schema.options.contains(&text) {
        let message = format!("Invalid {path}: must be one of {}", listed(&schema.options));
        return Err(Refusal::of(path, message));
    }
    if let Some(longest) = schema.max_length.filter(|longest| text.chars().count() > *longest) {
        let message = format!("Invalid string: {}; must be at most {longest} characters", shortened(&text));
        return Err(Refusal::of(path, message));
    }
    match schema.format.as_deref() {
        Some("currency") => currency(path, &text),
        Some("decimal") if !is_decimal(&text) => Err(Refusal::of(path, format!("Invalid decimal: {text}"))),
        _ => Ok(Value::String(text)),
    }
}

fn currency(path: &str, text: &str) -> Result<Value, Refusal> {
    let code = text.to_ascii_lowercase();
    let known = &rowbill_stripe_spec::catalog().currencies;
    if known.contains_key(&code) {
        return Ok(Value::String(code));
    }
    let all: Vec<&str> = known.keys().map(String::as_str).collect();
    let message = format!("Invalid currency: {code}. Stripe currently supports these currencies: {}", all.join(", "));
    Err(Refusal::of(path, message))
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction) && fraction.len() <= 12 && whole.len() <= 15
}

fn listed(options: &[String]) -> String {
    match options {
        [others @ .., last] if !others.is_empty() => format!("{}, or {last}", others.join(", ")),
        _ => options.concat(),
    }
}

fn shortened(text: &str) -> String {
    let start: String = text.chars().take(20).collect();
    if start.len() == text.len() { start } else { format!("{start}…") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::decode;

    fn checked(operation: &str, form: &str) -> Result<Value, (Option<String>, Option<String>)> {
        let schema = &rowbill_stripe_spec::catalog().operations[operation].params;
        check(schema, decode(form.as_bytes()).unwrap()).map(Value::Object).map_err(|refusal| {
            let body = refusal.body();
            let text = |name: &str| body["error"][name].as_str().map(str::to_owned);
            (text("code"), text("param"))
        })
    }

    #[track_caller]
    fn assert_refused(operation: &str, form: &str, code: Option<&str>, param: &str) {
        let expected = (code.map(str::to_owned), Some(param.to_owned()));
        assert_eq!(checked(operation, form), Err(expected), "{operation} {form}");
    }

    #[test]
    fn values_get_their_types() {
        let value =
            checked("POST /v1/invoiceitems", "customer=c&amount=-5&currency=EUR&metadata[a]=1&discountable=true");
        let expected = r#"{"customer":"c","amount":-5,"currency":"eur","metadata":{"a":"1"},"discountable":true}"#;
        assert_eq!(value.unwrap().to_string(), expected);
        let cleared = checked("POST /v1/customers/{customer}", "metadata=&address=").unwrap();
        assert_eq!(cleared.to_string(), r#"{"metadata":null,"address":null}"#);
    }

    #[test]
    fn lists_in_both_spellings() {
        let add = "POST /v1/invoices/{invoice}/add_lines";
        let one = checked(add, "lines[][invoice_item]=ii_1&lines[][invoice_item]=ii_2");
        assert_eq!(one, checked(add, "lines[1][invoice_item]=ii_2&lines[0][invoice_item]=ii_1"));
        assert_eq!(one.unwrap()["lines"][1]["invoice_item"], "ii_2");
    }

    #[test]
    fn each_mistake_has_its_code_and_parameter() {
        let item = "POST /v1/invoiceitems";
        assert_refused(item, "colour=red", Some("parameter_unknown"), "colour");
        assert_refused(item, "price_data[x]=1", Some("parameter_unknown"), "price_data[x]");
        assert_refused(item, "amount=1.5", Some("parameter_invalid_integer"), "amount");
        assert_refused(item, "price_data[currency]=eur", Some("parameter_missing"), "price_data[product]");
        assert_refused(item, "customer=", Some("parameter_invalid_empty"), "customer");
        assert_refused(item, "currency=xyz", None, "currency");
        assert_refused(item, "discountable=yes", None, "discountable");
        assert_refused(item, "unit_amount_decimal=1.2.3", None, "unit_amount_decimal");
        assert_refused(item, "tax_behavior=odd", None, "tax_behavior");
        assert_refused(item, &format!("metadata[k]={}", "v".repeat(501)), None, "metadata");
        assert_refused(item, &format!("metadata[{}]=v", "k".repeat(41)), None, "metadata");
        assert_refused("POST /v1/customers", &format!("name={}", "n".repeat(300)), None, "name");
        assert_refused("GET /v1/customers", "created[since]=1", Some("parameter_unknown"), "created[since]");
        assert_refused("GET /v1/customers", "created=soon", Some("parameter_invalid_integer"), "created");
        assert_refused("POST /v1/products", "active=true", Some("parameter_missing"), "name");
    }
}
