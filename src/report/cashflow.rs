//! What an account's books come to, by period and currency.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rowbill_connector::{Entry, EntryKind, Owed, Payout, Problem};

use super::periods::Period;

/// The first day of the second, third and fourth class of age.
const AGES: [i32; 3] = [31, 61, 91];

/// What an account has told.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// All that was booked between the first and the last period.
    pub entries: Vec<Entry>,
    /// The payouts that were begun then.
    pub payouts: Vec<Payout>,
    /// Every invoice that may count.
    pub owed: Vec<Owed>,
}

/// One currency in one period, in minor units. What leaves the balance is negative, except for what is paid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// What the invoices are over that were finalized then and were not voided.
    pub invoiced: i64,
    /// What customers paid through the target, before fees.
    pub paid: i64,
    /// All fees, whatever they were for.
    pub fees: i64,
    /// What went back to customers.
    pub refunds: i64,
    /// What disputes took and gave back.
    pub disputes: i64,
    /// What else moved the balance.
    pub other: i64,
    /// What went to the bank, less what came back from it.
    pub paid_out: i64,
    /// What of the payouts begun then is not at the bank yet.
    pub on_its_way: i64,
    /// What customers paid outside of the target.
    pub outside: i64,
    /// What was owed at the end, by the days since the invoice was finalized: 0-30, 31-60, 61-90, more.
    pub open: [i64; 4],
}

impl Flow {
    /// What the balance has changed by, before anything was paid out.
    pub fn net(&self) -> i64 {
        [self.fees, self.refunds, self.disputes, self.other].into_iter().fold(self.paid, i64::saturating_add)
    }

    /// All that was owed at the end.
    pub fn owed(&self) -> i64 {
        self.open.into_iter().fold(0, i64::saturating_add)
    }

    /// This one and the next: sums, and what is owed at the end of the second.
    #[must_use]
    pub fn and(&self, next: &Self) -> Self {
        Self {
            invoiced: self.invoiced.saturating_add(next.invoiced),
            paid: self.paid.saturating_add(next.paid),
            fees: self.fees.saturating_add(next.fees),
            refunds: self.refunds.saturating_add(next.refunds),
            disputes: self.disputes.saturating_add(next.disputes),
            other: self.other.saturating_add(next.other),
            paid_out: self.paid_out.saturating_add(next.paid_out),
            on_its_way: self.on_its_way.saturating_add(next.on_its_way),
            outside: self.outside.saturating_add(next.outside),
            open: next.open,
        }
    }
}

/// Sums the books. Every currency has a [`Flow`] for every period. What it gives equals the target's own books, or it gives
/// a problem: the same entries are summed in two ways.
pub fn cashflow(books: &Books, periods: &[Period], zone: &TimeZone) -> Result<BTreeMap<String, Vec<Flow>>, Problem> {
    let mut summing = Summing { periods, zone, flows: BTreeMap::new() };
    books.entries.iter().for_each(|entry| summing.entry(entry));
    for payout in books.payouts.iter().filter(|payout| payout.is_on_its_way) {
        summing.add(&payout.currency, payout.created, |flow| &mut flow.on_its_way, payout.amount);
    }
    books.owed.iter().for_each(|invoice| summing.invoice(invoice));
    balanced(&books.entries, &summing.flows)?;
    Ok(summing.flows)
}

struct Summing<'a> {
    periods: &'a [Period],
    zone: &'a TimeZone,
    flows: BTreeMap<String, Vec<Flow>>,
}

