//! Parameters to bytes, in Stripe's spelling of nested forms.

use indexmap::IndexMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rowbill_connector::{Call, Param, Request};

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The bytes of a call: equal calls give equal bytes.
pub(crate) fn encode(call: &Call) -> Request {
    let template = call.operation.split_once(' ').map_or(call.operation, |(_, path)| path);
    Request {
        operation: call.operation.to_owned(),
        path: fill(template, &call.path),
        body: form(&call.params).into_bytes(),
    }
}

/// One segment of a path, or one text of a query.
pub(crate) fn escape(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Puts ids into the `{…}` of a template. One that is missing leaves an empty segment, which is never sent.
pub(crate) fn fill(template: &str, ids: &[String]) -> String {
    let mut ids = ids.iter();
    let segment = |part: &str| {
        if part.starts_with('{') { ids.next().map_or(String::new(), |id| escape(id)) } else { part.to_owned() }
    };
    template.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// `metadata[crm_id]=7&lines[0][invoice_item]=ii_1&preferred_locales[0]=en`, in the order of declaration.
fn form(params: &IndexMap<String, Param>) -> String {
    let mut pairs = Vec::new();
    for (name, value) in params {
        write(&mut pairs, &escape(name), value);
    }
    pairs.join("&")
}

/// Brackets that we add stay as they are, as Stripe's own libraries send them; brackets of names are escaped.
fn write(pairs: &mut Vec<String>, name: &str, value: &Param) {
    let text = match value {
        Param::Text(text) | Param::Decimal(text) => escape(text),
        Param::Int(number) => number.to_string(),
        Param::Bool(yes) => yes.to_string(),
        Param::List(values) => {
            return values
                .iter()
                .enumerate()
                .for_each(|(index, value)| write(pairs, &format!("{name}[{index}]"), value));
        }
        Param::Map(values) => {
            return values.iter().for_each(|(key, value)| write(pairs, &format!("{name}[{}]", escape(key)), value));
        }
    };
    pairs.push(format!("{name}={text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Param {
        Param::Text(text.to_owned())
    }

    fn map(pairs: &[(&str, Param)]) -> IndexMap<String, Param> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    fn body(pairs: &[(&str, Param)]) -> String {
        let call = Call { operation: "POST /v1/customers", path: Vec::new(), params: map(pairs) };
        String::from_utf8(encode(&call).body).unwrap()
    }

    #[test]
    fn parameters_are_spelled_as_stripe_spells_them() {
        let line = Param::Map(map(&[("invoice_item", text("ii_1"))]));
        let nested = Param::Map(map(&[("a", Param::Map(map(&[("b", Param::List(vec![Param::Bool(true)]))])))]));
        let cases = [
            (vec![("email", text("ann+x@example.org"))], "email=ann%2Bx%40example.org"),
            (vec![("name", text("Ann & Bob = 100 %"))], "name=Ann%20%26%20Bob%20%3D%20100%20%25"),
            (vec![("name", text("Zoë 日本 🦀"))], "name=Zo%C3%AB%20%E6%97%A5%E6%9C%AC%20%F0%9F%A6%80"),
            (vec![("name", text(""))], "name="),
            (vec![("amount", Param::Int(-1250)), ("currency", text("eur"))], "amount=-1250&currency=eur"),
            (vec![("unit_amount_decimal", Param::Decimal("0.125".to_owned()))], "unit_amount_decimal=0.125"),
            (vec![("auto_advance", Param::Bool(false))], "auto_advance=false"),
            (vec![("metadata", Param::Map(map(&[("crm_id", text("7"))])))], "metadata[crm_id]=7"),
            (vec![("metadata", Param::Map(map(&[("a[b]&", text("7"))])))], "metadata[a%5Bb%5D%26]=7"),
            (vec![("metadata", Param::Map(IndexMap::new())), ("name", text("x"))], "name=x"),
            (
                vec![("preferred_locales", Param::List(vec![text("en"), text("uk")]))],
                "preferred_locales[0]=en&preferred_locales[1]=uk",
            ),
            (vec![("preferred_locales", Param::List(Vec::new()))], ""),
            (
                vec![("lines", Param::List(vec![line.clone(), line]))],
                "lines[0][invoice_item]=ii_1&lines[1][invoice_item]=ii_1",
            ),
            (vec![("x", nested)], "x[a][b][0]=true"),
            (vec![], ""),
        ];
        for (params, wanted) in cases {
            assert_eq!(body(&params), wanted);
        }
    }

    #[test]
    fn a_form_reader_gets_back_what_was_meant() {
        let body = body(&[("metadata", Param::Map(map(&[("ключ", text("a b+c=d&e\n%"))])))]);
        let read: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        assert_eq!(read, [("metadata[ключ]".to_owned(), "a b+c=d&e\n%".to_owned())]);
    }

    #[test]
    fn ids_cannot_leave_their_place_in_the_path() {
        let path = |ids: &[&str]| {
            let ids = ids.iter().map(|id| (*id).to_owned()).collect();
            encode(&Call { operation: "POST /v1/invoices/{invoice}/finalize", path: ids, params: IndexMap::new() }).path
        };
        assert_eq!(path(&["in_1"]), "/v1/invoices/in_1/finalize");
        assert_eq!(path(&["in_1/../../x?y#z"]), "/v1/invoices/in_1%2F..%2F..%2Fx%3Fy%23z/finalize");
        assert_eq!(path(&[]), "/v1/invoices//finalize");
    }
}
