//! An invoice's life, and what may and may not get on it.

use crate::client::Stripe;

#[tokio::test]
async fn from_draft_to_paid() {
    let stripe = Stripe::start();
    let customer = stripe.customer().await;
    let form = format!(
        "customer={customer}&currency=eur&collection_method=send_invoice&days_until_due=14&auto_advance=false\
         &pending_invoice_items_behavior=exclude&description=memo&metadata[rowbill_op]=op9"
    );
    let draft = stripe.post("/v1/invoices", &form).await;
    let path = format!("/v1/invoices/{}", draft.id());
    assert_eq!(draft.body["status"], "draft");
    assert_eq!(draft.body["due_date"].as_i64().unwrap() - draft.body["created"].as_i64().unwrap(), 14 * 86_400);
    for amount in [1250, 750] {
        let item = format!("customer={customer}&invoice={}&amount={amount}&currency=eur", draft.id());
        assert_eq!(stripe.post("/v1/invoiceitems", &item).await.body["invoice"], draft.id());
    }
    let read = stripe.get(&path).await;
    assert_eq!(
        (read.body["total"].as_i64(), read.body["lines"]["data"].as_array().map(Vec::len)),
        (Some(2000), Some(2))
    );
    let open = stripe.post(&format!("{path}/finalize"), "").await;
    assert_eq!((open.body["status"].as_str(), open.body["amount_due"].as_i64()), (Some("open"), Some(2000)));
    assert!(open.body["number"].as_str().unwrap().ends_with("-0001"));
    assert_eq!(open.body["customer_email"], "ann@example.org");
    assert_eq!(open.body["description"], "memo");
    let page = open.body["hosted_invoice_url"].as_str().unwrap().replace(&stripe.sandbox.url(), "");
    assert_eq!(stripe.get(&page).await.body["total"], 2000);
    assert_eq!(stripe.post(&format!("{path}/finalize"), "").await.error().1, "invoice_not_editable");
    assert_eq!(stripe.post(&format!("{path}/send"), "").await.body["status"], "open");
    assert_eq!(stripe.post(&format!("{path}/pay"), "").await.error().1, "resource_missing");
    let paid = stripe.post(&format!("{path}/pay"), "paid_out_of_band=true").await;
    assert_eq!((paid.body["status"].as_str(), paid.body["amount_remaining"].as_i64()), (Some("paid"), Some(0)));
    for action in ["void", "mark_uncollectible", "send", "pay"] {
        assert_eq!(stripe.post(&format!("{path}/{action}"), "").await.status, 400, "{action}");
    }
    let states: Vec<_> =
        stripe.changes().iter().filter(|each| each.kind == "invoice").map(|each| each.status).collect();
    assert_eq!(states, [Some("draft"), Some("open"), Some("open"), Some("paid")]);
}

#[tokio::test]
async fn other_ends() {
    let stripe = Stripe::start();
    let customer = stripe.customer().await;
    let path = open(&stripe, &customer, 500).await;
    assert_eq!(stripe.post(&format!("{path}/mark_uncollectible"), "").await.body["status"], "uncollectible");
    assert_eq!(stripe.post(&format!("{path}/void"), "").await.body["status"], "void");
    assert_eq!(stripe.post(&format!("{path}/pay"), "paid_out_of_band=true").await.status, 400);
    let path = open(&stripe, &customer, 500).await;
    let declined = stripe.post(&format!("{path}/pay"), "payment_method=pm_card_declined").await;
    assert_eq!((declined.status, declined.error().1), (402, "card_declined"));
    let after = stripe.get(&path).await;
    assert_eq!((after.body["status"].as_str(), after.body["attempt_count"].as_i64()), (Some("open"), Some(1)));
    assert_eq!(stripe.post(&format!("{path}/pay"), "payment_method=pm_card_visa").await.body["status"], "paid");
    assert_eq!(stripe.delete(&path).await.status, 400);
    assert_eq!(stripe.post(&path, "metadata[a]=b").await.body["metadata"]["a"], "b");
    assert_eq!(stripe.post(&path, "description=x").await.error().1, "invoice_not_editable");
}

