//! The rules for one row: its columns, its key, its condition, and what is sent for it.

use indexmap::IndexMap;
use minijinja::value::Value;
use rowbill_connector::{Param, Problem};
use serde::{Deserialize, Serialize};

use super::column::{self, Column, ColumnType, CurrencyFrom, clean};
use super::params::{Block, Expr, Surroundings};
use super::template::Template;

/// How a customer is named, in the mapping.
#[derive(Debug)]
pub enum CustomerExpr {
    /// A template that gives `cus_…`.
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

/// How a customer is named, for one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CustomerName {
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

/// What is needed to map the rows of a connection.
#[derive(Debug, Default)]
pub struct Recipe {
    /// The declared columns.
    pub columns: Vec<Column>,
    /// The columns whose values identify a row (or a group), by short name.
    pub key: Vec<String>,
    /// The condition.
    pub only_if: Option<Template>,
    /// How the customer is named.
    pub customer: Option<CustomerExpr>,
    /// The parameters of one row's request.
    pub block: Block,
    /// Headers that are written back, and so are no content.
    pub written: Vec<String>,
    /// The parameters of which one must come out, because they say what an item costs.
    pub priced: &'static [&'static str],
}

/// What is to be sent for a row, as far as the row alone says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// The customer, by name.
    pub customer: Option<CustomerName>,
    /// The parameters, without the customer.
    pub params: IndexMap<String, Param>,
}

/// Evaluates the customer and the parameters.
pub fn prepare(recipe: &Recipe, scope: &Value, around: &Surroundings<'_>) -> Result<Prepared, Problem> {
    let customer = recipe.customer.as_ref().map(|customer| name_customer(customer, scope)).transpose()?;
    let params = recipe.block.eval(scope, around)?;
    if !recipe.priced.is_empty() && !recipe.priced.iter().any(|name| params.contains_key(*name)) {
        return Err(no_price(recipe));
    }
    Ok(Prepared { customer, params })
}

/// Without an amount the target would take its own, or make an item of nothing.
fn no_price(recipe: &Recipe) -> Problem {
    let mut wanted = None;
    for name in recipe.priced {
        if let Some(Expr::Leaf(template, _)) = recipe.block.get(name) {
            wanted = wanted.or(template.one_column());
        }
    }
    let column = recipe.columns.iter().find(|column| Some(&column.name) == wanted.as_ref());
    let what = column.map_or("the amount".to_owned(), |column| column.header.clone());
    let problem = Problem::new("row.amount_empty", format!("{what} is empty, and nothing else says what this costs"))
        .advise("fill in the cell, or leave such rows out with `only_if`");
    match wanted {
        Some(name) => column::in_column(&name, problem),
        None => problem,
    }
}

/// Evaluates how a customer is named.
pub fn name_customer(expr: &CustomerExpr, scope: &Value) -> Result<CustomerName, Problem> {
    let column = match expr {
        CustomerExpr::Id(template) | CustomerExpr::ByEmail { email: template, .. } => template.one_column(),
        CustomerExpr::From { key, .. } => key.first().filter(|_| key.len() == 1).and_then(Template::one_column),
    };
    customer_name(expr, scope).map_err(|problem| match column {
        Some(name) => column::in_column(&name, problem),
        None => problem,
    })
}

fn customer_name(expr: &CustomerExpr, scope: &Value) -> Result<CustomerName, Problem> {
    let text = |template: &Template| template.eval(scope).map(|value| clean(&value.to_string()));
    let empty = |what: &str| {
        Problem::new("row.no_customer", format!("the {what} of the customer is empty"))
            .advise("fill in the cell that names the customer")
    };
    match expr {
        CustomerExpr::Id(template) => {
            let id = text(template)?;
            if id.is_empty() {
                return Err(empty("id"));
            }
            if !id.starts_with("cus_") {
                let message = format!("\"{id}\" is not the id of a customer");
                return Err(Problem::new("row.not_a_customer", message)
                    .advise("a customer is named by `cus_…`, or by `from:` and `key:`, or by `by_email:`"));
            }
            Ok(CustomerName::Id(id))
        }
        CustomerExpr::From { connection, key } => {
            let key = key.iter().map(text).collect::<Result<Vec<_>, _>>()?;
            if key.iter().any(String::is_empty) {
                return Err(empty("key"));
            }
            Ok(CustomerName::From { connection: connection.clone(), key })
        }
        CustomerExpr::ByEmail { email, create } => {
            let email = text(email)?;
            if email.is_empty() {
                return Err(empty("e-mail"));
            }
            Ok(CustomerName::ByEmail { email, create: *create })
        }
    }
}

impl Recipe {
    /// The short names of all columns that the templates use.
    pub fn references(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut take = |template: &Template| {
            for (name, _) in template.references() {
                if let Some(name) = name.strip_prefix("row.").or_else(|| name.strip_prefix("group.")) {
                    names.push(name.split('.').next().unwrap_or(name).to_owned());
                }
            }
        };
        self.only_if.iter().for_each(&mut take);
        match &self.customer {
            Some(CustomerExpr::Id(template) | CustomerExpr::ByEmail { email: template, .. }) => take(template),
            Some(CustomerExpr::From { key, .. }) => key.iter().for_each(&mut take),
            None => {}
        }
        self.block.each_template(&mut take);
        for column in &self.columns {
            if let ColumnType::Money(CurrencyFrom::Column(name)) = &column.kind {
                names.push(name.clone());
            }
        }
        names
    }
}

impl Block {
    /// Visits all templates.
    pub fn each_template(&self, visit: &mut dyn FnMut(&Template)) {
        fn walk(expr: &Expr, visit: &mut dyn FnMut(&Template)) {
            match expr {
                Expr::Const(_) => {}
                Expr::Leaf(template, _) => visit(template),
                Expr::Map(block) => block.each_template(visit),
                Expr::List(list) => list.iter().for_each(|expr| walk(expr, visit)),
            }
        }
        self.entries.iter().for_each(|entry| walk(&entry.value, visit));
    }
}
