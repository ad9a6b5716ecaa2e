//! The balance, what moved it, and payouts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::lists::{Candidates, Listing, Span};
use super::payments::page;
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::money::Code;
use crate::store::payout::Payout;
use crate::store::txn::Movement;
use crate::store::{Kind, Store, at};

/// All money is available at once; nothing is pending.
pub(super) fn balance(store: &Store) -> Value {
    let mut sums = BTreeMap::from([("usd".to_owned(), 0)]);
    for txn in &store.till.txns {
        *sums.entry(txn.currency.to_string()).or_insert(0) += txn.net();
    }
    let money = |of: &dyn Fn(i64) -> i64| -> Vec<Value> {
        let entry = |(currency, &sum): (&String, &i64)| json!({"amount": of(sum), "currency": currency, "source_types": {"card": of(sum)}});
        sums.iter().map(entry).collect()
    };
    let (available, pending) = (money(&|sum| sum), money(&|_| 0));
    json!({"object": "balance", "available": available, "livemode": store.livemode, "pending": pending})
}

pub(super) fn list_txns(store: &Store, params: &Params) -> Outcome {
    let payout = params.text("payout").map(|id| store.find(Kind::Payout, id, "payout")).transpose()?;
    let currency = params.text("currency").map(Code::new);
    let (kind, source) = (params.text("type"), params.text("source"));
    let keep = |place| {
        let txn = &store.till.txns[at(place)];
        payout.is_none_or(|payout| txn.payout == Some(payout))
            && currency.is_none_or(|currency| txn.currency == currency)
            && kind.is_none_or(|kind| txn.movement.kind() == kind)
            && source.is_none_or(|id| store.id(txn.source.0, txn.source.1) == id)
    };
    page(store, params, Kind::Txn, "/v1/balance_transactions", keep)
}

pub(super) fn list_payouts(store: &Store, params: &Params) -> Outcome {
    params.not_played(&["destination"])?;
    let (status, arrival) = (params.text("status"), Span::read(params, "arrival_date"));
    let keep = |place| {
        let payout = &store.till.payouts[at(place)];
        let name = if payout.failed.is_some() { "failed" } else { "paid" };
        status.is_none_or(|status| status == name) && arrival.holds(payout.created)
    };
    let listing = Listing::new("/v1/payouts", params, |id, param| store.find(Kind::Payout, id, param))?;
    let created = |place| store.till.payouts[at(place)].created;
    let candidates = Candidates::all(&store.till.payouts);
    Ok(Reply::Json(listing.answer(&candidates, created, keep, |place| store.render(Kind::Payout, place))))
}

/// Sends all that is available in a currency to the bank. The payout holds what was not in an earlier one, and itself.
pub(crate) fn pay_out(store: &mut Store, currency: Code) -> Result<u32, Refusal> {
    let waits = |&txn: &u32| {
        let txn = &store.till.txns[at(txn)];
        txn.payout.is_none() && txn.currency == currency
    };
    let held: Vec<u32> = (0..store.next(Kind::Txn)).filter(waits).collect();
    let amount: i64 = held.iter().map(|&txn| store.till.txns[at(txn)].net()).sum();
    if amount < 1 {
        let message = format!("Nothing can be paid out: the balance is {amount} {currency}.");
        return Err(Refusal::invalid(message).code("balance_insufficient"));
    }
    let (created, place) = (store.now, store.next(Kind::Payout));
    let txn = store.book(Movement::Payout, currency, (-amount, 0), (Kind::Payout, place));
    for txn in held.into_iter().chain([txn]) {
        store.change_txn(txn, |txn| txn.payout = Some(place));
    }
    store.add_payout(Payout { created, currency, amount, txn, failed: None });
    store.emit("payout.created", Kind::Payout, place);
    store.emit("payout.paid", Kind::Payout, place);
    store.emit("payout.reconciliation_completed", Kind::Payout, place);
    Ok(place)
}

/// The bank sends a payout back; the money is in the balance again, for the next payout.
pub(crate) fn fail_payout(store: &mut Store, place: u32) -> Result<(), Refusal> {
    let payout = &store.till.payouts[at(place)];
    if payout.failed.is_some() {
        return Err(Refusal::invalid("This payout has failed already."));
    }
    let (amount, currency) = (payout.amount, payout.currency);
    let txn = store.book(Movement::PayoutFailure, currency, (amount, 0), (Kind::Payout, place));
    store.change_payout(place, |payout| payout.failed = Some(txn));
    store.emit("payout.failed", Kind::Payout, place);
    Ok(())
}
