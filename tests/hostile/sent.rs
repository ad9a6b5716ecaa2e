//! What Stripe gets: each cell as it stands, in the parameters that were declared, and nothing else.

use std::collections::BTreeSet;

use rowbill_stripe_sandbox::RequestEntry;
use serde_json::Value;

use super::corpus::{self, CELLS};
use super::nest;
use crate::support::{Project, books, invariants, journal, samples};

/// The names of a form's fields, with what an index is left out.
fn names(request: &RequestEntry) -> BTreeSet<String> {
    let names: Vec<String> = form_urlencoded::parse(&request.body).map(|(name, _)| name.into_owned()).collect();
    let set: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(set.len(), names.len(), "a field twice: {names:?}");
    set
}

#[track_caller]
fn fields_are(request: &RequestEntry, expected: &[&str]) {
    assert_eq!(names(request), expected.iter().map(|name| (*name).to_owned()).collect(), "{request:#?}");
}

#[test]
fn a_cell_reaches_stripe_as_it_is_and_in_its_own_field() {
    let project = nest::project();
    let run = project.run(&["run-now", "texts"]);
    run.exits(0);
    assert_eq!(run.tally("texts"), format!("{0} = {0} done", CELLS.len()));
    let customers: Vec<Value> = books::ours(&project.stripe, "customer").into_values().collect();
    for cell in CELLS {
        let found = customers.iter().find(|customer| customer["name"] == cell.sent);
        let customer = found.unwrap_or_else(|| panic!("no customer {:?}", cell.sent));
        assert_eq!(customer["description"], format!("Says {}", cell.sent).trim(), "{}", cell.name);
        assert_eq!(customer["metadata"]["cell"], cell.sent, "{}", cell.name);
        assert_eq!(customer["metadata"].as_object().unwrap().len(), 2, "{customer:#}");
        assert_ne!(customer["metadata"]["rowbill_op"], "forged");
    }
    for post in journal::posts_of(&project.stripe, "POST /v1/customers") {
        fields_are(&post, &["name", "description", "metadata[cell]", "metadata[rowbill_op]"]);
    }
    let again = project.run(&["run-now", "texts"]);
    assert_eq!(again.exits(0).tally("texts"), format!("{0} = {0} already_done", CELLS.len()));
}

