//! From a draft to an open, paid, void or uncollectible invoice.

use serde_json::Value;

use super::{Outcome, Params, Reply};
use crate::refusal::Refusal;
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
    let out_of_band = params.yes("paid_out_of_band") == Some(true);
    if !out_of_band {
        charge(store, place, params)?;
    }
    let now = store.now;
    store.change_invoice(place, |invoice| {
        invoice.status = Status::Paid;
        invoice.settled.paid = invoice.settled.due;
        invoice.moments.paid = Some(now);
        invoice.attempts += u32::from(!out_of_band);
    });
    Ok(Reply::Object(Kind::Invoice, place))
}

/// Plays the charge: there must be a payment method, and one with `declined` in its id is declined.
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
    if !method.to_ascii_lowercase().contains("declined") {
        return Ok(());
    }
    store.change_invoice(place, |invoice| invoice.attempts += 1);
    Err(Refusal::card("Your card was declined.", "card_declined"))
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
    });
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
    });
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
}

/// What is due of a total. What cannot be charged (a credit, or less than the smallest charge) goes to the balance.
fn settle(total: i64, balance: i64, minimum: i64) -> Settled {
    let sum = total.saturating_add(balance);
    let chargeable = sum > 0 && sum >= minimum;
    let (due, ending) = if chargeable { (sum, 0) } else { (0, sum) };
    Settled { due, paid: 0, starting_balance: balance, ending_balance: Some(ending) }
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
