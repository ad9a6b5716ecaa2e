//! Stored answers: what Stripe gives again for a key it has seen.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::answer::Stored;
use crate::form::{Fields, Form};

/// Stripe may forget a key after a day; the sandbox always does.
const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// Longer keys are refused.
pub(crate) const MAX_KEY: usize = 255;

/// Answers by key.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    known: HashMap<Box<str>, Known>,
    swept: i64,
}

#[derive(Debug)]
struct Known {
    fingerprint: u64,
    since: i64,
    /// `None` while the first request with this key is under way.
    answer: Option<Stored>,
}

/// What a key means for a request.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Never seen; now in use by this request.
    Fresh,
    /// Another request with it is under way.
    InUse,
    /// It was used for another request.
    Differs,
    /// This was the answer.
    Replay(Stored),
}

impl Keys {
    pub(crate) fn begin(&mut self, key: &str, fingerprint: u64, now: i64) -> Seen {
        self.sweep(now);
        if let Some(known) = self.known.get(key).filter(|known| !known.is_old(now)) {
            return match &known.answer {
                _ if known.fingerprint != fingerprint => Seen::Differs,
                None => Seen::InUse,
                Some(answer) => Seen::Replay(answer.clone()),
            };
        }
        self.known.insert(key.into(), Known { fingerprint, since: now, answer: None });
        Seen::Fresh
    }

    /// Execution ended: the answer is kept, whatever its status.
    pub(crate) fn settle(&mut self, key: &str, answer: Stored) {
        if let Some(known) = self.known.get_mut(key) {
            known.answer = Some(answer);
        }
    }

    /// Execution never began: the key is free again.
    pub(crate) fn forget(&mut self, key: &str) {
        self.known.remove(key);
    }

    /// Frees memory once per hour of the sandbox's clock.
    fn sweep(&mut self, now: i64) {
        if now - self.swept > 3600 {
            self.swept = now;
            self.known.retain(|_, known| !known.is_old(now));
        }
    }
}

impl Known {
    fn is_old(&self, now: i64) -> bool {
        self.answer.is_some() && now - self.since >= KEPT_SECONDS
    }
}

/// Path and parameters in one number. The order of differently named parameters does not matter.
pub(crate) fn fingerprint(path: &str, fields: &Fields) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hash_fields(fields, &mut hasher);
    hasher.finish()
}

fn hash_fields(fields: &Fields, hasher: &mut DefaultHasher) {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    sorted.len().hash(hasher);
    for (name, form) in sorted {
        name.hash(hasher);
        hash_form(form, hasher);
    }
}

fn hash_form(form: &Form, hasher: &mut DefaultHasher) {
    match form {
        Form::Text(text) => text.hash(hasher),
        Form::Map(map) => hash_fields(map, hasher),
        Form::List(list) => {
            list.len().hash(hasher);
            for form in list {
                hash_form(form, hasher);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::decode;

    #[test]
    fn parameters_are_compared_not_bytes() {
        let print = |body: &str| fingerprint("/v1/customers", &decode(body.as_bytes()).unwrap());
        assert_eq!(print("a=1&b=2"), print("b=%32&a=1"));
        assert_ne!(print("a=1&b=2"), print("a=2&b=1"));
        assert_ne!(print("a[]=1&a[]=2"), print("a[]=2&a[]=1"));
        assert_ne!(print("a=1"), fingerprint("/v1/invoices", &decode(b"a=1").unwrap()));
    }
}
