//! Decoding of form bodies and queries in all of Stripe's spellings: `a[b]=x`, `a[]=x`, `a[0]=x`, `a[0][b]=x`.

use indexmap::IndexMap;

use crate::refusal::Refusal;

/// Deeper nesting than any operation of Stripe has.
const MAX_DEPTH: usize = 12;

/// A value as it stands in a form. Lists with explicit indexes arrive as maps; only the schema can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text(String),
    List(Vec<Form>),
    Map(Fields),
}

pub(crate) type Fields = IndexMap<String, Form>;

/// Decodes a body or a query.
pub(crate) fn decode(encoded: &[u8]) -> Result<Fields, Refusal> {
    let mut fields = Fields::new();
    for (name, value) in form_urlencoded::parse(encoded) {
        let (first, rest) = segments(&name)?;
        insert(&mut fields, first, &rest, value.into_owned()).ok_or_else(|| malformed(&name))?;
    }
    Ok(fields)
}

fn malformed(name: &str) -> Refusal {
    Refusal::of(name, format!("Invalid request: the parameter {name} is given in two shapes."))
}

/// Splits `a[b][]` into `a` and its two segments, of which the second is empty.
fn segments(name: &str) -> Result<(&str, Vec<&str>), Refusal> {
    let Some((first, rest)) = name.split_once('[').filter(|(first, _)| !first.is_empty()) else {
        return Ok((name, Vec::new()));
    };
    let rest = rest.strip_suffix(']').ok_or_else(|| Refusal::of(name, format!("Invalid parameter name: {name}")))?;
    let rest: Vec<&str> = rest.split("][").collect();
    if rest.len() > MAX_DEPTH {
        return Err(Refusal::of(first, "Invalid request: nested too deeply."));
    }
    Ok((first, rest))
}

/// `None` when the name contradicts an earlier one.
fn insert(fields: &mut Fields, name: &str, rest: &[&str], value: String) -> Option<()> {
    match rest {
        [] => {
            fields.insert(name.to_owned(), Form::Text(value));
            Some(())
        }
        ["", rest @ ..] => match fields.entry(name.to_owned()).or_insert_with(|| Form::List(Vec::new())) {
            Form::List(list) => push(list, rest, value),
            _ => None,
        },
        [next, rest @ ..] => match fields.entry(name.to_owned()).or_insert_with(|| Form::Map(Fields::new())) {
            Form::Map(map) => insert(map, next, rest, value),
            _ => None,
        },
    }
}

fn push(list: &mut Vec<Form>, rest: &[&str], value: String) -> Option<()> {
    let Some((name, rest)) = rest.split_first() else {
        list.push(Form::Text(value));
        return Some(());
    };
    // `a[][x]=1&a[][y]=2&a[][x]=3` is two elements: a name that comes again starts the next one.
    let open = matches!(list.last(), Some(Form::Map(map)) if !rest.is_empty() || !map.contains_key(*name));
    if !open {
        list.push(Form::Map(Fields::new()));
    }
    match list.last_mut() {
        Some(Form::Map(map)) => insert(map, name, rest, value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_same(one: &str, other: &str) {
        assert_eq!(decode(one.as_bytes()).unwrap(), decode(other.as_bytes()).unwrap());
    }

    #[test]
    fn spellings_of_names() {
        assert_same("a%5Bb%5D=x+y", "a[b]=x%20y");
        let Form::List(list) = &decode(b"a[][x]=1&a[][y]=2&a[][x]=3").unwrap()["a"] else { panic!() };
        assert_eq!(list.len(), 2);
        let Form::Map(map) = &decode(b"a[0][x]=1&a[1][x]=3").unwrap()["a"] else { panic!() };
        assert_eq!(map.keys().collect::<Vec<_>>(), ["0", "1"]);
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(decode(b"a[b]=1&a[]=2").is_err());
        assert!(decode(b"a=1&a[b]=2").is_err());
        assert!(decode(b"a[b=1").is_err());
    }
}