/// The path of an open invoice.
async fn open(stripe: &Stripe, customer: &str, amount: i64) -> String {
    let path = format!("/v1/invoices/{}", stripe.draft(customer).await);
    stripe.post(&format!("{path}/add_lines"), &format!("lines[][amount]={amount}")).await.id();
    stripe.post(&format!("{path}/finalize"), "").await.id();
    path
}

#[tokio::test]
async fn too_little_to_charge_is_paid_at_once_and_waits_on_the_balance() {
    let stripe = Stripe::start();
    let customer = stripe.customer().await;
    let small = stripe.get(&open(&stripe, &customer, 30).await).await;
    assert_eq!((small.body["status"].as_str(), small.body["amount_due"].as_i64()), (Some("paid"), Some(0)));
    assert_eq!((small.body["total"].as_i64(), small.body["ending_balance"].as_i64()), (Some(30), Some(30)));
    let next = stripe.get(&open(&stripe, &customer, 100).await).await;
    assert_eq!((next.body["total"].as_i64(), next.body["amount_due"].as_i64()), (Some(100), Some(130)));
    let nothing = format!("/v1/invoices/{}/finalize", stripe.draft(&customer).await);
    assert_eq!(stripe.post(&nothing, "").await.body["status"], "paid");
}

#[tokio::test]
async fn a_stray_pending_item_is_swept_in_only_when_asked() {
    let stripe = Stripe::start();
    let customer = stripe.customer().await;
    let stray = stripe.item(&customer, 999).await;
    let path = open(&stripe, &customer, 100).await;
    assert_eq!(stripe.get(&path).await.body["total"], 100);
    assert!(stripe.get(&format!("/v1/invoiceitems/{stray}")).await.body["invoice"].is_null());
    assert_eq!(stripe.get(&format!("/v1/invoiceitems?customer={customer}&pending=true")).await.ids(), [stray.as_str()]);
    let form = format!("customer={customer}&pending_invoice_items_behavior=include");
    let swept = stripe.post("/v1/invoices", &form).await;
    assert_eq!((swept.body["total"].as_i64(), swept.body["currency"].as_str()), (Some(999), Some("eur")));
    let deleted = stripe.delete(&format!("/v1/invoices/{}", swept.id())).await;
    assert_eq!(deleted.body["deleted"], true);
    assert!(stripe.get(&format!("/v1/invoiceitems/{stray}")).await.body["invoice"].is_null());
}

#[tokio::test]
async fn lines_are_added_and_removed_all_or_none() {
    let stripe = Stripe::start();
    let customer = stripe.customer().await;
    let (one, two) = (stripe.item(&customer, 10).await, stripe.item(&customer, 20).await);
    let invoice = stripe.draft(&customer).await;
    let path = format!("/v1/invoices/{invoice}");
    let refused =
        stripe.post(&format!("{path}/add_lines"), &format!("lines[0][invoice_item]={one}&lines[1][amount]=x")).await;
    assert_eq!(refused.error(), (400, "parameter_invalid_integer", "lines[1][amount]"));
    let form = format!("lines[][invoice_item]={one}&lines[][invoice_item]={one}");
    assert_eq!(stripe.post(&format!("{path}/add_lines"), &form).await.error().2, "lines[1][invoice_item]");
    assert_eq!(stripe.get(&path).await.body["total"], 0);
    let form = format!(
        "lines[0][invoice_item]={one}&lines[1][invoice_item]={two}&lines[2][amount]=30&lines[2][description]=new\
         &invoice_metadata[x]=y"
    );
    let added = stripe.post(&format!("{path}/add_lines"), &form).await;
    assert_eq!((added.body["total"].as_i64(), added.body["metadata"]["x"].as_str()), (Some(60), Some("y")));
    let lines = added.body["lines"]["data"].as_array().unwrap();
    assert_eq!(lines[0]["parent"]["invoice_item_details"]["invoice_item"], one.as_str());
    let other = stripe.draft(&customer).await;
    let again = stripe.post(&format!("/v1/invoices/{other}/add_lines"), &format!("lines[0][invoice_item]={one}")).await;
    assert_eq!(again.error(), (400, "invalid_request_error", "lines[0][invoice_item]"));
    let (first, last) = (lines[0]["id"].as_str().unwrap(), lines[2]["id"].as_str().unwrap());
    let form =
        format!("lines[0][id]={first}&lines[0][behavior]=unassign&lines[1][id]={last}&lines[1][behavior]=delete");
    assert_eq!(stripe.post(&format!("{path}/remove_lines"), &form).await.body["total"], 20);
    assert_eq!(stripe.get(&format!("/v1/invoiceitems?customer={customer}&pending=true")).await.ids(), [one.as_str()]);
    let line = lines[1]["id"].as_str().unwrap();
    let form = format!("lines[0][id]={line}&lines[0][amount]=25");
    assert_eq!(stripe.post(&format!("{path}/update_lines"), &form).await.body["total"], 25);
    assert_eq!(stripe.post(&format!("{path}/lines/{line}"), "amount=26").await.body["amount"], 26);
}

