//! The columns of a recipe, found in a header: rows are typed, keyed and mapped through it.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use jiff::tz::TimeZone;
use minijinja::context;
use minijinja::value::Value;
use rowbill_connector::{Cell, Header, Place, Problem, Row};

use super::column::{self, Column, ColumnType, CurrencyFrom, clean};
use super::identity::{Digest, Hasher};
use super::number::Marks;
use super::object::ObjectExpr;
use super::params::{Block, Surroundings};
use super::recipe::{Prepared, Recipe, prepare};
use super::row::{Mapped, Outcome, RowValues};

/// The columns of a recipe, found in a header.
pub struct Binding {
    columns: Vec<Bound>,
    names: Arc<HashMap<String, usize>>,
    key: Vec<usize>,
    content: Vec<(usize, String)>,
    origin: Arc<str>,
    sheet: Option<String>,
    zone: TimeZone,
}

struct Bound {
    column: Column,
    cell: usize,
    currency: Option<usize>,
}

impl Binding {
    /// Finds the columns of a recipe in a header. All that are missing are told at once.
    pub fn new(recipe: &Recipe, header: &Header, zone: &TimeZone) -> Result<Self, Vec<Problem>> {
        let cleaned: Vec<String> = header.names.iter().map(|name| clean(name)).collect();
        let mut problems = Vec::new();
        let mut columns: Vec<Bound> = Vec::new();
        for column in &recipe.columns {
            match cell_of(&column.header, &cleaned) {
                Ok(cell) => columns.push(Bound { column: column.clone(), cell, currency: None }),
                Err(problem) => problems.push(problem.at(place_of(header, 1))),
            }
        }
        undeclared(&cleaned, &mut columns);
        let names: HashMap<String, usize> =
            columns.iter().enumerate().map(|(index, bound)| (bound.column.name.clone(), index)).collect();
        for index in 0..columns.len() {
            if let ColumnType::Money(CurrencyFrom::Column(name)) = &columns[index].column.kind {
                columns[index].currency = names.get(name).map(|at| columns[*at].cell);
            }
        }
        // Under one header alone nothing could be found: that is the delimiter, and it is told already.
        if problems.is_empty() || cleaned.len() > 1 {
            problems.extend(unknown_names(recipe, &names, header));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let key = recipe.key.iter().filter_map(|name| names.get(name).copied()).collect();
        let written: Vec<String> = recipe.written.iter().map(|name| clean(name)).collect();
        let mut content: Vec<(usize, String)> =
            cleaned.into_iter().enumerate().filter(|(_, name)| !written.contains(name)).collect();
        content.sort_by(|a, b| a.1.cmp(&b.1));
        let zone = header.zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(|| zone.clone());
        Ok(Self {
            columns,
            names: Arc::new(names),
            key,
            content,
            origin: header.origin.clone(),
            sheet: header.sheet.clone(),
            zone,
        })
    }

    /// Maps one row.
    pub fn map(&self, recipe: &Recipe, row: &Row, around: &Surroundings<'_>) -> Mapped {
        let values = Arc::new(self.values(row));
        let (key, key_problem) = self.key(&values);
        let outcome = match key_problem {
            Some(problem) => Outcome::Failed(problem),
            None => self.outcome(recipe, &values, around),
        };
        let outcome = match outcome {
            Outcome::Failed(problem) => Outcome::Failed(self.placed(problem, row.number)),
            other => other,
        };
        Mapped { number: row.number, key, content: self.content(row), outcome }
    }

    /// What an invoice needs of the first row of its group.
    pub fn head(
        &self,
        customer: &ObjectExpr,
        block: &Block,
        row: &Row,
        around: &Surroundings<'_>,
    ) -> Result<Prepared, Problem> {
        let values = Arc::new(self.values(row));
        let scope = context! { group => Value::from_dyn_object(values) };
        let made = customer
            .name(&scope)
            .and_then(|customer| Ok(Prepared { about: Some(customer), params: block.eval(&scope, around)? }));
        made.map_err(|problem| self.placed(problem, row.number))
    }

    /// The values of a group's columns in a row, normalized like a key.
    pub fn group_key(&self, row: &Row, group_by: &[String]) -> (Vec<String>, Option<Problem>) {
        let indices = group_by.iter().filter_map(|name| self.names.get(name).copied()).collect::<Vec<_>>();
        let (key, problem) = self.key_of(&self.values(row), &indices);
        (key, problem.map(|problem| self.placed(problem, row.number)))
    }

    /// Types all cells of a row.
    pub fn values(&self, row: &Row) -> RowValues {
        let empty = Cell::Empty;
        let cell = |index: usize| row.cells.get(index).unwrap_or(&empty);
        let typed = self
            .columns
            .iter()
            .map(|bound| column::parse(cell(bound.cell), &bound.column, bound.currency.map(cell), &self.zone))
            .collect();
        RowValues { typed, names: self.names.clone() }
    }

    /// The hash of a row's cells.
    pub fn content(&self, row: &Row) -> Digest {
        let mut hasher = Hasher::default();
        for (index, header) in &self.content {
            if let Some(cell) = row.cells.get(*index) {
                hasher.cell(header, cell);
            }
        }
        hasher.finish()
    }

    /// The key of a row, normalized, or why it has none. E-mails are compared without regard to case.
    pub fn key(&self, values: &RowValues) -> (Vec<String>, Option<Problem>) {
        self.key_of(values, &self.key)
    }

    fn key_of(&self, values: &RowValues, columns: &[usize]) -> (Vec<String>, Option<Problem>) {
        let mut key = Vec::with_capacity(columns.len());
        let mut wrong = None;
        for index in columns {
            let column = &self.columns[*index].column;
            let text = match &values.typed[*index] {
                Ok(typed) => normal(typed.text(), &column.kind),
                Err(problem) => {
                    wrong = wrong.or(Some(problem.clone()));
                    String::new()
                }
            };
            if text.is_empty() && wrong.is_none() {
                let message = format!("{} is empty, and the key needs it", column.header);
                let problem = Problem::new("row.key_empty", message).advise("fill in the cell");
                wrong = Some(column::in_column(&column.name, problem));
            }
            key.push(text);
        }
        (key, wrong)
    }

    /// The texts of the key cells of a row as the source holds them, for a write-back.
    pub fn key_cells(&self, row: &Row) -> Vec<String> {
        self.key
            .iter()
            .map(|index| row.cells.get(self.columns[*index].cell).map_or("", Cell::text).to_owned())
            .collect()
    }

    /// The headers of the key columns.
    pub fn key_headers(&self) -> Vec<String> {
        self.key.iter().map(|index| self.columns[*index].column.header.clone()).collect()
    }

    /// A key as a person types it, normalized like a row's.
    pub fn typed_key(&self, texts: &[String]) -> Vec<String> {
        self.typed(texts, &self.key)
    }

    /// As [`Binding::typed_key`], for the columns of a group.
    pub fn typed_group(&self, texts: &[String], group_by: &[String]) -> Vec<String> {
        let indices = group_by.iter().filter_map(|name| self.names.get(name).copied()).collect::<Vec<_>>();
        self.typed(texts, &indices)
    }

    fn typed(&self, texts: &[String], columns: &[usize]) -> Vec<String> {
        texts.iter().zip(columns).map(|(text, index)| normal(clean(text), &self.columns[*index].column.kind)).collect()
    }

    fn outcome(&self, recipe: &Recipe, values: &Arc<RowValues>, around: &Surroundings<'_>) -> Outcome {
        // `group.…` of a line is its own row: the rows of a group agree in those columns.
        let row = Value::from_dyn_object(values.clone());
        let scope = context! { row => row.clone(), group => row };
        match self.wanted(recipe, values, &scope) {
            Ok(true) => {}
            Ok(false) => return Outcome::Skipped,
            Err(problem) => return Outcome::Failed(problem),
        }
        if let Some(Err(problem)) = values.typed.iter().find(|typed| typed.is_err()) {
            return Outcome::Failed(problem.clone());
        }
        prepare(recipe, &scope, around).map_or_else(Outcome::Failed, Outcome::Ready)
    }

    /// `only_if`, which is asked first: a row that is still being typed is skipped, not failed.
    fn wanted(&self, recipe: &Recipe, values: &RowValues, scope: &Value) -> Result<bool, Problem> {
        let Some(condition) = &recipe.only_if else { return Ok(true) };
        for (name, _) in condition.references() {
            let index = name.strip_prefix("row.").and_then(|name| self.names.get(name));
            if let Some(Err(problem)) = index.map(|index| &values.typed[*index]) {
                return Err(problem.clone());
            }
        }
        Ok(condition.eval(scope)?.is_true())
    }

    fn placed(&self, problem: Problem, row: u64) -> Problem {
        let name = problem.place.as_ref().and_then(|place| place.cell.as_deref());
        let bound = name.and_then(|name| self.columns.iter().find(|bound| bound.column.name == name));
        // An unknown currency is the mistake of the cell that holds it, not of the amount.
        let is_of_currency = problem.code == "row.unknown_currency";
        let cell = bound.and_then(|bound| bound.currency.filter(|_| is_of_currency).or(Some(bound.cell)));
        let cell = cell.and_then(|cell| match &self.sheet {
            Some(sheet) => Some(format!("{sheet}!{}{row}", letters(cell))),
            None => self.columns.iter().find(|bound| bound.cell == cell).map(|bound| bound.column.header.clone()),
        });
        problem.at(Place { source: Some(self.origin.to_string()), row: Some(row), cell, ..Place::default() })
    }

    /// Where a row is, for problems.
    pub fn place(&self, row: u64) -> Place {
        Place { source: Some(self.origin.to_string()), row: Some(row), ..Place::default() }
    }
}

fn cell_of(header: &str, cleaned: &[String]) -> Result<usize, Problem> {
    let wanted = clean(header);
    let mut found = cleaned.iter().enumerate().filter(|(_, name)| **name == wanted);
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(index),
        (Some(_), Some(_)) => {
            Err(Problem::new("source.header_twice", format!("two columns have the header \"{header}\""))
                .advise("rename one of them in the source; nothing was sent"))
        }
        (None, _) => {
            let names: Vec<&str> = cleaned.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
            let near = crate::suggest::did_you_mean(&wanted, &names);
            let mend = if names.len() == 1 {
                "one header alone is the sign of another `delimiter:` than the file has"
            } else {
                "change the header in `columns:` or in the source"
            };
            Err(Problem::new("source.header_missing", format!("the source has no header \"{header}\""))
                .advise(format!("{near}; {mend}; nothing was sent")))
        }
    }
}

