//! Whether something can be done to an invoice as it stands now, and with which request. Pure.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rowbill_connector::{Bill, Call, Currency, Param, Payment, Problem, Stage};

use crate::config::Act;
use crate::mapping::money::display;

/// What a row asks for.
pub struct Wish<'a> {
    /// What is to be done.
    pub act: Act,
    /// The invoice as it stands now.
    pub bill: &'a Bill,
    /// The parameters of the row; an amount with its currency.
    pub params: IndexMap<String, Param>,
    /// The currencies of the target.
    pub currencies: &'a BTreeMap<String, Currency>,
}

/// What becomes of a wish.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// It is to be sent.
    Do(Call),
    /// It is so already: nothing needs to be sent.
    Already,
    /// It cannot be.
    Refused(Problem),
}

impl Wish<'_> {
    /// Judges it.
    pub fn judge(self) -> Verdict {
        match self.act {
            Act::Finalize => self.from(&["draft"], &["open", "paid"]),
            Act::Send => self.from(&["open"], &[]),
            Act::Pay => self.from(&["open", "uncollectible"], &["paid"]),
            Act::Void => self.from(&["open", "uncollectible"], &["void"]),
            Act::MarkUncollectible => self.from(&["open"], &["uncollectible"]),
            Act::RecordPayment => Verdict::Already,
            Act::Credit => self.credit().unwrap_or_else(Verdict::Refused),
            Act::Refund => self.refund().unwrap_or_else(Verdict::Refused),
        }
    }

    fn from(mut self, good: &[&str], already: &[&str]) -> Verdict {
        let status = self.bill.status.as_str();
        if already.contains(&status) {
            return Verdict::Already;
        }
        if !good.contains(&status) {
            return Verdict::Refused(self.wrong_state(good));
        }
        self.params.shift_remove("currency");
        let path = vec![self.bill.invoice.clone()];
        Verdict::Do(Call { operation: self.act.operation(), path, params: self.params })
    }

    fn wrong_state(&self, good: &[&str]) -> Problem {
        let advice = match (self.act, self.bill.status.as_str()) {
            (Act::Void, "draft") => "delete the draft in Stripe",
            (Act::Void | Act::MarkUncollectible, "paid") => "use create_refund or create_credit_note",
            (Act::Send | Act::Pay, "draft") => "finalize it first: finalize_invoice, or `finish: finalize`",
            _ => "look at the invoice in Stripe",
        };
        let message = format!(
            "invoice {} is {}, and {} is for one that is {}",
            self.bill.invoice,
            self.bill.status,
            self.act.name(),
            good.join(" or ")
        );
        Problem::new("row.invoice_state", message).advise(advice)
    }

    fn credit(mut self) -> Result<Verdict, Problem> {
        if !matches!(self.bill.status.as_str(), "open" | "paid") {
            return Err(self.wrong_state(&["open", "paid"]));
        }
        if let Some(amount) = self.amount()?.filter(|amount| *amount > self.bill.total) {
            let (over, wished) = (self.money(self.bill.total), self.money(amount));
            let message = format!("invoice {} is over {over}, and not {wished}", self.bill.invoice);
            return Err(Problem::new("row.too_much", message).advise("correct the amount; nothing was sent"));
        }
        self.params.shift_remove("currency");
        self.params.shift_insert(0, "invoice".to_owned(), Param::Text(self.bill.invoice.clone()));
        Ok(Verdict::Do(Call { operation: self.act.operation(), path: Vec::new(), params: self.params }))
    }

    fn refund(mut self) -> Result<Verdict, Problem> {
        let open: Vec<&Payment> = self.bill.payments.iter().filter(|payment| left(payment) > 0).collect();
        let most: i64 = open.iter().map(|payment| left(payment)).sum();
        if most == 0 {
            return Err(self.nothing_left());
        }
        let amount = self.amount()?.unwrap_or(most);
        if amount > most {
            let message = format!(
                "{} is left to refund on invoice {}, and not {}",
                self.money(most),
                self.bill.invoice,
                self.money(amount)
            );
            return Err(Problem::new("row.too_much", message).advise("correct the amount; nothing was sent"));
        }
        let Some(payment) = open.iter().find(|payment| left(payment) >= amount) else {
            let parts: Vec<String> = open.iter().map(|payment| self.money(left(payment))).collect();
            let message = format!("invoice {} was paid in several payments, and none is so large", self.bill.invoice);
            return Err(Problem::new("row.several_payments", message)
                .advise(format!("refund them in rows of their own, with `amount`: {}", parts.join(", "))));
        };
        self.params.shift_remove("currency");
        self.params.insert("amount".to_owned(), Param::Int(amount));
        self.params.shift_insert(0, payment.parameter().to_owned(), Param::Text(payment.id.clone()));
        Ok(Verdict::Do(Call { operation: self.act.operation(), path: Vec::new(), params: self.params }))
    }

    fn nothing_left(&self) -> Problem {
        let through: i64 = self.bill.payments.iter().filter(|payment| payment.is_of_target).map(paid).sum();
        let refunded: i64 = self.bill.payments.iter().map(|payment| payment.refunded).sum();
        let (invoice, status) = (&self.bill.invoice, &self.bill.status);
        let message = match through {
            0 => format!("invoice {invoice} is {status}, and nothing was paid through Stripe: nothing can go back"),
            _ => format!(
                "nothing is left to refund on invoice {invoice}: {} was paid through Stripe, and {} of it went back",
                self.money(through),
                self.money(refunded)
            ),
        };
        Problem::new("row.nothing_left", message)
            .advise("what was paid by bank or in cash goes back the same way, not through Stripe")
    }

    /// The amount that the row says, which must be in the invoice's currency.
    fn amount(&self) -> Result<Option<i64>, Problem> {
        let Some(Param::Int(amount)) = self.params.get("amount") else { return Ok(None) };
        match self.params.get("currency") {
            Some(Param::Text(code)) if *code != self.bill.currency => {
                let (row, invoice) = (code.to_uppercase(), self.bill.currency.to_uppercase());
                let message = format!("the row is in {row}, and invoice {} in {invoice}", self.bill.invoice);
                Err(Problem::new("row.currency_mismatch", message).advise("correct the currency of the row"))
            }
            _ if *amount <= 0 => {
                let message = format!("{} is not an amount that can go back", self.money(*amount));
                Err(Problem::new("row.not_positive", message).advise("write how much goes back, without a sign"))
            }
            _ => Ok(Some(*amount)),
        }
    }

    fn money(&self, amount: i64) -> String {
        display(amount, &self.bill.currency, self.currencies)
    }
}

