//! What customers and banks do: pay at the invoice's page, dispute, send money back, take payouts.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{balance, collect, disputes, refunds};
use crate::engine::Engine;
use crate::refusal::Refusal;
use crate::store::card::Card;
use crate::store::money::Code;
use crate::store::{Kind, Store, at};

/// `{"invoice":"in_…","card":"4242424242424242","amount":500}`, `{"invoice":"in_…","authenticate":true}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pay {
    pub(crate) invoice: String,
    pub(crate) card: Option<String>,
    pub(crate) amount: Option<i64>,
    pub(crate) authenticate: Option<bool>,
}

/// `{"charge":"ch_…"}` opens one, `{"dispute":"du_…","won":true}` closes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quarrel {
    pub(crate) charge: Option<String>,
    pub(crate) dispute: Option<String>,
    pub(crate) won: Option<bool>,
}

/// `{"currency":"eur"}` makes one, `{"payout":"po_…"}` lets it fail.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payout {
    pub(crate) currency: Option<String>,
    pub(crate) payout: Option<String>,
}

/// `{"refund":"re_…"}` lets it fail.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailedRefund {
    pub(crate) refund: String,
}

impl Engine {
    /// The customer pays an invoice, or comes back from 3-D Secure.
    pub(crate) fn pay(&self, pay: &Pay) -> Result<Value, String> {
        self.act(|store| {
            let invoice = store.invoice(&pay.invoice, "invoice")?;
            let attempt = match (&pay.card, pay.authenticate) {
                (Some(number), None) => {
                    let Some(card) = Card::of_number(number) else {
                        let message = "Known test cards end with 4242, 0002, 3220 or 0259.";
                        return Err(Refusal::of("card", message));
                    };
                    collect::attempt(store, invoice, pay.amount, card)?
                }
                (None, Some(succeeded)) if pay.amount.is_none() => collect::authenticate(store, invoice, succeeded)?,
                _ => return Err(Refusal::invalid("Say `card` and perhaps `amount`, or `authenticate`.")),
            };
            Ok(told(store, invoice, &attempt))
        })
        .map_err(|refusal| refusal.message().to_owned())
    }

    pub(crate) fn dispute(&self, quarrel: &Quarrel) -> Result<Value, String> {
        self.change(|store| match (&quarrel.charge, &quarrel.dispute, quarrel.won) {
            (Some(charge), None, None) => {
                let charge = store.find(Kind::Charge, charge, "charge")?;
                disputes::disputable(store, charge)?;
                Ok((Kind::Dispute, disputes::open(store, charge)))
            }
            (None, Some(dispute), Some(won)) => {
                let dispute = store.find(Kind::Dispute, dispute, "dispute")?;
                disputes::close(store, dispute, won)?;
                Ok((Kind::Dispute, dispute))
            }
            _ => Err(Refusal::invalid("Say `charge`, or `dispute` and `won`.")),
        })
    }

    pub(crate) fn payout(&self, payout: &Payout) -> Result<Value, String> {
        self.change(|store| match (&payout.currency, &payout.payout) {
            (Some(currency), None) => Ok((Kind::Payout, balance::pay_out(store, Code::new(currency))?)),
            (None, Some(payout)) => {
                let payout = store.find(Kind::Payout, payout, "payout")?;
                balance::fail_payout(store, payout)?;
                Ok((Kind::Payout, payout))
            }
            _ => Err(Refusal::invalid("Say `currency`, or `payout`.")),
        })
    }

    pub(crate) fn fail_refund(&self, id: &str) -> Result<Value, String> {
        self.change(|store| {
            let refund = store.find(Kind::Refund, id, "refund")?;
            refunds::fail(store, refund)?;
            Ok((Kind::Refund, refund))
        })
    }

    /// Does something, and gives the object that it made or changed.
    fn change(&self, change: impl FnOnce(&mut Store) -> Result<(Kind, u32), Refusal>) -> Result<Value, String> {
        let changed = self.act(|store| change(store).map(|(kind, place)| store.render(kind, place)));
        changed.map_err(|refusal| refusal.message().to_owned())
    }
}

/// `{"outcome":"paid","invoice":"in_…","invoice_status":"open","payment_intent":"pi_…","charge":"ch_…"}`.
fn told(store: &Store, invoice: u32, attempt: &collect::Attempt) -> Value {
    json!({
        "outcome": match attempt.outcome {
            collect::Outcome::Paid => "paid",
            collect::Outcome::Declined(_) => "declined",
            collect::Outcome::NeedsAction => "requires_action",
        },
        "invoice": store.id(Kind::Invoice, invoice),
        "invoice_status": store.invoices[at(invoice)].status.name(),
        "payment_intent": store.id(Kind::Intent, attempt.payment),
        "charge": attempt.charge.map(|charge| store.id(Kind::Charge, charge)),
    })
}
