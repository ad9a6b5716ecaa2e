//! Three books compared once the business is settled: the source, Stripe, and what rowbill says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::{MAPPINGS, Shop};
use crate::{invariants, journal};

impl Shop<'_> {
    /// The books agree to the cent, and nothing is left to do.
    pub fn is_settled(&self) {
        invariants::hold(&self.stripe);
        self.is_quiet();
        let rows: BTreeMap<&str, Vec<Value>> = MAPPINGS.iter().map(|(name, _)| (*name, self.rows(name))).collect();
        self.every_row_is_done(&rows);
        self.nothing_is_unknown(&rows);
        self.stripe_is_the_source();
        self.files_are_whole(&rows);
        let verified = self.run(&["ledger", "verify"]);
        assert_eq!(verified.code, Some(0), "{verified:#?}");
    }

    /// I8: another run sends nothing, and says that every row was done before.
    fn is_quiet(&self) {
        let mark = self.stripe.journal().len();
        let again = self.run_all();
        assert_eq!(again.code, Some(0), "{again:#?}");
        let posts = journal::posts(&self.stripe, mark);
        assert!(posts.is_empty(), "I8: {posts:#?}");
        for (connection, count) in self.trade.borrow().rows() {
            let report = again.reports().iter().find(|report| report["connection"] == connection);
            let rows = &report.unwrap_or_else(|| panic!("no report of {connection}: {again:#?}"))["rows"];
            assert_eq!((&rows["read"], &rows["already_done"]), (&count.into(), &count.into()), "{connection}");
        }
    }

    fn rows(&self, connection: &str) -> Vec<Value> {
        let rows = self.run(&["rows", connection, "--limit=1000000"]);
        rows.json["rows"].as_array().unwrap_or_else(|| panic!("{rows:#?}")).clone()
    }

    /// I5: what rowbill calls done is at Stripe.
    fn every_row_is_done(&self, rows: &BTreeMap<&str, Vec<Value>>) {
        let kinds = ["customer", "invoiceitem", "invoice"];
        let here: BTreeSet<String> =
            kinds.iter().flat_map(|kind| self.stripe.objects(kind)).map(|object| id(&object)).collect();
        for row in rows.values().flatten() {
            let objects: Vec<String> = objects(row).map(id).collect();
            let is_there = !objects.is_empty() && objects.iter().all(|object| here.contains(object));
            assert!(row["state"] == "done" && is_there, "I5: {row:#}");
        }
    }

    /// I4: no object of ours is unknown to rowbill; a customer without a name was made for a bill and is no row.
    fn nothing_is_unknown(&self, rows: &BTreeMap<&str, Vec<Value>>) {
        let known: BTreeSet<String> = rows.values().flatten().flat_map(objects).map(id).collect();
        for kind in ["customer", "invoiceitem", "invoice"] {
            for object in self.ours(kind) {
                let is_payer = kind == "customer" && object["name"].is_null();
                assert!(is_payer || known.contains(&id(&object)), "I4: {object:#}");
            }
        }
    }

    fn ours(&self, kind: &str) -> Vec<Value> {
        let objects = self.stripe.objects(kind).into_iter();
        objects.filter(|object| object["metadata"]["rowbill_op"].is_string()).collect()
    }

    /// I2: to the cent, and each person once under the last name.
    fn stripe_is_the_source(&self) {
        let trade = self.trade.borrow();
        let people: Vec<(String, Option<String>)> = self.ours("customer").iter().map(person).collect();
        assert_eq!(people.len(), trade.people().len(), "I2: {people:#?}");
        assert_eq!(people.into_iter().collect::<BTreeMap<_, _>>(), trade.people(), "I2");
        let invoices: Vec<(String, i64)> = self.ours("invoice").iter().map(invoice).collect();
        assert_eq!(invoices.len(), trade.invoices().len(), "I2: {invoices:#?}");
        assert_eq!(invoices.into_iter().collect::<BTreeMap<_, _>>(), trade.invoices(), "I2");
        let billed: i64 = self.ours("invoiceitem").iter().filter_map(|item| item["amount"].as_i64()).sum();
        assert_eq!(billed, trade.invoices().values().sum::<i64>(), "I2: the items");
    }

    /// The sources are as the person left them, and what was written back is whole.
    fn files_are_whole(&self, rows: &BTreeMap<&str, Vec<Value>>) {
        self.sources_are_untouched();
        let ids = rows["customers"].iter().map(|row| {
            let made = objects(row).find(|object| object["step"] == "create_customer");
            (row["key"][0].as_str().unwrap_or_default().to_owned(), made.map(id).unwrap_or_default())
        });
        let results = fs::read_to_string(self.project().join("data/customers.results.csv")).unwrap_or_default();
        assert_eq!(results, self.trade.borrow().results_csv(&ids.collect()), "what was written back");
    }

    /// What was written back is not there yet, or it is all of a source: never a part.
    pub fn results_are_whole(&self) {
        let Ok(results) = fs::read_to_string(self.project().join("data/customers.results.csv")) else { return };
        assert!(self.trade.borrow().is_written_back(&results), "cut off: {results:?}");
    }

    /// Nothing but the person writes the sources.
    pub fn sources_are_untouched(&self) {
        let trade = self.trade.borrow();
        let files =
            [("customers", trade.customers_csv()), ("orders", trade.orders_csv()), ("bills", trade.bills_csv())];
        for (name, text) in files {
            let found = fs::read_to_string(self.project().join(format!("data/{name}.csv"))).unwrap_or_default();
            assert_eq!(found, text, "the source {name}");
        }
    }
}

fn objects(row: &Value) -> impl Iterator<Item = &Value> {
    row["objects"].as_array().into_iter().flatten()
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_default().to_owned()
}

fn person(object: &Value) -> (String, Option<String>) {
    (object["email"].as_str().unwrap_or_default().to_owned(), object["name"].as_str().map(str::to_owned))
}

/// Description and total of an invoice that has left its draft.
fn invoice(object: &Value) -> (String, i64) {
    assert_eq!(object["status"], "open", "{object:#}");
    (object["description"].as_str().unwrap_or_default().to_owned(), object["total"].as_i64().unwrap_or_default())
}
