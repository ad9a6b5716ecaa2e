//! What the sandbox's faults mean to a send.

use std::time::Duration;

use rowbill_connector::{SendError, Target};
use rowbill_stripe_sandbox::{Fault, Rule};

use crate::support::{customer, key, make, send, start};

#[tokio::test]
async fn the_same_request_gets_through_later_under_its_key() {
    let limited = |retry_after| Fault::RateLimited { reason: "endpoint-rate".to_owned(), retry_after };
    let faults = [
        (limited(Some(2)), "stripe.rate_limit", Some(Duration::from_secs(2))),
        (limited(None), "stripe.rate_limit", None),
        (Fault::LockTimeout, "stripe.lock_timeout", None),
        (Fault::InUse409, "stripe.idempotency_key_in_use", None),
        (Fault::DropBefore, "stripe.answer_cut", None),
        (Fault::DropAfterCommit, "stripe.answer_cut", None),
    ];
    for (fault, code, wanted) in faults {
        let (sandbox, target) = start();
        sandbox.faults().script(Rule::next(fault));
        let (request, result) = send(&target, &customer("op1", "a@b.example"), "op1").await;
        match result.unwrap_err() {
            SendError::NotSent { open, wait, problem } => {
                assert_eq!((problem.code.as_str(), wait), (code, wanted));
                assert_eq!(open, !matches!(code, "stripe.rate_limit" | "stripe.lock_timeout"), "{code}");
            }
            other => panic!("{code}: {other:?}"),
        }
        target.send(&request, &key("op1")).await.unwrap();
        assert_eq!(sandbox.objects("customer").len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_stored_500_is_replayed_and_stays_unknown() {
    let (sandbox, target) = start();
    sandbox.faults().script(Rule::next(Fault::FailAfterCommit(500)));
    for _ in 0..2 {
        let (_, result) = send(&target, &customer("op1", "a@b.example"), "op1").await;
        assert!(matches!(result, Err(SendError::Unknown(_))), "{result:?}");
    }
    assert_eq!(sandbox.objects("customer").len(), 1);
}

#[tokio::test]
async fn other_bytes_under_a_used_key_are_unknown() {
    let (_sandbox, target) = start();
    make(&target, &customer("op1", "a@b.example"), "op1").await;
    let (_, result) = send(&target, &customer("op1", "other@b.example"), "op1").await;
    match result.unwrap_err() {
        SendError::Unknown(problem) => assert_eq!(problem.code, "stripe.idempotency_mismatch"),
        other => panic!("{other:?}"),
    }
}
