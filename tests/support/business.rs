//! A small business with customers, orders, monthly invoices and bills, and a person who answers its questions: what
//! the tests with faults and kills run until every row is settled.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowbill_stripe_sandbox::{Options, Rule};
use serde_json::Value;

use super::{Output, Project, books, journal, samples};

/// Its connections.
pub const NAMES: [&str; 4] = ["customers", "items", "invoices", "bills"];
const CUSTOMERS: u32 = 10;
const ORDERS: u32 = 30;
const BILLS: u32 = 5;
/// So many runs with faults; then the faults end.
const FAULTY_RUNS: u32 = 6;
/// So many runs without faults settle everything.
const QUIET_RUNS: u32 = 5;

const INVOICES: &str = r#"
account: acme
group_by: [customer_id, month]
first_run: all
create_invoice:
  customer: { from: customers, key: "${{ group.customer_id }}" }
  items_from: items
  collection_method: send_invoice
  days_until_due: 14
  description: Month ${{ group.month }} of ${{ group.customer_id }}
  finish: send
"#;

pub struct Business {
    pub project: Project,
    /// What each invoice must come to, by its description.
    expected: BTreeMap<String, i64>,
    dice: RefCell<StdRng>,
}

impl Business {
    /// With faults that repeat with the seed, like everything else but the timing.
    pub fn new(seed: u64, faults: Vec<Rule>) -> Self {
        let project = Project::with(Options { seed, faults, ..Options::default() });
        let items = samples::monthly_items();
        for (name, yaml) in NAMES.into_iter().zip([samples::CUSTOMERS, &items, INVOICES, samples::BILLS]) {
            project.mapping(name, yaml);
        }
        project.csv("customers", &samples::customers(CUSTOMERS));
        let dice = RefCell::new(StdRng::seed_from_u64(seed));
        let mut business = Self { project, expected: BTreeMap::new(), dice };
        business.trade();
        business
    }

    fn trade(&mut self) {
        let mut orders = vec!["Order,Customer ID,Month,Total".to_owned()];
        for order in 1..=ORDERS {
            let (customer, month, cents) = (self.roll(1..CUSTOMERS + 1), self.roll(1..3), self.roll(50..500_000));
            orders.push(format!("A-{order},{customer},{month},{}", euros(cents)));
            *self.expected.entry(format!("Month {month} of {customer}")).or_default() += i64::from(cents);
        }
        let mut bills = vec!["Bill,E-mail,What,Total".to_owned()];
        for bill in 1..=BILLS {
            for line in 0..self.roll(1..4) {
                let (who, cents) = (bill % 3, self.roll(50..500_000));
                bills.push(format!("B-{bill},d{who}@example.org,Line {line},{}", euros(cents)));
                *self.expected.entry(format!("Bill B-{bill}")).or_default() += i64::from(cents);
            }
        }
        self.project.csv("orders", &samples::lines(orders));
        self.project.csv("bills", &samples::lines(bills));
    }

    pub fn roll(&self, range: std::ops::Range<u32>) -> u32 {
        self.dice.borrow_mut().random_range(range)
    }

    /// Minutes pass, or a night.
    pub fn wait(&self) {
        let by = if self.roll(0..3) == 0 { Duration::from_hours(25) } else { Duration::from_mins(7) };
        self.project.advance(by);
    }

    /// Runs until every row is settled, with the faults and then without them.
    #[track_caller]
    pub fn settle(&self) {
        for run in 0..FAULTY_RUNS + QUIET_RUNS {
            if run == FAULTY_RUNS {
                self.project.stripe.faults().clear();
            }
            let output = self.project.run_all();
            if output.code == 0 {
                return;
            }
            self.answer();
            self.wait();
        }
        let output = self.project.run_all();
        let problems: Vec<&Value> = output.reports().into_iter().map(|report| &report["problems"]).collect();
        panic!("not settled: {problems:#?}\n{}", journal::history(&self.project.stripe, "/v1/invoices/in_"));
    }

    /// The person looks at what failed or is a question, and into Stripe.
    pub fn answer(&self) {
        for connection in NAMES {
            let output = self.project.run(&["rows", connection, "--failed"]);
            for row in output.json["rows"].as_array().unwrap() {
                self.answer_for(connection, row);
            }
        }
    }

    fn answer_for(&self, connection: &str, row: &Value) {
        let key: Vec<&str> = row["key"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
        let key = key.join(",");
        let code = row["problem"]["code"].as_str().unwrap_or_default();
        let rows = |args: &[&str]| -> Output { self.project.run(&[&["rows"], args].concat()) };
        match row["state"].as_str().unwrap() {
            "needs_review" if code == "row.unsure" => {
                let made = self.made(row);
                let answer = made.as_ref().map_or(vec!["--none"], |id| vec!["--stripe-id", id]);
                rows(&[&["resolve", connection, &key], &answer[..]].concat()).exits(0);
            }
            "failed" if code.starts_with("stripe.") => drop(rows(&["retry", connection, &key]).exits(0)),
            "needs_review" => panic!("a question that nobody should have to answer: {row:#}"),
            _ => {}
        }
    }

    /// Whether the step that is open was done after all: an invoice whose mail went out.
    fn made(&self, row: &Value) -> Option<String> {
        let objects = row["objects"].as_array().unwrap();
        let invoice =
            objects.iter().find(|object| object["step"] == "create_invoice")?["id"].as_str().unwrap().to_owned();
        let sends = journal::posts_of(&self.project.stripe, "POST /v1/invoices/{invoice}/send");
        let changes = journal::changes(&self.project.stripe);
        let is_sent = |change: &rowbill_stripe_sandbox::ObjectEntry| {
            change.id == invoice && sends.iter().any(|send| send.seq == change.request)
        };
        changes.iter().any(is_sent).then_some(invoice)
    }

    /// The books agree to the cent, and nothing is left to do.
    #[track_caller]
    pub fn is_settled(&self) {
        let mark = self.project.mark();
        let again = self.project.run_all();
        again.exits(0);
        assert_eq!(self.project.posts_since(mark), [""; 0], "I8");
        assert_eq!(again.tally("customers"), format!("{CUSTOMERS} = {CUSTOMERS} already_done"));
        assert_eq!(again.tally("items"), format!("{ORDERS} = {ORDERS} already_done"));
        assert_eq!(again.tally("invoices"), format!("{ORDERS} = {ORDERS} already_done"));
        self.is_billed_once();
        assert_eq!(journal::made(&self.project.stripe, "invoice").len(), self.expected.len());
    }

    /// The books agree to the cent; invoices that were voided do not count.
    #[track_caller]
    pub fn is_billed_once(&self) {
        books::agree(&self.project, &NAMES);
        assert_eq!(
            books::billed(&self.project.stripe),
            [("eur".to_owned(), self.expected.values().sum())].into(),
            "I2"
        );
        let invoices = books::invoices(&self.project.stripe);
        let open = |total: &i64| (*total, "open".to_owned());
        let expected: BTreeMap<_, _> = self.expected.iter().map(|(what, total)| (what.clone(), open(total))).collect();
        assert_eq!(invoices, expected);
    }
}

fn euros(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
