//! Orders of events: whatever comes when, and how often, the end is the same.

use std::sync::Mutex;

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rowbill_connector::{
    Bill, Delivery, Dispute, Endpoint, Event, IdempotencyKey, OperationId, Payment, Payments, Problem, Receipt,
    SendError, Stage, Subject,
};

use super::record::Way;
use super::{Applying, PaymentRecord, PaymentState, receive};
use crate::ledger::memory::MemoryLedger;

const INVOICE: &str = "in_1";

/// What happens to an invoice, in the order in which it happens.
const COURSE: [&str; 9] = [
    "created",
    "finalized",
    "sent",
    "payment_failed",
    "requires_action",
    "paid",
    "refunded",
    "dispute.created",
    "dispute.closed",
];

/// The target: how far the course of the invoice has come.
struct Course(Mutex<usize>);

impl Course {
    fn go_on(&self) {
        let mut at = self.0.lock().unwrap();
        *at = (*at + 1).min(COURSE.len() - 1);
    }

    fn now(&self) -> Bill {
        let at = *self.0.lock().unwrap();
        let stage = match at {
            0..=2 => Stage::Waiting,
            3 => Stage::Failed,
            4 => Stage::NeedsAction,
            _ => Stage::Succeeded,
        };
        let (paid, refunded) = (if at >= 5 { 1000 } else { 0 }, if at >= 6 { 300 } else { 0 });
        let dispute = Dispute { id: "du_1".to_owned(), amount: 700, won: (at >= 8).then_some(true), due_by: Some(9) };
        Bill {
            invoice: INVOICE.to_owned(),
            op: Some(OperationId("tagged1".to_owned())),
            status: ["draft", "open", "paid"][usize::from(at >= 1) + usize::from(at >= 5)].to_owned(),
            currency: "eur".to_owned(),
            total: 1000,
            due: 1000,
            paid,
            remaining: 1000 - paid,
            payments: vec![Payment { stage, amount: paid, refunded, is_of_target: true, ..Payment::default() }],
            disputes: if at >= 7 { vec![dispute] } else { Vec::new() },
            ..Bill::default()
        }
    }
}

#[async_trait]
impl Payments for Course {
    async fn bill(&self, _: &str) -> Result<Bill, SendError> {
        Ok(self.now())
    }

    async fn made_of(&self, _: &str, _: &Bill) -> Result<Vec<Receipt>, SendError> {
        Ok(Vec::new())
    }

    async fn invoices_of(&self, subject: &Subject) -> Result<Vec<String>, SendError> {
        Ok(if *subject == Subject::Other { Vec::new() } else { vec![INVOICE.to_owned()] })
    }

    async fn events_since(&self, _: i64) -> Result<Vec<Event>, SendError> {
        Ok(Vec::new())
    }

    async fn event(&self, _: &str) -> Result<Event, SendError> {
        Err(SendError::Refused(Problem::new("stripe.resource_missing", "no such event")))
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, SendError> {
        Ok(Vec::new())
    }

    async fn add_endpoint(&self, _: &str, _: &IdempotencyKey) -> Result<(Endpoint, String), SendError> {
        Err(SendError::Refused(Problem::new("stripe.none", "none")))
    }

    fn receive(&self, _: &Delivery<'_>) -> Result<Event, Problem> {
        Err(Problem::new("webhook.none", "none"))
    }
}

fn event(nth: usize) -> Event {
    let subject = match nth {
        0..=2 => Subject::Invoice(INVOICE.to_owned()),
        3..=5 => Subject::Intent("pi_1".to_owned()),
        _ => Subject::Charge("ch_1".to_owned()),
    };
    // Several happen in one second, which tells nothing of their order.
    let created = 1_800_000_000 + i64::try_from(nth / 4).unwrap();
    let kind = COURSE[nth].to_owned();
    Event { id: format!("evt_{nth}"), kind, created, livemode: false, account: None, subject }
}

async fn apply(ledger: &MemoryLedger, course: &Course) {
    let tags = [("tagged".to_owned(), "bills".to_owned())];
    let applying = Applying { ledger, target: course, account: "acme", tags: &tags, now: 1_800_000_100, most: 9 };
    assert_eq!(applying.run().await.unwrap().stopped, None);
}

async fn payment(ledger: &MemoryLedger) -> PaymentRecord {
    let found = PaymentRecord::find(ledger, INVOICE).await.unwrap();
    found.unwrap()
}

async fn deliver(ledger: &MemoryLedger, nth: usize) {
    receive(ledger, "acme", &[event(nth)], Way::Webhook, 1_800_000_050, None).await.unwrap();
}

/// All 362,880 orders come to one state, when they come after all of it has happened. One in 13 is tried, or all with
/// `ROWBILL_TEST_EVERY_ORDER=1`.
#[tokio::test]
async fn every_order_of_late_deliveries_ends_in_the_same_state() {
    let every = if std::env::var_os("ROWBILL_TEST_EVERY_ORDER").is_some() { 1 } else { 13 };
    let mut orders = 0_u32;
    let mut order: Vec<usize> = (0..COURSE.len()).collect();
    loop {
        orders += 1;
        if !orders.is_multiple_of(every) {
            if next_order(&mut order) {
                continue;
            }
            break;
        }
        let ledger = MemoryLedger::default();
        let course = Course(Mutex::new(COURSE.len() - 1));
        for (at, nth) in order.iter().enumerate() {
            for _ in 0..=(at + nth) % 3 {
                deliver(&ledger, *nth).await;
            }
        }
        apply(&ledger, &course).await;
        let payment = payment(&ledger).await;
        assert_eq!((payment.state, payment.refunded), (PaymentState::PartRefunded, 300), "{order:?}");
        assert_eq!(payment.history.len(), 1);
        if !next_order(&mut order) {
            break;
        }
    }
    assert_eq!(orders, 362_880);
}

/// Deliveries and readings in between, while things are still happening: the end is what is true then, and the history
/// never goes back to what was.
#[tokio::test]
async fn deliveries_while_things_happen_end_in_the_same_state() {
    for seed in 0..3000_u64 {
        let mut dice = StdRng::seed_from_u64(seed);
        let (ledger, course) = (MemoryLedger::default(), Course(Mutex::new(0)));
        let mut deliveries: Vec<usize> =
            (0..COURSE.len()).flat_map(|nth| vec![nth; dice.random_range(1..=3)]).collect();
        deliveries.shuffle(&mut dice);
        for nth in deliveries {
            // Nothing is told before it has happened.
            while *course.0.lock().unwrap() < nth {
                course.go_on();
            }
            deliver(&ledger, nth).await;
            if dice.random_range(0..3) == 0 {
                apply(&ledger, &course).await;
            }
        }
        apply(&ledger, &course).await;
        let payment = payment(&ledger).await;
        assert_eq!(payment.state, PaymentState::PartRefunded, "seed {seed}");
        let paid: Vec<i64> = payment.history.iter().map(|step| step.paid).collect();
        assert!(paid.is_sorted(), "seed {seed}: {:?}", payment.history);
    }
}

/// The next order of these numbers, as a dictionary has them; none after the last.
fn next_order(order: &mut [usize]) -> bool {
    let Some(at) = (1..order.len()).rev().find(|at| order[at - 1] < order[*at]) else { return false };
    let with = (at..order.len()).rev().find(|with| order[*with] > order[at - 1]).unwrap_or(at);
    order.swap(at - 1, with);
    order[at..].reverse();
    true
}