#[test]
fn bills_under_hostile_names_hold_exactly_their_items() {
    let project = Project::new();
    project.mapping("bills", samples::BILLS);
    let row = |cell: &'static corpus::Cell| [cell.text, "ann@example.org", cell.text, "1.25"];
    let rows = CELLS.iter().map(row);
    project.csv("bills", &corpus::table(std::iter::once(["Bill", "E-mail", "What", "Total"]).chain(rows)));
    let run = project.run(&["run-now", "bills"]);
    // Two of the cells are the same when they are trimmed; they make one bill of two items.
    assert_eq!(run.exits(0).tally("bills"), format!("{0} = {0} done", CELLS.len()));
    let bills: BTreeSet<&str> = CELLS.iter().map(|cell| cell.sent).collect();
    let invoices = books::invoices(&project.stripe);
    for bill in &bills {
        let total = 125 * i64::try_from(CELLS.iter().filter(|cell| cell.sent == *bill).count()).unwrap();
        assert_eq!(invoices[&format!("Bill {bill}")], (total, "open".to_owned()));
    }
    assert_eq!(invoices.len(), bills.len());
    let described: BTreeSet<String> = books::ours(&project.stripe, "invoiceitem")
        .into_values()
        .map(|item| item["description"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(described, bills.iter().map(|bill| (*bill).to_owned()).collect());
    for post in journal::posts_of(&project.stripe, "POST /v1/customers") {
        fields_are(&post, &["email", "metadata[rowbill_op]"]);
    }
}

/// The e-mail goes into a query; a query takes no more parameters from it.
#[test]
fn an_address_cannot_add_to_a_query() {
    let project = Project::new();
    project.mapping("bills", samples::BILLS);
    let addresses = ["a&limit=1@x.org", "a#b?c=d@x.org", "a%26limit%3d1@x.org", "a+b=c'd@x.org", "a/../b[gte]=0@x.org"];
    let rows = addresses.map(|email| ["1", email, "Work", "1.25"]);
    project.csv("bills", &corpus::table(std::iter::once(["Bill", "E-mail", "What", "Total"]).chain(rows)));
    project.run(&["run-now", "bills"]).exits(0);
    let made: BTreeSet<String> = books::ours(&project.stripe, "customer")
        .into_values()
        .map(|customer| customer["email"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(made, addresses.map(str::to_owned).into());
    let asked = journal::requests(&project.stripe, 0).into_iter().filter(|request| request.query.contains("email="));
    for request in asked {
        let query: Vec<(String, String)> = form_urlencoded::parse(request.query.as_bytes()).into_owned().collect();
        let names: Vec<&str> = query.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.iter().all(|name| ["email", "limit"].contains(name)) && names.len() < 3, "{query:?}");
        assert!(addresses.contains(&query.iter().find(|(name, _)| name == "email").unwrap().1.as_str()), "{query:?}");
    }
}

#[test]
fn an_id_cannot_lead_to_another_path() {
    let project = nest::project();
    project.run(&["run-now", "texts"]).exits(0);
    let mark = project.mark();
    for id in ["cus_1/../../account", "in_1?limit=1", "cus_#x", "cus_\n", "..", "", "ii_%2e%2e"] {
        let args = ["rows", "resolve", "strangers", "link", "--stripe-id", id];
        assert_ne!(project.run(&args).code, 0, "{id:?}");
    }
    for request in journal::requests(&project.stripe, mark) {
        assert!(request.operation.is_some() && request.query.is_empty(), "{request:#?}");
    }
}

/// Stripe says what it does not take; nothing is cut in silence.
#[test]
fn metadata_that_stripe_does_not_take_fails_its_row() {
    let project = Project::new();
    project.mapping("texts", nest::TEXTS);
    let long = "x".repeat(501);
    project.csv("texts", &corpus::table([["Id", "Text"], ["long", &long], ["fits", &long[..200]]]));
    let run = project.run(&["run-now", "texts"]);
    assert_eq!(run.exits(3).tally("texts"), "2 = 1 done + 1 failed");
    for key in ["a".repeat(41), "a[b]".to_owned(), "a\nb".to_owned()] {
        let mapping = nest::TEXTS.replace("cell:", &format!("{}:", corpus::yaml(&key)));
        project.mapping("texts", &mapping);
        project.csv("texts", &corpus::table([["Id", "Text"], [&key, "one more"]]));
        project.run(&["run-now", "texts"]);
    }
    invariants::hold(&project.stripe);
    for customer in books::ours(&project.stripe, "customer").values() {
        assert_eq!(customer["metadata"].as_object().unwrap().len(), 2, "{customer:#}");
    }
}

/// What is trimmed away is nothing.
#[test]
fn a_required_cell_of_invisible_characters_is_empty() {
    let project = Project::new();
    let mapping = nest::TEXTS.replace("\"Text\"", "\"Text\", required: true").replace("[id, text]", "[id]");
    project.mapping("texts", &mapping);
    let blanks = ["\u{200b}", "\u{feff}", "\u{a0}\u{200b} ", "\u{2003}"];
    let rows = blanks.iter().zip(["1", "2", "3", "4"]).map(|(blank, id)| [id, *blank]);
    project.csv("texts", &corpus::table(std::iter::once(["Id", "Text"]).chain(rows)));
    let failed = ["1", "2", "3", "4"].map(|id| format!("{id} failed row.required_empty"));
    assert_eq!(project.run(&["run-now", "texts"]).exits(3).problems("texts"), failed);
}
