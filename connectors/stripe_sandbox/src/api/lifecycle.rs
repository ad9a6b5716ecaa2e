//! From a draft to an open, paid, void or uncollectible invoice.

use serde_json::Value;

use super::collect::{self, adjust, attempt};
use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
use crate::store::card::Card;
use crate::store::invoice::{Settled, Status};
use crate::store::{Kind, Store, at};

pub(super) fn finalize(store: &mut Store, id: &str, params: &Params) -> Outcome {
    let place = store.invoice(id, "id")?;
    let status = store.invoices[at(place)].status;
    if status != Status::Draft {
        let message = "This invoice is already finalized, you can't re-finalize a non-draft invoice.";
        return Err(Refusal::invalid(message).code("invoice_not_editable"));
    }
    open(store, place, params.yes("auto_advance"));
    Ok(Reply::Object(Kind::Invoice, place))
}

/// A draft is finalized first, as Stripe does.
pub(super) fn send(store: &mut Store, id: &str) -> Outcome {
    let place = store.invoice(id, "id")?;
    let invoice = &store.invoices[at(place)];
    if !invoice.sends {
        let message = "You can only manually send an invoice if its collection method is 'send_invoice'.";
        return Err(Refusal::invalid(message));
    }
    match invoice.status {
        Status::Draft => open(store, place, None),
        Status::Open => store.change_invoice(place, |_| {}),
        status => return Err(wrong_state("send", status)),
    }
    store.emit("invoice.sent", Kind::Invoice, place);
    Ok(Reply::Object(Kind::Invoice, place))
}

pub(super) fn pay(store: &mut Store, id: &str, params: &Params) -> Outcome {
    let place = store.invoice(id, "id")?;
    match store.invoices[at(place)].status {
        Status::Draft => open(store, place, None),
        Status::Open | Status::Uncollectible => {}
        Status::Paid => return Err(Refusal::invalid("Invoice is already paid")),
        status @ Status::Void => return Err(wrong_state("pay", status)),
    }
    // A draft of nothing was paid when it was finalized.
    if store.invoices[at(place)].status == Status::Paid {
        return Ok(Reply::Object(Kind::Invoice, place));
    }
    if params.yes("paid_out_of_band") == Some(true) {
        pay_elsewhere(store, place);
    } else {
        charge(store, place, params)?;
    }
    Ok(Reply::Object(Kind::Invoice, place))
}

/// The money came to the seller without Stripe: the invoice is paid, and no invoice payment says by what
/// (docs.stripe.com/changelog/basil: `amount_paid` counts it).
fn pay_elsewhere(store: &mut Store, place: u32) {
    let now = store.now;
    store.change_invoice(place, |invoice| {
        invoice.settled.off_stripe += invoice.remaining();
        invoice.settled.paid = invoice.settled.due;
        invoice.status = Status::Paid;
        invoice.moments.paid = Some(now);
        invoice.next_attempt = None;
    });
    store.emit("invoice.paid", Kind::Invoice, place);
    adjust(store, place, None);
}

/// Charges a payment method: the one that is given, the invoice's, or the customer's.
fn charge(store: &mut Store, place: u32, params: &Params) -> Result<(), Refusal> {
    let invoice = &store.invoices[at(place)];
    let customer = &store.customers[at(invoice.customer)];
    let given = params.text("payment_method").or_else(|| params.text("source"));
    let of_invoice = invoice.rest.get("default_payment_method").and_then(Value::as_str);
    let settings = customer.rest("invoice_settings").and_then(|all| all.get("default_payment_method"));
    let of_customer = settings.and_then(Value::as_str);
    let Some(method) = given.or(of_invoice).or(of_customer) else {
        let message = "There is no `default_payment_method` set on this Customer or Invoice. Please set a \
                       `default_payment_method`.";
        return Err(Refusal::invalid(message).code("resource_missing"));
    };
    let attempt = attempt(store, place, None, Card::of_method(method))?;
    match attempt.outcome {
        collect::Outcome::Paid => Ok(()),
        collect::Outcome::Declined(failure) => {
            let charge = attempt.charge.map(|charge| store.id(Kind::Charge, charge));
            Err(Refusal::card(failure.message, failure.code).declined(failure.decline_code, charge))
        }
        collect::Outcome::NeedsAction => {
            let message = "Payment for this invoice requires additional user action before it can be completed \
                           successfully. Payment can be completed using the PaymentIntent associated with the invoice.";
            Err(Refusal::card(message, "invoice_payment_intent_requires_action"))
        }
    }
}

