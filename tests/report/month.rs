//! A month of a business in five currencies: what happens at a Stripe account, written down here as well.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowbill_stripe_sandbox::Sandbox;
use serde_json::Value;

use crate::support::{Project, person};

pub const VISA: &str = "4242424242424242";
pub const CURRENCIES: [&str; 5] = ["eur", "huf", "jpy", "kwd", "usd"];
const DAYS: i32 = 31;

/// What was open: the currency, the class of its age, how much.
pub type Open = BTreeMap<(String, usize), i64>;

pub struct Month {
    pub project: Project,
    pub zone: TimeZone,
    pub first: Date,
    pub last: Date,
    /// What was paid in cash: when, in which currency, how much.
    pub cash: Vec<(i64, String, i64)>,
    /// What was open when the last day ended.
    pub open: Open,
    customers: BTreeMap<&'static str, String>,
    dice: StdRng,
    /// Disputes that the bank has not decided.
    waiting: Vec<String>,
}

impl Month {
    pub fn play(seed: u64) -> Self {
        let project = Project::new();
        let zone = TimeZone::get("Europe/Kyiv").unwrap();
        let first = today(&project.stripe, &zone).checked_add(80.days()).unwrap();
        let last = first.checked_add((DAYS - 1).days()).unwrap();
        let customers = CURRENCIES
            .into_iter()
            .map(|currency| (currency, person::customer(&project.stripe, &format!("{currency}@example.org"))));
        let customers = customers.collect();
        let dice = StdRng::seed_from_u64(seed);
        let (cash, open, waiting) = (Vec::new(), Open::new(), Vec::new());
        let mut month = Self { project, zone, first, last, cash, open, customers, dice, waiting };
        month.before();
        for day in 0..DAYS {
            month.noon(first.checked_add(day.days()).unwrap());
            month.day(day);
        }
        month.open = month.open_now();
        month.after();
        month
    }

    /// Invoices of every class of age; some of them are paid during the month.
    fn before(&mut self) {
        for ago in [75, 40, 10, 1] {
            self.noon(self.first.checked_sub(ago.days()).unwrap());
            for currency in CURRENCIES {
                for _ in 0..3 {
                    self.invoice(currency);
                }
                let paid = self.invoice(currency);
                self.pay(&paid, None);
            }
        }
    }

    fn day(&mut self, day: i32) {
        for currency in CURRENCIES {
            self.happens(currency, day % 12);
        }
        if day % 3 == 2 {
            // Of two disputes in a currency one is won and one is lost.
            for (index, dispute) in std::mem::take(&mut self.waiting).into_iter().enumerate() {
                self.project.stripe.close_dispute(&dispute, index % 2 == 0).unwrap();
            }
        }
        if day % 7 == 6 {
            for currency in CURRENCIES {
                let payout = self.project.stripe.pay_out(currency).unwrap();
                if day == 13 {
                    self.project.stripe.fail_payout(payout["id"].as_str().unwrap()).unwrap();
                }
            }
        }
    }

    /// One thing of each kind, in turn.
    fn happens(&mut self, currency: &'static str, what: i32) {
        let amount = self.dice.random_range(2_000..30_000) * 10;
        let invoice = invoice(&self.project.stripe, &self.customers[currency], currency, amount);
        let post = |path: &str, form: &str| person::post(&self.project.stripe, path, form);
        let part = amount / 20 * 10;
        match what {
            0 => {}
            1 => drop(self.pay(&invoice, None)),
            2 => drop(self.pay(&invoice, Some(part))),
            3 => {
                let charge = self.pay(&invoice, None);
                post("/v1/refunds", &format!("charge={charge}&amount={part}"));
            }
            4 | 5 => {
                let charge = self.pay(&invoice, None);
                let dispute = self.project.stripe.dispute(&charge).unwrap();
                self.waiting.push(dispute["id"].as_str().unwrap().to_owned());
            }
            6 => self.in_cash(currency, &invoice),
            7 => {
                self.pay(&invoice, Some(part));
                self.in_cash(currency, &invoice);
            }
            8 => drop(post(&format!("/v1/invoices/{invoice}/void"), "")),
            9 => drop(post(&format!("/v1/invoices/{invoice}/mark_uncollectible"), "")),
            10 => {
                post("/v1/credit_notes", &format!("invoice={invoice}&amount={part}"));
                let charge = self.pay(&invoice, None);
                let refund = post("/v1/refunds", &format!("charge={charge}"));
                self.project.stripe.fail_refund(refund["id"].as_str().unwrap()).unwrap();
            }
            _ => {
                self.project.stripe.pay(&invoice, "4000000000000002", None).unwrap();
                let old = self.open_of(currency);
                self.pay(&old, None);
            }
        }
    }

