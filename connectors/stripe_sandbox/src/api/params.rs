//! Reading checked parameters.

use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// The parameters of one request, already of their declared types.
#[derive(Debug, Default)]
pub(crate) struct Params(pub(crate) Map<String, Value>);

impl Params {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    pub(crate) fn yes(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    pub(crate) fn map(&self, name: &str) -> Option<&Map<String, Value>> {
        self.0.get(name).and_then(Value::as_object)
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.shift_remove(name)
    }

    /// A list of objects, each as parameters of its own.
    pub(crate) fn take_list(&mut self, name: &str) -> Vec<Self> {
        let Some(Value::Array(list)) = self.take(name) else {
            return Vec::new();
        };
        list.into_iter().map(|each| Self(if let Value::Object(map) = each { map } else { Map::new() })).collect()
    }

    pub(crate) fn boxed(&self, name: &str) -> Option<Box<str>> {
        self.text(name).map(Into::into)
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::missing(name))
    }

    /// Refuses what the sandbox would otherwise leave out of its sums in silence.
    pub(crate) fn not_played(&self, names: &[&str]) -> Result<(), Refusal> {
        let given = |name: &&&str| self.0.get(**name).is_some_and(|value| !value.is_null());
        names.iter().find(given).map_or(Ok(()), |name| Err(Refusal::not_played(name).param(*name)))
    }
}

/// Keeps the parameters of these names for a later answer; cleared ones are forgotten.
pub(crate) fn keep(rest: &mut Map<String, Value>, params: &Params, names: &[&str]) {
    for &name in names {
        match params.0.get(name) {
            None => {}
            Some(Value::Null) => drop(rest.shift_remove(name)),
            Some(value) => drop(rest.insert(name.to_owned(), value.clone())),
        }
    }
}