pub(super) fn void(store: &mut Store, id: &str) -> Outcome {
    let place = store.invoice(id, "id")?;
    match store.invoices[at(place)].status {
        Status::Open | Status::Uncollectible => {}
        status => return Err(wrong_state("void", status)),
    }
    let now = store.now;
    store.change_invoice(place, |invoice| {
        invoice.status = Status::Void;
        invoice.moments.voided = Some(now);
        invoice.next_attempt = None;
    });
    store.emit("invoice.voided", Kind::Invoice, place);
    adjust(store, place, Some("void_invoice"));
    Ok(Reply::Object(Kind::Invoice, place))
}

pub(super) fn mark_uncollectible(store: &mut Store, id: &str) -> Outcome {
    let place = store.invoice(id, "id")?;
    match store.invoices[at(place)].status {
        Status::Open => {}
        status => return Err(wrong_state("mark as uncollectible", status)),
    }
    let now = store.now;
    store.change_invoice(place, |invoice| {
        invoice.status = Status::Uncollectible;
        invoice.moments.uncollectible = Some(now);
        invoice.next_attempt = None;
    });
    store.emit("invoice.marked_uncollectible", Kind::Invoice, place);
    Ok(Reply::Object(Kind::Invoice, place))
}

fn wrong_state(action: &str, status: Status) -> Refusal {
    Refusal::invalid(format!("You can't {action} an invoice with status '{}'.", status.name()))
}

/// Numbers the invoice, applies the customer's balance, and opens it, or marks it paid where nothing can be charged.
fn open(store: &mut Store, place: u32, auto_advance: Option<bool>) {
    let invoice = &store.invoices[at(place)];
    let (customer, currency, total) = (invoice.customer, invoice.currency, store.total(invoice));
    let addressee = store.addressee(customer);
    let settled = settle(total, store.customers[at(customer)].balance, currency.minimum());
    let number = invoice.number.clone().unwrap_or_else(|| number(store, customer));
    let now = store.now;
    store.note_on_customer(customer, |customer| {
        customer.numbered += 1;
        customer.balance = settled.ending_balance.unwrap_or(0);
    });
    store.change_invoice(place, |invoice| {
        invoice.number = Some(number);
        invoice.addressee = Some(Box::new(addressee));
        invoice.settled = settled;
        invoice.moments.finalized = Some(now);
        invoice.auto_advance = auto_advance.unwrap_or(invoice.auto_advance);
        invoice.status = if settled.due == 0 { Status::Paid } else { Status::Open };
        if settled.due == 0 {
            invoice.moments.paid = Some(now);
        }
    });
    store.emit("invoice.finalized", Kind::Invoice, place);
    if settled.due == 0 {
        store.emit("invoice.paid", Kind::Invoice, place);
        return;
    }
    store.add_payment(place, settled.due, true);
    if let Some(date) = store.invoices[at(place)].due_date {
        store.till.due.insert((date, place));
    }
}

/// Says of open invoices that their due date has passed.
pub(crate) fn say_overdue(store: &mut Store) {
    while let Some(&(date, place)) = store.till.due.first()
        && date < store.now
    {
        store.till.due.pop_first();
        if store.invoices[at(place)].status == Status::Open {
            store.emit("invoice.overdue", Kind::Invoice, place);
        }
    }
}

/// What is due of a total. What cannot be charged (a credit, or less than the smallest charge) goes to the balance.
fn settle(total: i64, balance: i64, minimum: i64) -> Settled {
    let sum = total.saturating_add(balance);
    let chargeable = sum > 0 && sum >= minimum;
    let (due, ending) = if chargeable { (sum, 0) } else { (0, sum) };
    Settled { due, starting_balance: balance, ending_balance: Some(ending), ..Settled::default() }
}

/// `7FE11031-0001`.
fn number(store: &Store, place: u32) -> Box<str> {
    let customer = &store.customers[at(place)];
    let own = customer.rest("invoice_prefix").and_then(Value::as_str).map(str::to_owned);
    let prefix = own.unwrap_or_else(|| store.ids.invoice_prefix(place));
    let first = customer.rest("next_invoice_sequence").and_then(Value::as_i64).unwrap_or(1);
    format!("{prefix}-{:04}", first + i64::from(customer.numbered)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_charged_goes_to_the_balance() {
        let due = |total, balance, minimum| {
            let settled = settle(total, balance, minimum);
            (settled.due, settled.ending_balance.unwrap_or_default())
        };
        assert_eq!(due(1000, 0, 50), (1000, 0));
        assert_eq!(due(1000, -300, 50), (700, 0));
        assert_eq!(due(1000, -3000, 50), (0, -2000));
        assert_eq!(due(49, 0, 50), (0, 49));
        assert_eq!(due(30, 49, 50), (79, 0));
        assert_eq!(due(0, 0, 0), (0, 0));
        assert_eq!(due(-500, 0, 50), (0, -500));
    }
}
