//! Keys, modes and permissions.

use rowbill_stripe_sandbox::Options;

use crate::client::Stripe;

#[tokio::test]
async fn keys_of_the_wrong_form_or_mode_are_refused() {
    let stripe = Stripe::start();
    assert_eq!(stripe.with_key("sk_live_abcdefghijkl").get("/v1/customers").await.status, 401);
    assert_eq!(stripe.with_key("nonsense").get("/v1/customers").await.status, 401);
    let publishable = stripe.with_key("pk_test_abc").get("/v1/customers").await;
    assert_eq!(publishable.error(), (403, "secret_key_required", ""));
    let message = stripe.with_key("sk_live_abcdefghijkl").get("/v1/customers").await.body.to_string();
    assert!(message.contains("sk_live_****ijkl") && !message.contains("abcdefgh"), "{message}");
}

#[tokio::test]
async fn a_live_account_is_live_all_over() {
    let stripe = Stripe::with(Options { livemode: true, ..Options::default() }).with_key("rk_live_abc");
    let customer = stripe.post("/v1/customers", "").await;
    assert_eq!(customer.body["livemode"], true);
    assert_eq!(stripe.get("/v1/account").await.body["livemode"], true);
    assert_eq!(stripe.with_key("sk_test_abc").get("/v1/account").await.status, 401);
}

#[tokio::test]
async fn only_the_named_keys_are_taken() {
    let stripe = Stripe::with(Options { keys: vec!["sk_test_one".into()], ..Options::default() });
    assert_eq!(stripe.with_key("sk_test_one").get("/v1/balance").await.body["object"], "balance");
    assert_eq!(stripe.with_key("sk_test_two").get("/v1/balance").await.status, 401);
}

#[tokio::test]
async fn restricted_keys_name_the_permission_that_is_missing() {
    let permissions = Some(vec!["rak_customer_read".to_owned(), "invoice_write".to_owned()]);
    let stripe = Stripe::with(Options { permissions, ..Options::default() });
    let restricted = stripe.with_key("rk_test_abc");
    assert_eq!(restricted.get("/v1/customers").await.status, 200);
    let refused = restricted.post("/v1/customers", "name=A").await;
    assert_eq!(refused.status, 403);
    assert!(refused.body["error"]["message"].as_str().unwrap().contains("'rak_customer_write'"), "{refused:?}");
    assert_eq!(restricted.get("/v1/invoiceitems").await.status, 200);
    assert_eq!(stripe.post("/v1/customers", "name=A").await.status, 200);
    stripe.sandbox.set_permissions(None);
    assert_eq!(restricted.post("/v1/customers", "name=A").await.status, 200);
}

#[tokio::test]
async fn two_accounts_do_not_know_each_others_ids() {
    let (one, other) = (Stripe::start(), Stripe::start());
    let customer = one.customer().await;
    other.customer().await;
    assert_eq!(other.get(&format!("/v1/customers/{customer}")).await.error(), (404, "resource_missing", "id"));
    assert_ne!(one.sandbox.account(), other.sandbox.account());
    assert_eq!(one.get("/v1/account").await.body["id"], one.sandbox.account());
}
