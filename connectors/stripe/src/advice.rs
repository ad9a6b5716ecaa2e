//! What to do about the refusals that rows run into most.

/// Advice by code (docs.stripe.com/error-codes), or by Stripe's words where it gives no code of its own.
pub(crate) fn advice(code: &str, message: &str) -> Option<&'static str> {
    by_code(code, message).or_else(|| by_words(message))
}

fn by_code(code: &str, message: &str) -> Option<&'static str> {
    Some(match code {
        "resource_missing" if message.contains("a similar object exists") => OTHER_MODE,
        "livemode_mismatch" => OTHER_MODE,
        "resource_missing" => {
            "The id is not of this account and mode, or the object was deleted. Correct the cell, or make the object \
             first."
        }
        "email_invalid" => "Correct the e-mail address in the row.",
        "parameter_unknown" => {
            "Remove this parameter from the mapping; `rowbill validate` knows the names that Stripe takes."
        }
        "parameter_missing" => "Add this parameter to the mapping, or fill the cell that it comes from.",
        "parameter_invalid_empty" | "parameter_invalid_string_empty" | "parameter_invalid_string_blank" => {
            "The cell is empty: fill it, or leave the parameter out when it is."
        }
        "parameter_invalid_integer" | "invalid_charge_amount" => {
            "Give a whole number; amounts come from a `money` column."
        }
        "parameters_exclusive" => "Stripe takes only one of these parameters: remove the other from the mapping.",
        "amount_too_small" => {
            "The amount is below Stripe's smallest charge for this currency. Correct it, or put several rows on one \
             invoice."
        }
        "amount_too_large" => "The amount is above Stripe's largest charge for this currency. Correct it, or split it.",
        "charge_exceeds_source_limit" | "charge_exceeds_transaction_limit" => {
            "The amount is above a limit of the payment method or the account. Wait, split it, or ask Stripe for a \
             higher limit."
        }
        "charge_already_refunded" => "Nothing is left to do: this payment was refunded before.",
        "customer_max_payment_methods" => "Remove payment methods that this customer no longer uses.",
        "customer_tax_location_invalid" => {
            "Correct the customer's address: automatic tax cannot be worked out from it."
        }
        "invoice_no_customer_line_items" => "The invoice has no lines. Look at what became of its items.",
        "invoice_not_editable" => "The invoice is final. Make a new one, or void this one first.",
        "invoice_upcoming_none" => "There is nothing to invoice for this customer.",
        "missing" => "Something that the mapping names does not exist in this account.",
        "stripe_tax_inactive" => "Set up Stripe Tax for this account, or take `automatic_tax` out of the mapping.",
        "tax_id_invalid" => "Correct the tax number in the row.",
        "country_code_invalid" => "Give the country as two letters, such as DE.",
        "url_invalid" => "Give a whole address that begins with https://.",
        "key_refused" => {
            "Put a key that is in force in place, then run again; what was not sent is taken up by itself."
        }
        "permission" => {
            "Give the restricted key the permission that Stripe names (https://dashboard.stripe.com/apikeys), then \
             run again."
        }
        "idempotency_mismatch" => {
            "An earlier or another ledger has used this key for other bytes, and what it made is looked up. If two rowbills \
             bill the same rows, stop one of them."
        }
        "rate_limit" => {
            "rowbill slows down and sends it again; set a lower `rate_limit` if other programs share this account."
        }
        "lock_timeout" | "idempotency_key_in_use" => {
            "Another request on this object is under way. rowbill sends it again by itself."
        }
        "account_invalid" => "The key may not act for this account. Check `connected_account`.",
        _ => return None,
    })
}

const OTHER_MODE: &str = "The id is of the other mode: test objects need a test key, live ones a live key. Check the \
                          account's `mode` and the cell.";

fn by_words(message: &str) -> Option<&'static str> {
    let message = message.to_lowercase();
    let has = |word: &str| message.contains(word);
    if has("customer") && has("deleted") {
        Some("The customer was deleted in Stripe. Make it again, or name another one.")
    } else if has("currency") && (has("combine") || has("match") || has("different")) {
        Some("One customer's invoice has one currency. Put this row on an invoice of its own, or correct its currency.")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_speak_where_no_code_does() {
        let deleted = "No such customer: 'cus_1'. This customer has been deleted.";
        assert!(advice("invalid_request_error", deleted).unwrap().contains("deleted in Stripe"));
        let mixed = "You cannot combine currencies on a single customer.";
        assert!(advice("invalid_request_error", mixed).is_none_or(|advice| advice.contains("currency")));
        let mixed = "The currency of the item must match the currency of the invoice.";
        assert!(advice("invalid_request_error", mixed).unwrap().contains("one currency"));
        let mode = "No such price: 'price_1'; a similar object exists in test mode, but a live mode key was used";
        assert_eq!(advice("resource_missing", mode), Some(OTHER_MODE));
        assert_eq!(advice("card_declined", "Your card was declined."), None);
    }
}
