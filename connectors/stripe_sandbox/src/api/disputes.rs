//! Disputes: opened and closed by the customer's bank, listed by the seller.

use super::payments::page;
use super::{Outcome, Params};
use crate::refusal::Refusal;
use crate::store::dispute::{Dispute, Verdict};
use crate::store::txn::{DISPUTE_FEE, Movement};
use crate::store::{Kind, Store, at};

/// Card networks leave one to three weeks for evidence (docs.stripe.com/disputes/responding).
const EVIDENCE: i64 = 9 * 24 * 60 * 60;

/// The bank takes the money of a charge; what was refunded of it is not taken again.
pub(crate) fn open(store: &mut Store, charge: u32) -> u32 {
    let (amount, currency) = (store.till.charges[at(charge)].left(), store.till.charges[at(charge)].currency);
    let place = store.next(Kind::Dispute);
    let txn = store.book(Movement::Disputed, currency, (-amount, DISPUTE_FEE), (Kind::Dispute, place));
    let created = store.now;
    store.add_dispute(Dispute {
        created,
        charge,
        amount,
        due_by: created + EVIDENCE,
        verdict: Verdict::Waiting,
        txns: vec![txn],
    });
    store.change_charge(charge, |charge| charge.dispute = Some(place));
    store.emit("charge.dispute.created", Kind::Dispute, place);
    store.emit("charge.dispute.funds_withdrawn", Kind::Dispute, place);
    store.emit("charge.updated", Kind::Charge, charge);
    place
}

/// Whether a charge can be disputed.
pub(crate) fn disputable(store: &Store, charge: u32) -> Result<(), Refusal> {
    let charge = &store.till.charges[at(charge)];
    if charge.dispute.is_some() {
        return Err(Refusal::invalid("This charge is disputed already."));
    }
    if charge.left() == 0 {
        return Err(Refusal::invalid("Nothing is left of this charge to dispute."));
    }
    Ok(())
}

/// The bank decides. A dispute that is won gives the money back, the fee not.
pub(crate) fn close(store: &mut Store, place: u32, won: bool) -> Result<(), Refusal> {
    let dispute = &store.till.disputes[at(place)];
    if dispute.verdict != Verdict::Waiting {
        return Err(Refusal::invalid("This dispute is closed already."));
    }
    let (amount, currency) = (dispute.amount, store.till.charges[at(dispute.charge)].currency);
    let back = won.then(|| store.book(Movement::Reinstated, currency, (amount, 0), (Kind::Dispute, place)));
    store.change_dispute(place, |dispute| {
        dispute.verdict = if won { Verdict::Won } else { Verdict::Lost };
        dispute.txns.extend(back);
    });
    if won {
        store.emit("charge.dispute.funds_reinstated", Kind::Dispute, place);
    }
    store.emit("charge.dispute.closed", Kind::Dispute, place);
    Ok(())
}

pub(super) fn list(store: &Store, params: &Params) -> Outcome {
    let charge = params.text("charge").map(|id| store.find(Kind::Charge, id, "charge")).transpose()?;
    let intent = params.text("payment_intent").map(|id| store.find(Kind::Intent, id, "payment_intent")).transpose()?;
    let keep = |place| {
        let disputed = store.till.disputes[at(place)].charge;
        charge.is_none_or(|charge| disputed == charge)
            && intent.is_none_or(|intent| store.till.charges[at(disputed)].payment == intent)
    };
    page(store, params, Kind::Dispute, "/v1/disputes", keep)
}

impl Dispute {
    /// Whether the money is with the customer's bank.
    pub(super) fn takes(&self) -> bool {
        self.verdict != Verdict::Won
    }
}