/// What a payment through the target has brought in.
fn paid(payment: &Payment) -> i64 {
    if payment.stage == Stage::Succeeded { payment.amount } else { 0 }
}

fn left(payment: &Payment) -> i64 {
    if payment.is_of_target { paid(payment) - payment.refunded } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bill(status: &str, payments: &[(i64, i64)]) -> Bill {
        let payment = |(at, &(amount, refunded)): (usize, &(i64, i64))| Payment {
            id: format!("pi_{at}"),
            stage: Stage::Succeeded,
            amount,
            refunded,
            is_of_target: true,
            failure: None,
        };
        Bill {
            invoice: "in_1".to_owned(),
            status: status.to_owned(),
            currency: "eur".to_owned(),
            total: 10_000,
            payments: payments.iter().enumerate().map(payment).collect(),
            ..Bill::default()
        }
    }

    fn told(act: Act, bill: &Bill, amount: Option<(i64, &str)>) -> String {
        let mut params = IndexMap::new();
        if let Some((amount, code)) = amount {
            params.insert("amount".to_owned(), Param::Int(amount));
            params.insert("currency".to_owned(), Param::Text(code.to_owned()));
        }
        let euro = Currency { decimals: 2, exponent: 2, step: 1, minimum: None };
        let currencies = BTreeMap::from([("eur".to_owned(), euro)]);
        match (Wish { act, bill, params, currencies: &currencies }).judge() {
            Verdict::Already => "already".to_owned(),
            Verdict::Refused(problem) => problem.code,
            Verdict::Do(call) => format!("{:?} {:?}", call.path, call.params.values().collect::<Vec<_>>()),
        }
    }

    #[test]
    fn each_act_has_its_states() {
        let states = ["draft", "open", "paid", "void", "uncollectible"];
        let of = |act| states.map(|status| told(act, &bill(status, &[]), None).replace("[\"in_1\"] []", "do"));
        let no = "row.invoice_state";
        assert_eq!(of(Act::Finalize), ["do", "already", "already", no, no]);
        assert_eq!(of(Act::Send), [no, "do", no, no, no]);
        assert_eq!(of(Act::Pay), [no, "do", "already", no, "do"]);
        assert_eq!(of(Act::Void), [no, "do", no, "already", "do"]);
        assert_eq!(of(Act::MarkUncollectible), [no, "do", no, no, "already"]);
    }

    #[test]
    fn a_refund_is_never_over_what_is_left() {
        let paid = bill("paid", &[(10_000, 4000)]);
        let whole = "[] [Text(\"pi_0\"), Int(6000)]";
        assert_eq!(told(Act::Refund, &paid, None), whole);
        assert_eq!(told(Act::Refund, &paid, Some((6000, "eur"))), whole);
        assert_eq!(told(Act::Refund, &paid, Some((6001, "eur"))), "row.too_much");
        assert_eq!(told(Act::Refund, &paid, Some((6000, "usd"))), "row.currency_mismatch");
        assert_eq!(told(Act::Refund, &paid, Some((0, "eur"))), "row.not_positive");
        assert_eq!(told(Act::Refund, &bill("paid", &[(10_000, 10_000)]), None), "row.nothing_left");
        assert_eq!(told(Act::Refund, &bill("open", &[]), None), "row.nothing_left");
        let parts = bill("paid", &[(4000, 0), (6000, 1000)]);
        assert_eq!(told(Act::Refund, &parts, None), "row.several_payments");
        assert_eq!(told(Act::Refund, &parts, Some((5000, "eur"))), "[] [Text(\"pi_1\"), Int(5000)]");
        assert_eq!(told(Act::Refund, &parts, Some((9001, "eur"))), "row.too_much");
    }

    #[test]
    fn a_credit_note_is_not_over_more_than_the_invoice() {
        let open = bill("open", &[]);
        assert_eq!(told(Act::Credit, &open, Some((10_000, "eur"))), "[] [Text(\"in_1\"), Int(10000)]");
        assert_eq!(told(Act::Credit, &open, Some((10_001, "eur"))), "row.too_much");
        assert_eq!(told(Act::Credit, &bill("void", &[]), Some((1, "eur"))), "row.invoice_state");
    }
}
