//! Metadata: up to fifty pairs of texts that Stripe keeps and merges.

use serde_json::{Map, Value};

use crate::refusal::Refusal;

const MOST_KEYS: usize = 50;

/// Pairs in the order they were given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata(Box<[(Box<str>, Box<str>)]>);

impl Metadata {
    /// Merges what a request gives: an empty value deletes its key, an empty whole deletes all.
    pub(crate) fn merged(&self, given: Option<Value>) -> Result<Self, Refusal> {
        let given = match given {
            None => return Ok(self.clone()),
            Some(Value::Object(given)) => given,
            Some(_) => return Ok(Self::default()),
        };
        let mut pairs = self.0.to_vec();
        for (key, value) in given {
            let value = value.as_str().unwrap_or_default();
            let place = pairs.iter().position(|(each, _)| **each == *key);
            match place {
                Some(place) if value.is_empty() => drop(pairs.remove(place)),
                Some(place) => pairs[place].1 = value.into(),
                None if value.is_empty() => {}
                None => pairs.push((key.into(), value.into())),
            }
        }
        if pairs.len() > MOST_KEYS {
            let message = format!("Metadata can have up to {MOST_KEYS} keys, but this would make {}.", pairs.len());
            return Err(Refusal::of("metadata", message));
        }
        Ok(Self(pairs.into()))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(each, _)| **each == *key).map(|(_, value)| &**value)
    }

    pub(crate) fn rowbill_op(&self) -> Option<String> {
        self.get("rowbill_op").map(str::to_owned)
    }

    pub(crate) fn render(&self) -> Value {
        let pairs = self.0.iter().map(|(key, value)| (key.to_string(), Value::from(&**value)));
        Value::Object(pairs.collect::<Map<_, _>>())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merging_adds_replaces_and_deletes() {
        let first = Metadata::default().merged(Some(json!({"a": "1", "b": "2", "c": ""}))).unwrap();
        let second = first.merged(Some(json!({"a": "", "b": "3", "d": "4"}))).unwrap();
        assert_eq!(second.render(), json!({"b": "3", "d": "4"}));
        assert_eq!(second.merged(None).unwrap().render(), json!({"b": "3", "d": "4"}));
        assert_eq!(second.merged(Some(Value::Null)).unwrap().render(), json!({}));
    }

    #[test]
    fn fifty_keys_and_no_more() {
        let keys = |n| (0..n).map(|i| (format!("k{i}"), Value::from("v"))).collect::<Map<_, _>>();
        assert!(Metadata::default().merged(Some(Value::Object(keys(50)))).is_ok());
        assert!(Metadata::default().merged(Some(Value::Object(keys(51)))).is_err());
    }
}