#[tokio::test]
async fn what_does_not_fit_stays_off() {
    let stripe = Stripe::start();
    let (ann, bob) = (stripe.customer().await, stripe.customer().await);
    let invoice = stripe.draft(&ann).await;
    let dollars = format!("customer={ann}&invoice={invoice}&amount=5&currency=usd");
    assert_eq!(stripe.post("/v1/invoiceitems", &dollars).await.error().2, "currency");
    let foreign = stripe.item(&bob, 5).await;
    let form = format!("lines[0][invoice_item]={foreign}");
    assert_eq!(stripe.post(&format!("/v1/invoices/{invoice}/add_lines"), &form).await.status, 400);
    let theirs = format!("customer={bob}&invoice={invoice}&amount=5&currency=eur");
    assert_eq!(stripe.post("/v1/invoiceitems", &theirs).await.error().2, "invoice");
    let lines = |n: usize| vec!["lines[][amount]=1"; n].join("&");
    let path = format!("/v1/invoices/{invoice}");
    assert_eq!(stripe.post(&format!("{path}/add_lines"), &lines(251)).await.status, 400);
    assert_eq!(stripe.post(&format!("{path}/add_lines"), &lines(250)).await.body["total"], 250);
    let one_more = format!("customer={ann}&invoice={invoice}&amount=5&currency=eur");
    assert_eq!(stripe.post("/v1/invoiceitems", &one_more).await.status, 400);
    stripe.post(&format!("{path}/finalize"), "").await.id();
    assert_eq!(stripe.post("/v1/invoiceitems", &one_more).await.error().1, "invoice_not_editable");
    let line = stripe.get(&format!("{path}/lines?limit=1")).await;
    let item = line.data()[0]["parent"]["invoice_item_details"]["invoice_item"].as_str().unwrap();
    assert_eq!(stripe.delete(&format!("/v1/invoiceitems/{item}")).await.error().1, "invoice_not_editable");
}

#[tokio::test]
async fn rules_of_collection() {
    let stripe = Stripe::start();
    let customer = stripe.customer().await;
    let create = |form: &str| {
        let (stripe, form) = (stripe.clone(), format!("customer={customer}&{form}"));
        async move { stripe.post("/v1/invoices", &form).await }
    };
    let send = "collection_method=send_invoice";
    assert_eq!(create(send).await.error(), (400, "parameter_missing", "days_until_due"));
    assert_eq!(create("days_until_due=3").await.error().2, "days_until_due");
    assert_eq!(create(&format!("{send}&days_until_due=3&due_date=9999999999")).await.error().1, "parameters_exclusive");
    assert_eq!(create(&format!("{send}&due_date=5")).await.error().2, "due_date");
    assert_eq!(create(&format!("{send}&due_date=9999999999")).await.body["due_date"], 9_999_999_999_i64);
    assert_eq!(create("collection_method=odd").await.error().2, "collection_method");
    let charged = open(&stripe, &customer, 500).await;
    assert_eq!(stripe.post(&format!("{charged}/send"), "").await.status, 400);
    let nameless = stripe.post("/v1/customers", "name=NoMail").await;
    let form = format!("customer={}&{send}&days_until_due=3", nameless.id());
    assert_eq!(stripe.post("/v1/invoices", &form).await.error().2, "customer");
}
