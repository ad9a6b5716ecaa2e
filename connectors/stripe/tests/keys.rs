//! Keys that are refused, restricted, or of another account.

use rowbill_connector::{SendError, Target};
use rowbill_stripe::StripeTarget;
use rowbill_stripe_sandbox::{Options, Sandbox};

use crate::support::{KEY, config, customer, invoice, make, sandbox, send, start};

fn restricted(permissions: &[&str]) -> (Sandbox, StripeTarget) {
    let permissions = permissions.iter().map(|&name| name.to_owned()).collect();
    let sandbox = sandbox(Options { permissions: Some(permissions), ..Options::default() });
    let mut config = config(&sandbox.url());
    config.key = KEY.replace("sk_", "rk_").into();
    let target = StripeTarget::new(config).unwrap();
    (sandbox, target)
}

fn halts<T: std::fmt::Debug>(result: Result<T, SendError>, code: &str) {
    match result {
        Err(SendError::Halt(problem)) => assert_eq!(problem.code, code),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_restricted_key_works_as_far_as_it_goes() {
    let (_sandbox, target) = restricted(&["customer_write"]);
    assert_eq!(target.check().await.unwrap().account, None);
    let made = make(&target, &customer("op1", "a@b.example"), "op1").await;
    let (_, result) = send(&target, &invoice("op2", &made.id), "op2").await;
    halts(result, "stripe.permission");
    assert_eq!(target.search_ours().await.unwrap(), None);
}

#[tokio::test]
async fn a_key_without_customers_is_told_so() {
    let (_sandbox, target) = restricted(&["product_write"]);
    halts(target.check().await, "stripe.permission");
}

#[tokio::test]
async fn a_full_key_names_its_account() {
    let (sandbox, target) = start();
    let info = target.check().await.unwrap();
    assert_eq!(info.account, Some(sandbox.account()));
    assert!(info.clock.is_some());
}

#[tokio::test]
async fn a_revoked_key_halts_until_it_is_restored() {
    let (sandbox, target) = start();
    sandbox.revoke_key();
    halts(target.check().await, "stripe.key_refused");
    let (_, result) = send(&target, &customer("op1", "a@b.example"), "op1").await;
    halts(result, "stripe.key_refused");
    sandbox.restore_key();
    make(&target, &customer("op1", "a@b.example"), "op1").await;
}

#[tokio::test]
async fn a_test_key_does_not_open_a_live_account() {
    let sandbox = sandbox(Options { livemode: true, ..Options::default() });
    let target = crate::support::target(&sandbox.url());
    halts(target.check().await, "stripe.key_refused");
}
