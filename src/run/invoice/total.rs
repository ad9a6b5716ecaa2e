//! The draft's total, compared with its rows to the cent.

use std::collections::BTreeSet;

use rowbill_connector::{Problem, Receipt};

use super::{Course, Step};
use crate::ledger::RowState;
use crate::mapping::money::Minor;
use crate::run::report::{Amounts, Fate};
use crate::run::row::Settled;

impl Course<'_> {
    /// What the rows come to, against what the draft comes to.
    pub(super) async fn check_total(&mut self, invoice: &str) -> Step<Minor> {
        let receipt = match self.of.driver.line.target.get(invoice).await {
            Ok(receipt) => receipt,
            Err(error) => return self.unreadable(&error).await.map(Err),
        };
        let mut sums = Amounts::default();
        for (line, step) in self.task.lines.iter().zip(self.task.steps()) {
            match line.amount().or_else(|| self.items.get(&step).cloned()) {
                Some(minor) => sums.add(&minor.currency, minor.amount),
                None => return self.mismatch(invoice, "the amount of one of its rows is not known").await.map(Err),
            }
        }
        let has = if self.of.invoice.taxed { receipt.subtotal.or(receipt.amount) } else { receipt.amount };
        let currency = receipt.currency.clone().unwrap_or_default();
        let Some((code, sum)) = sums.0.into_iter().next() else {
            return self.mismatch(invoice, "it has no rows").await.map(Err);
        };
        if has != Some(sum) || code != currency {
            let has = has.map_or("an unknown amount".to_owned(), |amount| format!("{amount} {currency}"));
            let what = format!("its total is {has}, but its rows come to {sum} {code} (in minor units)");
            return self.mismatch(invoice, &what).await.map(Err);
        }
        if self.has_others(&receipt) {
            return self.mismatch(invoice, "it holds items that are not of these rows").await.map(Err);
        }
        Ok(Ok(Minor { amount: sum, currency: code }))
    }

    fn has_others(&self, receipt: &Receipt) -> bool {
        let made = self.task.record.objects.iter().filter(|object| object.step.starts_with("item."));
        let taken = self.task.lines.iter().filter_map(|line| line.item.as_ref());
        let ours: BTreeSet<&str> =
            made.map(|object| object.id.as_str()).chain(taken.map(|item| item.id.as_str())).collect();
        receipt.items.iter().any(|item| !ours.contains(item.as_str()))
    }

    async fn mismatch(&mut self, invoice: &str, what: &str) -> Result<Settled, Problem> {
        let problem = Problem::new("row.check_total", format!("invoice {invoice} stays as it is: {what}")).advise(
            "look at the invoice in Stripe; once it is right or deleted: `rowbill rows retry NAME KEY`; an \
                     invoice that is final is taken as it is with `rowbill rows accept NAME KEY`",
        );
        self.task.record.state = RowState::NeedsReview;
        self.task.record.problem = Some(problem.clone());
        self.commit().await?;
        Ok(Settled::not(Fate::NeedsReview, problem))
    }
}