    /// After the month much of what was open is settled, in every way.
    fn after(&mut self) {
        self.noon(self.last.tomorrow().unwrap());
        for currency in CURRENCIES {
            let part = self.open_of(currency);
            self.pay(&part, Some(10));
            self.pay(&part, None);
            let cash = self.open_of(currency);
            self.in_cash(currency, &cash);
            for end in ["mark_uncollectible", "void"] {
                person::post(&self.project.stripe, &format!("/v1/invoices/{}/{end}", self.open_of(currency)), "");
            }
            self.invoice(currency);
            let _ = self.project.stripe.pay_out(currency);
        }
    }

    fn invoice(&mut self, currency: &'static str) -> String {
        let amount = self.dice.random_range(2_000..30_000) * 10;
        invoice(&self.project.stripe, &self.customers[currency], currency, amount)
    }

    fn pay(&self, invoice: &str, amount: Option<i64>) -> String {
        let paid = self.project.stripe.pay(invoice, VISA, amount).unwrap();
        paid["charge"].as_str().unwrap().to_owned()
    }

    fn in_cash(&mut self, currency: &str, invoice: &str) {
        let before = person::post(&self.project.stripe, &format!("/v1/invoices/{invoice}"), "");
        let paid = person::post(&self.project.stripe, &format!("/v1/invoices/{invoice}/pay"), "paid_out_of_band=true");
        let at = paid["status_transitions"]["paid_at"].as_i64().unwrap();
        self.cash.push((at, currency.to_owned(), before["amount_remaining"].as_i64().unwrap()));
    }

    /// The oldest invoice that is open.
    fn open_of(&self, currency: &str) -> String {
        let invoices = self.project.stripe.objects("invoice");
        let open = |invoice: &&Value| invoice["status"] == "open" && invoice["currency"] == currency;
        invoices.iter().find(open).unwrap()["id"].as_str().unwrap().to_owned()
    }

    fn open_now(&self) -> Open {
        let mut found = Open::new();
        for invoice in self.project.stripe.objects("invoice").iter().filter(|invoice| invoice["status"] == "open") {
            let since = self.date(invoice["status_transitions"]["finalized_at"].as_i64().unwrap());
            let class = match (self.last - since).get_days() {
                ..=30 => 0,
                31..=60 => 1,
                61..=90 => 2,
                _ => 3,
            };
            let currency = invoice["currency"].as_str().unwrap().to_owned();
            *found.entry((currency, class)).or_default() += invoice["amount_remaining"].as_i64().unwrap();
        }
        found
    }

    /// The day that an instant is on.
    pub fn date(&self, at: i64) -> Date {
        Timestamp::from_second(at).unwrap().to_zoned(self.zone.clone()).date()
    }

    /// Whether an instant is in the month.
    pub fn holds(&self, at: i64) -> bool {
        (self.first..=self.last).contains(&self.date(at))
    }

    fn noon(&self, day: Date) {
        advance_to(&self.project, day.at(12, 0, 0, 0).to_zoned(self.zone.clone()).unwrap().timestamp().as_second());
    }
}

pub fn today(stripe: &Sandbox, zone: &TimeZone) -> Date {
    Timestamp::from_second(stripe.clock().unix()).unwrap().to_zoned(zone.clone()).date()
}

/// Moves all clocks to an instant that is still to come.
pub fn advance_to(project: &Project, at: i64) {
    let ahead = u64::try_from(at - project.stripe.clock().unix()).expect("it is still to come");
    project.advance(Duration::from_secs(ahead));
}

/// An invoice that is finalized.
pub fn invoice(stripe: &Sandbox, customer: &str, currency: &str, amount: i64) -> String {
    let form = format!("customer={customer}&currency={currency}");
    person::post(stripe, "/v1/invoiceitems", &format!("{form}&amount={amount}"));
    let made = person::post(stripe, "/v1/invoices", &format!("{form}&pending_invoice_items_behavior=include"));
    let id = made["id"].as_str().unwrap().to_owned();
    person::post(stripe, &format!("/v1/invoices/{id}/finalize"), "");
    id
}
