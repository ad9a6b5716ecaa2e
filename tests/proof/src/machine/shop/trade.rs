//! What the shop sells: rows that grow, always whole months and whole bills.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The source's book.
#[derive(Clone, Debug, Default)]
pub struct Trade {
    customers: Vec<String>,
    /// Customer, month, cents.
    orders: Vec<(usize, usize, i64)>,
    /// For each bill its lines' cents.
    bills: Vec<Vec<i64>>,
    months: usize,
    /// Every customers' file that there was.
    versions: Vec<String>,
}

impl Trade {
    /// The smallest business that has every operation.
    pub fn new() -> Self {
        let customers = vec!["Ann".to_owned(), "Bob".to_owned()];
        let orders = vec![(1, 0, 1000), (1, 0, 550), (2, 0, 725)];
        let trade = Self { customers, orders, bills: vec![vec![8000, 100]], ..Self::default() };
        Self { versions: vec![trade.customers_csv()], ..trade }
    }

    /// A month later: a customer has another name, one more has come, and both have bought something.
    pub fn grow(&mut self) {
        self.months += 1;
        let (month, cents) = (self.months, 333 + 10 * i64::try_from(self.months).unwrap());
        let edited = month % self.customers.len();
        self.customers[edited] = format!("{} {month}", self.customers[edited].split(' ').next().unwrap_or_default());
        self.customers.push("Eve".to_owned());
        self.orders.push((edited + 1, month, cents));
        self.orders.push((self.customers.len(), month, cents + 5));
        self.bills.push(vec![cents + 7]);
        self.versions.push(self.customers_csv());
    }

    /// Whether this is one of the customers' files, whole, with two more cells in each line.
    pub fn is_written_back(&self, results: &str) -> bool {
        let source = |line: &str| line.rsplitn(3, ',').last().map(|cells| format!("{cells}\n"));
        let source: Option<String> = results.split_inclusive('\n').map(source).collect();
        results.ends_with('\n') && source.is_some_and(|source| self.versions.contains(&source))
    }

    pub fn customers_csv(&self) -> String {
        let mut text = "Customer ID,E-mail,Name\n".to_owned();
        for (at, name) in self.customers.iter().enumerate() {
            writeln!(text, "{0},c{0}@example.org,{name}", at + 1).unwrap();
        }
        text
    }

    /// The file that is written back, once every customer has an id at Stripe.
    pub fn results_csv(&self, ids: &BTreeMap<String, String>) -> String {
        let mut text = "Customer ID,E-mail,Name,Billing status,Stripe ID\n".to_owned();
        for (at, name) in self.customers.iter().enumerate() {
            let key = (at + 1).to_string();
            let id = ids.get(&key).map_or("", String::as_str);
            writeln!(text, "{key},c{key}@example.org,{name},done,{id}").unwrap();
        }
        text
    }

    pub fn orders_csv(&self) -> String {
        let mut text = "Order,Customer ID,Month,Total\n".to_owned();
        for (at, (customer, month, cents)) in self.orders.iter().enumerate() {
            writeln!(text, "A-{},{customer},{month},{}", at + 1, euros(*cents)).unwrap();
        }
        text
    }

    pub fn bills_csv(&self) -> String {
        let mut text = "Bill,E-mail,What,Total\n".to_owned();
        for (at, lines) in self.bills.iter().enumerate() {
            for (line, cents) in lines.iter().enumerate() {
                writeln!(text, "B-{},{},Line {line},{}", at + 1, payer(at), euros(*cents)).unwrap();
            }
        }
        text
    }

    /// How many rows each connection has; those of the invoices are the orders.
    pub fn rows(&self) -> [(&'static str, usize); 4] {
        let lines = self.bills.iter().map(Vec::len).sum();
        let (customers, orders) = (self.customers.len(), self.orders.len());
        [("customers", customers), ("items", orders), ("invoices", orders), ("bills", lines)]
    }

    /// What each invoice must come to, by its description.
    pub fn invoices(&self) -> BTreeMap<String, i64> {
        let mut invoices = BTreeMap::new();
        for (customer, month, cents) in &self.orders {
            *invoices.entry(format!("Month {month} of {customer}")).or_default() += cents;
        }
        for (at, lines) in self.bills.iter().enumerate() {
            invoices.insert(format!("Bill B-{}", at + 1), lines.iter().sum());
        }
        invoices
    }

    /// Whom Stripe must know: the name by the address; those who only pay bills have none.
    pub fn people(&self) -> BTreeMap<String, Option<String>> {
        let customers = self.customers.iter().enumerate();
        let customers = customers.map(|(at, name)| (format!("c{}@example.org", at + 1), Some(name.clone())));
        let payers = (0..self.bills.len()).map(|at| (payer(at), None));
        customers.chain(payers).collect()
    }
}

fn payer(bill: usize) -> String {
    format!("d{}@example.org", bill % 3)
}

fn euros(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
