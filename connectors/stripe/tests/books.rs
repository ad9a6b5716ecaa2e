//! Making and reading objects, against the sandbox.

use std::time::Duration;

use rowbill_connector::{Filter, Param, Target};
use rowbill_stripe::{StripeConfig, StripeTarget};

use crate::support::{
    KEY, add_lines, config, customer, customer_with_items, finalize, invoice, key, make, on, op, send, start, text,
};

#[tokio::test]
async fn a_customer_is_made_read_listed_and_replayed() {
    let (sandbox, target) = start();
    let (request, made) = send(&target, &customer("op1", "ann@example.org"), "op1").await;
    let made = made.unwrap();
    assert_eq!((made.object.as_str(), made.op.as_ref(), made.replayed), ("customer", Some(&op("op1")), false));
    assert_eq!(made.email.as_deref(), Some("ann@example.org"));
    assert_eq!(target.get(&made.id).await.unwrap(), made);
    let filter = Filter { email: Some("ann@example.org".to_owned()), ..Filter::default() };
    assert_eq!(target.list("customer", &filter).await.unwrap(), std::slice::from_ref(&made));
    let other = Filter { created_since: Some(made.created + 1), ..Filter::default() };
    assert!(target.list("customer", &other).await.unwrap().is_empty());
    assert_eq!(target.find(&request, &op("op1"), made.created).await.unwrap(), Some(made.clone()));
    let again = target.send(&request, &key("op1")).await.unwrap();
    assert!(again.replayed && again.id == made.id);
    assert_eq!(sandbox.objects("customer").len(), 1);
    assert!(target.clock().is_some());
}

#[tokio::test]
async fn an_invoice_goes_from_draft_to_sent_with_exactly_its_items() {
    let (_sandbox, target) = start();
    let (customer, items) = customer_with_items(&target, 3).await;
    let draft = make(&target, &invoice("n", &customer), "n").await;
    assert_eq!((draft.status.as_deref(), draft.amount), (Some("draft"), Some(0)));
    let bound = make(&target, &add_lines(&draft.id, &items[..2]), "n-lines").await;
    assert_eq!((bound.amount, bound.subtotal, bound.items.len()), (Some(200), Some(200), 2));
    let open = make(&target, &finalize(&draft.id), "n-final").await;
    assert_eq!(open.status.as_deref(), Some("open"));
    let sent = make(&target, &on("POST /v1/invoices/{invoice}/send", &draft.id, &[]), "n-send").await;
    assert_eq!((sent.customer.as_deref(), sent.currency.as_deref()), (Some(customer.as_str()), Some("eur")));
    assert!(sent.url.is_some());
    let item = target.get(&items[0]).await.unwrap();
    assert_eq!((item.invoice.as_deref(), item.amount), (Some(draft.id.as_str()), Some(100)));
    assert!(item.created > 0);
    let on_it = Filter { invoice: Some(draft.id.clone()), ..Filter::default() };
    assert_eq!(target.list("invoiceitem", &on_it).await.unwrap().len(), 2);
    assert_eq!(target.get(&items[2]).await.unwrap().invoice, None);
}

#[tokio::test]
async fn a_long_invoice_is_read_with_all_of_its_items() {
    let (_sandbox, target) = start();
    let (customer, mut items) = customer_with_items(&target, 120).await;
    let draft = make(&target, &invoice("n", &customer), "n").await;
    let bound = add_lines(&draft.id, &items);
    let (request, result) = send(&target, &bound, "n-lines").await;
    assert_eq!(result.unwrap().amount, Some(12_000));
    let mut read = target.get(&draft.id).await.unwrap().items;
    read.sort();
    items.sort();
    assert_eq!(read, items);
    assert!(target.find(&request, &op("n"), draft.created).await.unwrap().is_some());
    let all = target.list("invoiceitem", &Filter { customer: Some(customer), ..Filter::default() }).await.unwrap();
    assert_eq!(all.len(), 120);
    let some = target.list("invoiceitem", &Filter { at_most: Some(7), ..Filter::default() }).await.unwrap();
    assert_eq!(
        some.iter().map(|item| &item.id).collect::<Vec<_>>(),
        all[..7].iter().map(|item| &item.id).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn an_update_changes_the_customer() {
    let (_sandbox, target) = start();
    let made = make(&target, &customer("op1", "ann@example.org"), "op1").await;
    let update = on("POST /v1/customers/{customer}", &made.id, &[("email", text("bob@example.org"))]);
    let (request, result) = send(&target, &update, "op2").await;
    assert_eq!(result.unwrap().email.as_deref(), Some("bob@example.org"));
    assert_eq!(target.find(&request, &op("op2"), 0).await.unwrap(), None);
}

#[tokio::test]
async fn search_knows_ours_once_it_has_caught_up() {
    let (sandbox, target) = start();
    let made = make(&target, &customer("op1", "ann@example.org"), "op1").await;
    let foreign = on("POST /v1/customers", "", &[("name", text("not ours"))]);
    make(&target, &foreign, "x").await;
    sandbox.clock().advance(Duration::from_mins(10));
    assert_eq!(target.search_ours().await.unwrap(), Some(vec![made]));
}

#[tokio::test]
async fn a_test_object_can_be_deleted_twice() {
    let (_sandbox, target) = start();
    let made = make(&target, &customer("op1", "ann@example.org"), "op1").await;
    target.delete(&made.id).await.unwrap();
    assert_eq!(target.get(&made.id).await.unwrap().status.as_deref(), Some("deleted"));
    target.delete(&made.id).await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_in_stripes_words() {
    let (_sandbox, target) = start();
    let (_, result) = send(&target, &customer_of("cus_none"), "op1").await;
    let problem = result.unwrap_err().problem().clone();
    assert_eq!(problem.code, "stripe.resource_missing");
    assert!(problem.message.starts_with("No such customer: 'cus_none'"), "{problem}");
    assert!(problem.request_id.is_some() && problem.advice.is_some());
    let unknown = target.get("xx_1").await.unwrap_err();
    assert_eq!(unknown.problem().code, "stripe.object_unknown");
}

fn customer_of(customer: &str) -> rowbill_connector::Call {
    let pairs = [("customer", text(customer)), ("amount", Param::Int(1)), ("currency", text("eur"))];
    crate::support::marked("POST /v1/invoiceitems", "op1", &pairs)
}

#[test]
fn links_lead_where_a_person_can_look() {
    let link = |change: fn(&mut StripeConfig), id: &str| {
        let mut config = config("http://127.0.0.1:12111");
        change(&mut config);
        StripeTarget::new(config).unwrap().link(id)
    };
    assert_eq!(link(|_| {}, "cus_1"), "http://127.0.0.1:12111/v1/customers/cus_1");
    assert_eq!(link(|config| config.api_base = None, "cus_1"), "https://dashboard.stripe.com/test/customers/cus_1");
    assert_eq!(link(|config| config.api_base = None, "ii_1"), "https://dashboard.stripe.com/test/search?query=ii_1");
    let live = |config: &mut StripeConfig| {
        config.api_base = None;
        config.live = true;
        config.connected_account = Some("acct_1".to_owned());
        config.key = KEY.replace("test", "live").into();
    };
    assert_eq!(link(live, "in_1"), "https://dashboard.stripe.com/acct_1/invoices/in_1");
}
