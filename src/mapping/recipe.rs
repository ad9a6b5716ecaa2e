//! The rules for one row: its columns, its key, its condition, and what is sent for it.

use indexmap::IndexMap;
use minijinja::value::Value;
use rowbill_connector::{Param, Problem};
use serde::{Deserialize, Serialize};

use super::column::{self, Column, ColumnType, CurrencyFrom};
use super::object::{ObjectExpr, ObjectName};
use super::params::{Block, Expr, Surroundings};
use super::template::Template;

/// What is needed to map the rows of a connection.
#[derive(Debug, Default)]
pub struct Recipe {
    /// The declared columns.
    pub columns: Vec<Column>,
    /// The columns whose values identify a row (or a group), by short name.
    pub key: Vec<String>,
    /// The condition.
    pub only_if: Option<Template>,
    /// How the object that the rows are about is named: the customer that is billed, the invoice that something is done
    /// to.
    pub about: Option<ObjectExpr>,
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
    /// The object that it is about, by name: the customer, or the invoice that something is done to.
    #[serde(rename = "customer")]
    pub about: Option<ObjectName>,
    /// The parameters, without that object.
    pub params: IndexMap<String, Param>,
}

impl Prepared {
    /// For an operation that goes on with its own bytes.
    pub fn empty() -> Self {
        Self { about: None, params: IndexMap::new() }
    }
}

/// Evaluates what a row is about, and the parameters.
pub fn prepare(recipe: &Recipe, scope: &Value, around: &Surroundings<'_>) -> Result<Prepared, Problem> {
    let about = recipe.about.as_ref().map(|about| about.name(scope)).transpose()?;
    let params = recipe.block.eval(scope, around)?;
    if !recipe.priced.is_empty() && !recipe.priced.iter().any(|name| params.contains_key(*name)) {
        return Err(no_price(recipe));
    }
    Ok(Prepared { about, params })
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
        if let Some(about) = &self.about {
            about.way.each_template(&mut take);
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