/// Headers without an entry are text columns under their `snake_case` names, unless two share one.
fn undeclared(cleaned: &[String], columns: &mut Vec<Bound>) {
    let taken: Vec<usize> = columns.iter().map(|bound| bound.cell).collect();
    let mut seen: IndexMap<String, Vec<usize>> = IndexMap::new();
    for (cell, header) in cleaned.iter().enumerate().filter(|(cell, _)| !taken.contains(cell)) {
        seen.entry(snake_case(header)).or_default().push(cell);
    }
    for (name, cells) in seen {
        if let ([cell], false) = (&cells[..], name.is_empty() || columns.iter().any(|bound| bound.column.name == name))
        {
            let header = cleaned[*cell].clone();
            let column =
                Column { name, header, kind: ColumnType::Text, required: false, marks: Marks::default(), format: None };
            columns.push(Bound { column, cell: *cell, currency: None });
        }
    }
}

/// `Order no.` is `order_no`.
pub fn snake_case(header: &str) -> String {
    let lower = header.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

fn unknown_names(recipe: &Recipe, names: &HashMap<String, usize>, header: &Header) -> Vec<Problem> {
    let known: Vec<&str> = names.keys().map(String::as_str).collect();
    let mut wanted: Vec<String> = recipe.key.clone();
    wanted.extend(recipe.references());
    wanted.sort();
    wanted.dedup();
    wanted
        .iter()
        // A declared column whose header is missing is told by its header.
        .filter(|name| !names.contains_key(*name) && !recipe.columns.iter().any(|column| column.name == **name))
        .map(|name| {
            Problem::new("mapping.unknown_column", format!("the source has no column `{name}`"))
                .advise(crate::suggest::did_you_mean(name, &known))
                .at(place_of(header, 1))
        })
        .collect()
}

fn place_of(header: &Header, row: u64) -> Place {
    Place { source: Some(header.origin.to_string()), row: Some(row), ..Place::default() }
}

/// The letters of a sheet's column: 0 is A, 26 is AA.
fn letters(index: usize) -> String {
    let mut index = index + 1;
    let mut letters = Vec::new();
    while index > 0 {
        letters.push(b'A' + u8::try_from((index - 1) % 26).unwrap_or(0));
        index = (index - 1) / 26;
    }
    letters.reverse();
    String::from_utf8(letters).unwrap_or_default()
}

/// A key value as it is compared: e-mails without regard to case.
pub fn normal(text: String, kind: &ColumnType) -> String {
    if *kind == ColumnType::Email { text.to_lowercase() } else { text }
}
