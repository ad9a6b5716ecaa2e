//! After a lost answer each operation is found again, and nothing is found that was not made.

use rowbill_connector::{Call, Receipt, SendError, Target};
use rowbill_stripe::StripeTarget;
use rowbill_stripe_sandbox::{Fault, Rule, Sandbox};

use crate::scripted::{Reply, Scripted};
use crate::support::{
    add_lines, customer, customer_with_items, finalize, invoice, item, make, marked, on, op, send, start, target, text,
};

/// Sends a call into a fault and says what became of it.
async fn after(sandbox: &Sandbox, target: &StripeTarget, fault: Fault, call: &Call, under: &str) -> Option<Receipt> {
    sandbox.faults().script(Rule::on(call.operation, fault));
    let since = sandbox.clock().unix();
    let (request, result) = send(target, call, under).await;
    let open = matches!(result, Err(SendError::NotSent { .. } | SendError::Unknown(_)));
    assert!(open, "{result:?}");
    target.find(&request, &op(under), since).await.unwrap()
}

async fn lost_and_found(sandbox: &Sandbox, target: &StripeTarget, call: impl Fn(&str) -> Call) {
    for (number, fault) in [Fault::DropBefore, Fault::RejectBefore(503)].into_iter().enumerate() {
        let under = format!("before{number}");
        assert_eq!(after(sandbox, target, fault, &call(&under), &under).await, None);
    }
    let faults = [Fault::DropAfterCommit, Fault::FailAfterCommit(500), Fault::GarbleAfterCommit];
    for (number, fault) in faults.into_iter().enumerate() {
        let under = format!("after{number}");
        let found = after(sandbox, target, fault, &call(&under), &under).await.unwrap();
        assert_eq!(found.op, Some(op(&under)));
    }
}

#[tokio::test]
async fn customers_are_found() {
    let (sandbox, target) = start();
    lost_and_found(&sandbox, &target, |op| customer(op, "ann@example.org")).await;
    let (sandbox, target) = start();
    lost_and_found(&sandbox, &target, |op| marked("POST /v1/customers", op, &[])).await;
}

#[tokio::test]
async fn items_and_invoices_are_found() {
    let (sandbox, target) = start();
    let ann = make(&target, &customer("c", "ann@example.org"), "c").await.id;
    lost_and_found(&sandbox, &target, |op| item(op, &ann, 100)).await;
    let (sandbox, target) = start();
    let ann = make(&target, &customer("c", "ann@example.org"), "c").await.id;
    lost_and_found(&sandbox, &target, |op| invoice(op, &ann)).await;
}

#[tokio::test]
async fn bound_lines_and_final_invoices_are_seen_on_the_invoice() {
    let (sandbox, target) = start();
    let (ann, items) = customer_with_items(&target, 2).await;
    let draft = make(&target, &invoice("n", &ann), "n").await.id;
    let lines = add_lines(&draft, &items);
    assert_eq!(after(&sandbox, &target, Fault::DropBefore, &lines, "l0").await, None);
    let found = after(&sandbox, &target, Fault::DropAfterCommit, &lines, "l1").await.unwrap();
    assert_eq!((found.id.as_str(), found.items.len(), found.amount), (draft.as_str(), 2, Some(200)));
    assert_eq!(after(&sandbox, &target, Fault::RejectBefore(500), &finalize(&draft), "f0").await, None);
    let found = after(&sandbox, &target, Fault::FailAfterCommit(500), &finalize(&draft), "f1").await.unwrap();
    assert_eq!(found.status.as_deref(), Some("open"));
    let mail = on("POST /v1/invoices/{invoice}/send", &draft, &[]);
    assert_eq!(after(&sandbox, &target, Fault::DropAfterCommit, &mail, "s").await, None);
}

#[tokio::test]
async fn a_customer_whose_email_was_changed_by_hand_is_still_found() {
    let (sandbox, target) = start();
    sandbox.faults().script(Rule::on("POST /v1/customers", Fault::FailAfterCommit(500)));
    let (request, result) = send(&target, &customer("op1", "ann@example.org"), "op1").await;
    assert!(matches!(result, Err(SendError::Unknown(_))), "{result:?}");
    let id = sandbox.objects("customer")[0]["id"].as_str().unwrap().to_owned();
    let update = on("POST /v1/customers/{customer}", &id, &[("email", text("bob@example.org"))]);
    make(&target, &update, "by-hand").await;
    let found = target.find(&request, &op("op1"), sandbox.clock().unix()).await.unwrap();
    assert_eq!(found.map(|found| found.id), Some(id));
}

#[tokio::test]
async fn one_among_many_is_found_on_a_later_page() {
    let (sandbox, target) = start();
    let ann = make(&target, &customer("c", "ann@example.org"), "c").await.id;
    let (request, first) = send(&target, &item("first", &ann, 7), "first").await;
    for number in 0..110 {
        let op = format!("i{number}");
        make(&target, &item(&op, &ann, 100), &op).await;
    }
    let since = sandbox.clock().unix();
    assert_eq!(target.find(&request, &op("first"), since).await.unwrap(), Some(first.unwrap()));
}

#[tokio::test]
async fn what_carries_no_mark_cannot_be_looked_for() {
    let (_sandbox, target) = start();
    let plain = on("POST /v1/customers", "", &[("name", text("Ann"))]);
    let others = customer("op2", "ann@example.org");
    for call in [plain, others, on("POST /v1/invoices/{invoice}/attach_payment", "in_1", &[])] {
        let error = target.find(&target.encode(&call), &op("op1"), 0).await.unwrap_err();
        assert_eq!(error.problem().code, "stripe.not_observable");
    }
}

#[tokio::test]
async fn a_customer_is_asked_for_by_email_first_and_then_without() {
    let server = Scripted::start(vec![Reply::json(200, &[], r#"{"data":[],"has_more":false}"#)]).await;
    let target = target(&server.url);
    let request = target.encode(&customer("op1", "ann@example.org"));
    assert_eq!(target.find(&request, &op("op1"), 1000).await.unwrap(), None);
    let asked: Vec<_> = server.asked().iter().map(|asked| asked.lines().next().unwrap().to_owned()).collect();
    let wanted = [
        "GET /v1/customers?created[gte]=700&email=ann%40example.org&limit=100 HTTP/1.1",
        "GET /v1/customers?created[gte]=700&limit=100 HTTP/1.1",
    ];
    assert_eq!(asked, wanted);
}
