//! The state of a payment, from what the target says of the invoice now. Pure.

use rowbill_connector::{Bill, Stage};

use super::record::PaymentState;

/// One word for all of it. What needs somebody comes before what is merely so: a dispute before the payment that it is
/// about, a failed try before the part that was paid earlier.
pub fn state_of(bill: &Bill) -> PaymentState {
    let has = |stage| bill.payments.iter().any(|payment| payment.stage == stage);
    let is_settled = bill.status == "paid" || bill.status == "uncollectible";
    match bill.status.as_str() {
        "draft" => PaymentState::Draft,
        "void" => PaymentState::Void,
        _ if bill.disputes.iter().any(|dispute| dispute.won != Some(true)) => PaymentState::Disputed,
        _ if refunded(bill) > 0 && refunded(bill) >= bill.paid => PaymentState::Refunded,
        _ if refunded(bill) > 0 => PaymentState::PartRefunded,
        "uncollectible" => PaymentState::Uncollectible,
        "paid" if bill.paid == 0 && bill.carried_over > 0 => PaymentState::BelowMinimum,
        "paid" => PaymentState::Paid,
        _ if !is_settled && has(Stage::NeedsAction) => PaymentState::RequiresAction,
        _ if has(Stage::Failed) => PaymentState::Failed,
        _ if bill.paid > 0 => PaymentState::PartPaid,
        _ => PaymentState::Open,
    }
}

/// What has gone back, in minor units.
pub fn refunded(bill: &Bill) -> i64 {
    bill.payments.iter().map(|payment| payment.refunded).sum()
}

/// What came through the target itself, in minor units; the rest of what was paid came by bank, cash or another wallet.
pub fn through_target(bill: &Bill) -> i64 {
    let of_target = bill.payments.iter().filter(|payment| payment.is_of_target && payment.stage == Stage::Succeeded);
    of_target.map(|payment| payment.amount).sum::<i64>().min(bill.paid)
}

#[cfg(test)]
mod tests {
    use rowbill_connector::{Dispute, Payment};

    use super::*;

    fn bill(status: &str, paid: i64, stage: Stage, refunded: i64) -> Bill {
        let payment = Payment { stage, amount: paid, refunded, is_of_target: true, ..Payment::default() };
        Bill { status: status.to_owned(), total: 1000, due: 1000, paid, payments: vec![payment], ..Bill::default() }
    }

    #[test]
    fn one_word_for_each() {
        use PaymentState as S;
        for (status, paid, stage, refunded, wanted) in [
            ("draft", 0, Stage::Waiting, 0, S::Draft),
            ("open", 0, Stage::Waiting, 0, S::Open),
            ("open", 0, Stage::Processing, 0, S::Open),
            ("open", 0, Stage::NeedsAction, 0, S::RequiresAction),
            ("open", 0, Stage::Failed, 0, S::Failed),
            ("open", 400, Stage::Succeeded, 0, S::PartPaid),
            ("open", 400, Stage::Failed, 0, S::Failed),
            ("paid", 1000, Stage::Succeeded, 0, S::Paid),
            ("paid", 1000, Stage::NeedsAction, 0, S::Paid),
            ("paid", 1000, Stage::Succeeded, 1, S::PartRefunded),
            ("paid", 1000, Stage::Succeeded, 1000, S::Refunded),
            ("void", 0, Stage::Canceled, 0, S::Void),
            ("uncollectible", 0, Stage::Failed, 0, S::Uncollectible),
        ] {
            assert_eq!(state_of(&bill(status, paid, stage, refunded)), wanted, "{status} {paid} {stage:?} {refunded}");
        }
    }

    #[test]
    fn a_dispute_stands_until_it_is_won() {
        for (won, wanted) in
            [(None, PaymentState::Disputed), (Some(false), PaymentState::Disputed), (Some(true), PaymentState::Paid)]
        {
            let disputes = vec![Dispute { won, ..Dispute::default() }];
            assert_eq!(state_of(&Bill { disputes, ..bill("paid", 1000, Stage::Succeeded, 0) }), wanted);
        }
    }

    #[test]
    fn what_was_not_worth_a_charge_is_no_money() {
        let paid = Bill { payments: Vec::new(), ..bill("paid", 0, Stage::Waiting, 0) };
        assert_eq!(state_of(&Bill { carried_over: 30, ..paid.clone() }), PaymentState::BelowMinimum);
        // Nothing was due, or a credit of the customer's has paid it.
        assert_eq!(state_of(&Bill { carried_over: -1000, ..paid }), PaymentState::Paid);
    }

    #[test]
    fn money_from_outside_is_told_apart() {
        let mut bill = bill("paid", 1000, Stage::Succeeded, 0);
        bill.payments[0].amount = 400;
        bill.payments.push(Payment { stage: Stage::Succeeded, amount: 600, ..Payment::default() });
        assert_eq!(through_target(&bill), 400);
    }
}
