//! A request that Stripe refuses, in the words of its error body.

use serde_json::{Map, Value, json};

const INVALID_REQUEST: &str = "invalid_request_error";

/// An error answer. Built from one of the constructors, refined by [`Refusal::code`] and [`Refusal::param`].
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<Box<str>>,
    message: Box<str>,
    /// Of a card error: the bank's reason, and the charge that failed.
    declined: Option<Box<(Option<&'static str>, Option<String>)>>,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        let kind = if status >= 500 { "api_error" } else { INVALID_REQUEST };
        Self { status, kind, code: None, param: None, message: message.into().into(), declined: None }
    }

    /// The usual 400.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// A 400 about one parameter.
    pub(crate) fn of(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(message).param(param)
    }

    pub(crate) fn missing(param: &str) -> Self {
        Self::of(param, format!("Missing required param: {param}.")).code("parameter_missing")
    }

    pub(crate) fn exclusive(one: &str, other: &str) -> Self {
        let message = format!("You may only specify one of these parameters: {one}, {other}.");
        Self::of(one, message).code("parameters_exclusive")
    }

    /// An id that is not there: 404 when it stood in the path, 400 when it was given as a parameter.
    pub(crate) fn no_such(what: &str, id: &str, param: &str) -> Self {
        let status = if param == "id" { 404 } else { 400 };
        Self::new(status, format!("No such {what}: '{id}'")).code("resource_missing").param(param)
    }

    pub(crate) fn idempotency(path: &str, key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try \
             using a key other than '{key}' if you meant to execute a different request to {path}."
        );
        Self { kind: "idempotency_error", ..Self::invalid(message) }
    }

    pub(crate) fn card(message: &str, code: &'static str) -> Self {
        Self { kind: "card_error", ..Self::new(402, message).code(code) }
    }

    /// What the sandbox does not play. It says so instead of giving a wrong total in silence.
    pub(crate) fn not_played(what: &str) -> Self {
        Self::invalid(format!("The sandbox of rowbill does not play {what}."))
    }

    /// Adds the bank's reason and the charge that failed.
    pub(crate) fn declined(mut self, reason: Option<&'static str>, charge: Option<String>) -> Self {
        self.declined = Some(Box::new((reason, charge)));
        self
    }

    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub(crate) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into().into());
        self
    }

    /// The error's code, or its type where it has none.
    pub(crate) fn name(&self) -> &'static str {
        self.code.unwrap_or(self.kind)
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn has_param(&self) -> bool {
        self.param.is_some()
    }

    /// The parameter stands inside another one: `amount` becomes `lines[0][amount]`.
    pub(crate) fn inside(mut self, outer: &str) -> Self {
        if let Some(inner) = self.param.take() {
            let (first, rest) = inner.split_once('[').map_or((&*inner, String::new()), |(a, b)| (a, format!("[{b}")));
            self.param = Some(format!("{outer}[{first}]{rest}").into());
        }
        self
    }

    pub(crate) fn body(&self) -> Value {
        let mut error = Map::new();
        if let Some(code) = self.code {
            error.insert("code".into(), code.into());
            error.insert(
                "doc_url".into(),
                format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")).into(),
            );
        }
        if let Some((reason, charge)) = self.declined.as_deref() {
            error.extend(charge.iter().map(|charge| ("charge".into(), charge.as_str().into())));
            error.extend(reason.map(|reason| ("decline_code".into(), reason.into())));
        }
        error.insert("message".into(), (*self.message).into());
        if let Some(param) = &self.param {
            error.insert("param".into(), (**param).into());
        }
        error.insert("type".into(), self.kind.into());
        json!({ "error": error })
    }
}
