//! How a mapping names an object that is there already: the customer that is billed, the invoice that something is done
//! to.

use minijinja::value::Value;
use rowbill_connector::Problem;
use serde::{Deserialize, Serialize};

use super::column::{self, clean};
use super::template::Template;

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A customer, `cus_…`.
    Customer,
    /// An invoice, `in_…`.
    Invoice,
}

impl ObjectKind {
    /// Its word, in mappings and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Invoice => "invoice",
        }
    }

    /// The action that makes one.
    pub fn made_by(self) -> &'static str {
        match self {
            Self::Customer => "create_customer",
            Self::Invoice => "create_invoice",
        }
    }

    /// How its ids begin.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Customer => "cus_",
            Self::Invoice => "in_",
        }
    }

    /// `a customer`, `an invoice`.
    pub fn with_article(self) -> &'static str {
        self.either("a customer", "an invoice")
    }

    fn either(self, customer: &'static str, invoice: &'static str) -> &'static str {
        if self == Self::Customer { customer } else { invoice }
    }
}

/// How an object is named, in the mapping.
#[derive(Debug)]
pub struct ObjectExpr {
    /// What it is.
    pub kind: ObjectKind,
    /// The way.
    pub way: Way,
}

/// The ways of naming.
#[derive(Debug)]
pub enum Way {
    /// A template that gives an id.
    Id(Template),
    /// What another connection made of the row with this key.
    From {
        /// The other connection.
        connection: String,
        /// Its key columns, as templates.
        key: Vec<Template>,
    },
    /// The one customer with this e-mail.
    ByEmail {
        /// The e-mail.
        email: Template,
        /// Make one if there is none.
        create: bool,
    },
}

impl Way {
    /// Visits all templates.
    pub fn each_template(&self, visit: &mut dyn FnMut(&Template)) {
        match self {
            Self::Id(template) | Self::ByEmail { email: template, .. } => visit(template),
            Self::From { key, .. } => key.iter().for_each(visit),
        }
    }
}

/// How an object is named, for one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObjectName {
    /// By its id.
    Id(String),
    /// By the key of a row of another connection.
    From {
        /// The other connection.
        connection: String,
        /// The key values.
        key: Vec<String>,
    },
    /// By its e-mail.
    ByEmail {
        /// The e-mail.
        email: String,
        /// Make one if there is none.
        create: bool,
    },
}

impl ObjectExpr {
    /// The connection whose rows name it.
    pub fn from(&self) -> Option<&str> {
        match &self.way {
            Way::From { connection, .. } => Some(connection),
            _ => None,
        }
    }

    /// Evaluates how it is named.
    pub fn name(&self, scope: &Value) -> Result<ObjectName, Problem> {
        let column = match &self.way {
            Way::Id(template) | Way::ByEmail { email: template, .. } => template.one_column(),
            Way::From { key, .. } => key.first().filter(|_| key.len() == 1).and_then(Template::one_column),
        };
        self.named(scope).map_err(|problem| match column {
            Some(name) => column::in_column(&name, problem),
            None => problem,
        })
    }

    fn named(&self, scope: &Value) -> Result<ObjectName, Problem> {
        let text = |template: &Template| template.eval(scope).map(|value| clean(&value.to_string()));
        match &self.way {
            Way::Id(template) => {
                let id = text(template)?;
                if id.is_empty() {
                    return Err(self.empty("id"));
                }
                if id.starts_with(self.kind.prefix()) { Ok(ObjectName::Id(id)) } else { Err(self.another(&id)) }
            }
            Way::From { connection, key } => {
                let key = key.iter().map(text).collect::<Result<Vec<_>, _>>()?;
                if key.iter().any(String::is_empty) {
                    return Err(self.empty("key"));
                }
                Ok(ObjectName::From { connection: connection.clone(), key })
            }
            Way::ByEmail { email, create } => {
                let email = text(email)?;
                if email.is_empty() {
                    return Err(self.empty("e-mail"));
                }
                Ok(ObjectName::ByEmail { email, create: *create })
            }
        }
    }

    fn empty(&self, what: &str) -> Problem {
        let word = self.kind.word();
        let code = self.kind.either("row.no_customer", "row.no_invoice");
        Problem::new(code, format!("the {what} of the {word} is empty"))
            .advise(format!("fill in the cell that names the {word}"))
    }

    fn another(&self, id: &str) -> Problem {
        let what = self.kind.with_article();
        let code = self.kind.either("row.not_a_customer", "row.not_an_invoice");
        let more = self.kind.either(", or by `by_email:`", "");
        Problem::new(code, format!("\"{id}\" is not the id of {what}"))
            .advise(format!("{what} is named by `{}…`, or by `from:` and `key:`{more}", self.kind.prefix()))
    }
}