impl Summing<'_> {
    fn entry(&mut self, entry: &Entry) {
        let (code, at) = (entry.currency.as_str(), entry.created);
        match entry.kind {
            EntryKind::Charge => self.add(code, at, |flow| &mut flow.paid, entry.amount),
            EntryKind::Refund => self.add(code, at, |flow| &mut flow.refunds, entry.amount),
            EntryKind::Dispute => self.add(code, at, |flow| &mut flow.disputes, entry.amount),
            EntryKind::Fee => self.add(code, at, |flow| &mut flow.fees, entry.amount),
            EntryKind::Payout => self.add(code, at, |flow| &mut flow.paid_out, entry.amount.saturating_neg()),
            EntryKind::Other(_) => self.add(code, at, |flow| &mut flow.other, entry.amount),
        }
        self.add(code, at, |flow| &mut flow.fees, entry.fee.saturating_neg());
    }

    fn invoice(&mut self, invoice: &Owed) {
        let code = invoice.currency.as_str();
        if invoice.voided_at.is_none() {
            self.add(code, invoice.finalized, |flow| &mut flow.invoiced, invoice.total);
        }
        for (at, amount) in outside(invoice) {
            self.add(code, at, |flow| &mut flow.outside, amount);
        }
        let Some(since) = day(invoice.finalized, self.zone) else { return };
        for (index, period) in self.periods.iter().enumerate() {
            let amount = open_at(invoice, period.until);
            if amount != 0 {
                let flow = &mut self.row(code)[index];
                let class = &mut flow.open[age(since, period.last)];
                *class = class.saturating_add(amount);
            }
        }
    }

    /// Adds to the period that an instant is in; what is in none is not added, and missed when it is compared.
    fn add(&mut self, code: &str, at: i64, field: impl Fn(&mut Flow) -> &mut i64, amount: i64) {
        let index = self.periods.partition_point(|period| period.until <= at);
        if self.periods.get(index).is_some_and(|period| period.from <= at) {
            let sum = field(&mut self.row(code)[index]);
            *sum = sum.saturating_add(amount);
        }
    }

    fn row(&mut self, code: &str) -> &mut Vec<Flow> {
        if !self.flows.contains_key(code) {
            self.flows.insert(code.to_owned(), vec![Flow::default(); self.periods.len()]);
        }
        self.flows.get_mut(code).expect("it was put there")
    }
}

/// What came in outside of the target, and when: what it has a record of, and what made an invoice paid without one.
fn outside(invoice: &Owed) -> Vec<(i64, i64)> {
    let recorded = invoice.parts.iter().filter(|part| !part.is_of_target).map(|part| (part.at, part.amount));
    let mut found: Vec<(i64, i64)> = recorded.collect();
    let known = invoice.parts.iter().fold(0, |sum: i64, part| sum.saturating_add(part.amount));
    let rest = invoice.paid.saturating_sub(known);
    found.extend(invoice.paid_at.filter(|_| rest > 0).map(|at| (at, rest)));
    found
}

/// What was owed for an invoice just before an instant.
fn open_at(invoice: &Owed, until: i64) -> i64 {
    let is_over = |at: Option<i64>| at.is_some_and(|at| at < until);
    let is_closed = is_over(invoice.paid_at) || is_over(invoice.voided_at) || is_over(invoice.given_up_at);
    if invoice.finalized >= until || is_closed {
        return 0;
    }
    let paid = invoice.parts.iter().filter(|part| part.at < until);
    paid.fold(invoice.due, |left, part| left.saturating_sub(part.amount)).max(0)
}

fn day(at: i64, zone: &TimeZone) -> Option<Date> {
    Some(Timestamp::from_second(at).ok()?.to_zoned(zone.clone()).date())
}

fn age(since: Date, until: Date) -> usize {
    let days = (until - since).get_days();
    AGES.iter().filter(|first| days >= **first).count()
}

/// Per currency: the target's own `net` of all entries must be the report's net less what was paid out.
fn balanced(entries: &[Entry], flows: &BTreeMap<String, Vec<Flow>>) -> Result<(), Problem> {
    let mut books: BTreeMap<&str, i128> = BTreeMap::new();
    for entry in entries {
        *books.entry(entry.currency.as_str()).or_default() += i128::from(entry.net);
    }
    for (code, flows) in flows {
        let ours = flows.iter().map(|flow| i128::from(flow.net()) - i128::from(flow.paid_out)).sum();
        match books.remove(code.as_str()).unwrap_or_default() {
            theirs if theirs == ours => {}
            theirs => return Err(unbalanced(code, theirs, ours)),
        }
    }
    match books.into_iter().find(|(_, theirs)| *theirs != 0) {
        Some((code, theirs)) => Err(unbalanced(code, theirs, 0)),
        None => Ok(()),
    }
}

fn unbalanced(code: &str, theirs: i128, ours: i128) -> Problem {
    let code = code.to_uppercase();
    let message =
        format!("the books come to {theirs} minor units of {code}, and the report would say {ours}; it is not printed");
    Problem::new("report.unbalanced", message).advise("run it again; if it stays, please report it with the command")
}

#[cfg(test)]
mod tests;
