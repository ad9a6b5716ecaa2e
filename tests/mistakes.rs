//! Mistakes in configuration and data, as tables of cases: each gives its code, its place and advice; a mistake in
//! configuration or source sends nothing at all, and a bad row fails alone. `mistakes/README.md` explains the tables.

mod check;
mod codes;
mod project;
mod table;

const TABLES: &[&str] = &[YAML, SETTINGS, MAPPINGS, TEMPLATES, SOURCES, SHEETS, ROWS];
const YAML: &str = include_str!("mistakes/tables/yaml.txt");
const SETTINGS: &str = include_str!("mistakes/tables/settings.txt");
const MAPPINGS: &str = include_str!("mistakes/tables/mappings.txt");
const TEMPLATES: &str = include_str!("mistakes/tables/templates.txt");
const SOURCES: &str = include_str!("mistakes/tables/sources.txt");
const SHEETS: &str = include_str!("mistakes/tables/sheets.txt");
const ROWS: &str = include_str!("mistakes/tables/rows.txt");

#[test]
fn mistakes_in_the_syntax() {
    check::table(YAML);
}

#[test]
fn mistakes_in_rowbill_yaml() {
    check::table(SETTINGS);
}

#[test]
fn mistakes_in_mappings() {
    check::table(MAPPINGS);
}

#[test]
fn mistakes_in_templates() {
    check::table(TEMPLATES);
}

#[test]
fn mistakes_in_files() {
    check::table(SOURCES);
}

#[test]
fn mistakes_in_sheets() {
    check::table(SHEETS);
}

#[test]
fn mistakes_in_rows() {
    check::table(ROWS);
}

#[test]
fn there_are_enough_cases_and_each_has_a_name() {
    let cases: Vec<table::Case> = TABLES.iter().flat_map(|text| table::parse(text)).collect();
    let names: std::collections::BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "two cases have the same name");
    let mistakes = cases.iter().filter(|case| case.exit != 0).count();
    assert!(mistakes >= 120, "{mistakes}");
}
